"""Who may ask an endpoint next: earliest deadline first, within its rate and its workers.

A 429 or `Retry-After` holds the endpoint, not the credential that heard it: until the hold is
over nobody asks, and then one at a time probes until an answer is good.
"""

from __future__ import annotations

import asyncio
import enum
import heapq
import itertools
from collections.abc import Awaitable, Callable

from redox_operator.controllers.clock import Clock
from redox_operator.domain.clock_correction import ClockCorrection
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.policies import Failure
from redox_operator.domain.token_bucket import TokenBucket

PROBE_INTERVAL = 10.0
"""Seconds between requests to an endpoint that is held."""
MAX_HOLD = 300.0
"""Seconds; a `Retry-After` beyond a token's life would only let every reader go stale."""


MAX_SLEEP = 10.0
"""Seconds; while a machine is suspended, sleeps do not count and the boot clock does."""


class Answer(enum.Enum):
    """What a permit led to."""

    GOOD = "the endpoint answered"
    POOR = "it did not, or with an error of its own"
    UNUSED = "nothing was sent"


Issue = Callable[[Key, "EndpointQueue"], Awaitable[Answer]]
"""Uses a turn that this queue granted."""


class EndpointQueue:
    """Credentials waiting for one endpoint. Times are of the boot clock."""

    def __init__(self, endpoint: Endpoint, workers: int, clock: Clock, issue: Issue) -> None:
        self.endpoint = endpoint
        self.correction = ClockCorrection()
        self._workers = workers
        self._clock = clock
        self._issue = issue
        self._bucket = self._new_bucket()
        self._waiting: list[tuple[float, int, Key]] = []
        self._keys: dict[Key, float] = {}
        self._flights: dict[Key, asyncio.Task[None]] = {}
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self._held_until: float | None = None
        self._holds = 0
        self.trouble: Failure | None = None
        """What the endpoint answered last, while no answer has been good since."""

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: Key) -> bool:
        return key in self._keys or key in self._flights

    @property
    def held(self) -> bool:
        """Whether the endpoint asked for fewer requests and none has succeeded since."""
        return self._held_until is not None

    def waited(self, key: Key) -> float:
        """Seconds that a credential has waited for its turn; 0 where it does not wait."""
        now = self._clock.read().boot
        return now - self._keys.get(key, now)

    def is_asking(self, key: Key) -> bool:
        """Whether a request of this credential is under way."""
        return key in self._flights

    @property
    def rate(self) -> float:
        """Requests a second that are allowed now."""
        return self._bucket.rate

    def configure(self, endpoint: Endpoint) -> None:
        """Take changed settings of the same endpoint."""
        before, self.endpoint = self.endpoint, endpoint
        if endpoint.token_url != before.token_url:
            # Another server: nothing that was learnt of the last one holds.
            self._bucket, self._held_until = self._new_bucket(), None
            self.correction = ClockCorrection()
        elif (endpoint.requests_per_second, endpoint.burst) != (
            before.requests_per_second,
            before.burst,
        ):
            self._bucket = self._new_bucket(empty=True)
        self._wake.set()

    def add(self, key: Key, deadline: float) -> None:
        """Let a credential wait for its turn; `deadline` orders, on any one scale."""
        if key not in self:
            self._keys[key] = self._clock.read().boot
            heapq.heappush(self._waiting, (deadline, next(self._order), key))
            self._wake.set()

    def discard(self, key: Key) -> None:
        """A credential that no longer waits."""
        self._keys.pop(key, None)

    def hold(self, seconds: float | None, *, halve: bool) -> None:
        """The endpoint wants to be left alone, for that long if it said so."""
        now = self._clock.read().boot
        pause = PROBE_INTERVAL if seconds is None else min(MAX_HOLD, max(1.0, seconds))
        self._held_until = max(self._held_until or 0.0, now + pause)
        self._holds += 1
        if halve:
            self._bucket.halve(now)

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
                flight.cancel()

    def _grant(self) -> float:
        """Start what may start; seconds until it is worth looking again."""
        while self._waiting:
            now = self._clock.read().boot
            workers = 1 if self.held else self._workers
            if len(self._flights) >= workers:
                return MAX_SLEEP
            if self._held_until is not None and now < self._held_until:
                return self._held_until - now
            _, _, key = self._waiting[0]
            if key not in self._keys:
                heapq.heappop(self._waiting)
                continue
            if not self._bucket.take(now):
                return max(0.001, self._bucket.wait(now))
            heapq.heappop(self._waiting)
            self._keys.pop(key, None)
            self._flights[key] = asyncio.create_task(self._fly(key), name=f"issue {key}")
        return MAX_SLEEP

    async def _fly(self, key: Key) -> None:
        probing, holds, answer = self.held, self._holds, Answer.UNUSED
        try:
            answer = await self._issue(key, self)
        finally:
            del self._flights[key]
            self._wake.set()
        if answer is Answer.UNUSED:
            self._bucket.give_back()
        elif answer is Answer.GOOD:
            self.trouble = None
            if holds == self._holds:
                # An answer to what was sent before the hold says nothing about it.
                self._held_until = None
        elif probing:
            self.hold(None, halve=False)

    def _new_bucket(self, *, empty: bool = False) -> TokenBucket:
        """A bucket; an empty one where requests were sent that it does not know of."""
        rate, now = self.endpoint.requests_per_second, self._clock.read().boot
        bucket = TokenBucket(rate, self.endpoint.burst, now)
        while empty and rate > 0 and bucket.take(now):
            pass
        return bucket
