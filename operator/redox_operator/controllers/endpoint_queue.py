"""Who may ask an endpoint next, within its rate and its workers.

A 429, `Retry-After` and a breaker that is open hold the endpoint, not the credential that heard
it: until an answer is good, one at a time probes. No hold outlasts the deadlines of those who wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.ports import Leads
from redox_operator.controllers.turns import Flight, Waiting
from redox_operator.domain.breaker import Breaker, Cause
from redox_operator.domain.clock_correction import ClockCorrection
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.errors import EndpointUnavailable, RateLimited
from redox_operator.domain.lanes import Lane, Lanes
from redox_operator.domain.policies import Failure
from redox_operator.domain.token_bucket import TokenBucket
from redox_operator.domain.worker_slots import WorkerSlots

MAX_SLEEP = 10.0
"""Seconds; while a machine is suspended, sleeps do not count and the boot clock does."""
ATTEMPTS = 3
"""Of one turn, where others wait for a worker, or the deadline has passed."""

Issue = Callable[[Key, "EndpointQueue"], Awaitable[bool]]
"""Uses a turn that this queue granted; whether anything was sent."""


class EndpointQueue:
    """Credentials waiting for one endpoint. Times are of the boot clock."""

    def __init__(
        self,
        endpoint: Endpoint,
        workers: int,
        clock: Clock,
        issue: Issue,
        *,
        leads: Leads = lambda: True,
        asked_before: bool = False,
    ) -> None:
        """`leads`: whether this process may request tokens at all; while not, nothing is sent.

        `asked_before`: requests were sent that it does not know of; it begins with no burst.
        """
        self.endpoint = endpoint
        self.correction = ClockCorrection()
        self.trouble: Failure | None = None
        """What the endpoint answered last, while no answer has been good since."""
        self._leads = leads
        self._clock = clock
        self._issue = issue
        self._breaker = Breaker()
        self._lanes = Lanes()
        self._workers = WorkerSlots(workers)
        self._waiting: dict[Key, Waiting] = {}
        self._joining: deque[tuple[Key, asyncio.Future[None]]] = deque()
        self._flights: dict[Key, Flight] = {}
        self._wake = asyncio.Event()
        self._bucket = self._new_bucket(empty=asked_before)
        self._halved_at = float("-inf")

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: Key) -> bool:
        return key in self._waiting or key in self._flights

    @property
    def depths(self) -> dict[Lane, int]:
        """How many wait in each lane."""
        return self._lanes.depths

    @property
    def held_by(self) -> frozenset[Cause]:
        """Why only probes are sent; empty: the endpoint is asked freely."""
        return self._breaker.causes

    @property
    def held(self) -> bool:
        """Whether only probes are sent."""
        return bool(self._breaker.causes)

    def waited(self, key: Key) -> float:
        """Seconds that a credential has waited for its turn; 0 where it does not wait."""
        waiting = self._waiting.get(key)
        return 0.0 if waiting is None else self._clock.read().boot - waiting.since

    def is_asking(self, key: Key) -> bool:
        """Whether a request of this credential is under way."""
        return key in self._flights

    def configure(self, endpoint: Endpoint) -> None:
        """Take changed settings of the same endpoint."""
        before, self.endpoint = self.endpoint, endpoint
        if endpoint.token_url != before.token_url:
            # Another server: nothing that was learnt of the last one holds.
            self._bucket, self._breaker = self._new_bucket(), Breaker()
            self.correction, self.trouble = ClockCorrection(), None
        elif (endpoint.requests_per_second, endpoint.burst) != (
            before.requests_per_second,
            before.burst,
        ):
            rate, burst, now = endpoint.requests_per_second, endpoint.burst, self._clock.read().boot
            self._bucket.change(rate, burst, now)
            self._lanes.change_rate(rate, burst, now)
        self._wake.set()

    def wake(self) -> None:
        """Look again at who may ask: what was read of the world may have changed."""
        self._wake.set()

    def add(self, key: Key, lane: Lane, deadline: float) -> None:
        """Let a credential wait for its turn, or take note that it waits for another reason."""
        if key in self._flights:
            return
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = Waiting(self._clock.read().boot, lane, deadline)
        elif not waiting.move(lane, deadline):
            return
        self._lanes.add(key, lane, deadline)
        self._wake.set()

    def discard(self, key: Key) -> None:
        """A credential that no longer waits."""
        if self._waiting.pop(key, None) is not None:
            self._lanes.discard(key)

    def ask_to_join(self, key: Key, *, before_deadline: bool = True) -> asyncio.Future[None] | None:
        """A permit to send a second request beside one that hangs; cancel it if it is not used.

        None: not now. After its deadline a credential's turn ends, so that it backs off.
        """
        flight = self._flights[key]
        self._workers.hangs(key)
        # A worker may be free for others now.
        self._wake.set()
        if flight.lane is Lane.REJECTED:
            return None
        others_wait = self._waiting and not self._workers.is_free_for_slow
        if flight.attempts >= ATTEMPTS and (others_wait or not before_deadline):
            return None
        permit = asyncio.get_running_loop().create_future()
        self._joining.append((key, permit))
        return permit

    def give_back(self, key: Key) -> None:
        """A permit to join was granted and is not used."""
        self._bucket.give_back()
        self._flights[key].attempts -= 1
        self._wake.set()

    def answered(self, key: Key, endpoint: Endpoint, sent_at: float) -> None:
        """A request brought a token, or its client was refused: the endpoint does its work."""
        now = self._clock.read().boot
        self._workers.answered(key.namespace, now - sent_at)
        if endpoint.token_url == self.endpoint.token_url:
            self.trouble = None
            self._breaker.answered(sent_at, now)
        self._wake.set()

    def failed(self, key: Key, endpoint: Endpoint, sent_at: float, failure: Failure) -> None:
        """A request brought no answer, or an error of the endpoint's own."""
        now, error = self._clock.read().boot, failure.error
        self._workers.answered(key.namespace, now - sent_at)
        self._wake.set()
        if endpoint.token_url != self.endpoint.token_url:
            return
        if self.trouble is None or type(self.trouble.error) is not type(error):
            self.trouble = failure
        if isinstance(error, RateLimited):
            # Whom alone it refuses is not to be the probe again and again.
            self._breaker.probe_failed(key, sent_at)
            self.hold(error.retry_after, halve=True, sent_at=sent_at)
            return
        self._breaker.failed(key, sent_at, now)
        if isinstance(error, EndpointUnavailable) and error.retry_after is not None:
            self.hold(error.retry_after, halve=False)

    def hold(self, seconds: float | None, *, halve: bool, sent_at: float = float("inf")) -> None:
        """The endpoint wants to be left alone, for that long if it said so.

        Refused requests that were sent before the rate was halved do not halve it again.
        """
        now = self._clock.read().boot
        self._breaker.hold(Cause.RATE if halve else Cause.RETRY_AFTER, seconds, now)
        if halve and sent_at >= self._halved_at:
            self._halved_at = now
            self._bucket.halve(now)
            self._lanes.halve(now)

    async def loop(self) -> None:
        """Grant turns, until cancelled."""
        try:
            while True:
                self._wake.clear()
                pause = self._grant()
                try:
                    async with asyncio.timeout(min(pause, MAX_SLEEP)):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            for flight in self._flights.values():
                if flight.task is not None:
                    flight.task.cancel()

    def _grant(self) -> float:
        """Start what may start; seconds until it is worth looking again."""
        while self._leads() and (self._waiting or self._joining):
            now = self._clock.read().boot
            pause = max(self._breaker.wait(now, self._deadline), self._bucket.wait(now))
            if pause > 0:
                return max(0.001, pause)
            if self._may_join() and self._let_join(now):
                continue
            turn = self._next_turn(now)
            if turn is None and not self.held and self._let_join(now):
                # The share of first issues is kept for nobody who may have it.
                continue
            if turn is None:
                # A worker that becomes free, an answer and a newcomer wake the loop.
                pause = self._lanes.wait(now)
                return max(0.001, pause) if pause > 0 else MAX_SLEEP
            self._bucket.take(now)
            self._begin(*turn, now)
        return MAX_SLEEP

    @property
    def _deadline(self) -> float:
        """The nearest of all who need this endpoint now."""
        asking = (flight.deadline for flight in self._flights.values())
        return min(self._lanes.nearest_deadline, *asking, float("inf"))

    def _may_join(self) -> bool:
        if self.held:
            # While others wait, their turn is the next probe. A request joins only where nobody
            # waits, so that one that hangs does not end the probing.
            return not self._waiting
        return not (self._lanes.first_is_due and self._workers.is_free_for_others)

    def _let_join(self, now: float) -> bool:
        while self._joining:
            key, permit = self._joining.popleft()
            flight = self._flights.get(key)
            if flight is not None and not permit.done():
                self._bucket.take(now)
                self._breaker.sent(now)
                self._lanes.note_other_turn()
                flight.attempts += 1
                permit.set_result(None)
                return True
        return False

    def _next_turn(self, now: float) -> tuple[Key, Lane] | None:
        if self.held:
            return self._lanes.pop_probe(self._breaker.failed_probes)
        level, rate = self._bucket.level(now), self._bucket.rate
        turn = None
        if self._workers.is_free_for_others:
            turn = self._lanes.pop(now, level, rate, skip=self._workers.crowding)
        if turn is None and self._workers.is_free_for_slow:
            turn = self._lanes.pop(now, level, rate)
        return turn

    def _begin(self, key: Key, lane: Lane, now: float) -> None:
        deadline = self._waiting.pop(key).deadline
        self._workers.begin(key)
        flight = self._flights[key] = Flight(lane, deadline, now, self._breaker.sent(now))
        flight.task = asyncio.create_task(self._fly(key, flight), name=f"issue {key}")

    async def _fly(self, key: Key, flight: Flight) -> None:
        used = True
        try:
            used = await self._issue(key, self)
        finally:
            del self._flights[key]
            self._workers.end(key)
            self._wake.set()
        if not used:
            self._bucket.give_back()
            self._lanes.give_back(flight.lane)
            self._breaker.unsent(flight.begun_at, flight.sent_before)

    def _new_bucket(self, *, empty: bool = False) -> TokenBucket:
        rate, burst = self.endpoint.requests_per_second, self.endpoint.burst
        now = self._clock.read().boot
        self._lanes.set_rate(rate, burst, now, empty=empty)
        return TokenBucket(rate, burst, now, empty=empty)
