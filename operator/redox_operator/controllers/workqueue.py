"""Keys that are due at a time: earliest deadline first, one run per key.

A key that is added while it runs runs again. Runs are bounded in number and short: what may have
to wait for an endpoint or for a key to be checked leaves the queue and is added again afterwards.
A standby's queue is empty: whoever begins to lead adds all keys.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Awaitable, Callable

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.failures import place_of
from redox_operator.controllers.ports import Leads
from redox_operator.domain.credential import Key

logger = logging.getLogger(__name__)

SLOTS = 32
"""Runs at once; each makes a handful of requests to the API server."""
MAX_SLEEP = 10.0
"""Seconds; both clocks are read at least this often."""
SPARE_TIMERS = 64
"""Outdated timers that are kept at least: forgetting them looks through all."""
CRASH_DELAY = 10.0
"""Seconds until a key runs again whose run raised what nobody expected."""

Run = Callable[[Key], Awaitable[float | None]]
"""Runs a key; returns in how many seconds it is due again, or None for never."""
Deadline = Callable[[Key], float]
"""By when a key must have run, on a scale of the caller's: smaller is more urgent."""


class Workqueue:
    """The queue and its loop. Times are of the boot clock."""

    def __init__(
        self,
        clock: Clock,
        run: Run,
        deadline: Deadline,
        *,
        leads: Leads = lambda: True,
    ) -> None:
        """`leads`: whether this process works at all; while not, nothing is taken or started."""
        self._clock = clock
        self._leads = leads
        self._run = run
        self._deadline = deadline
        self._due: dict[Key, float] = {}
        self._timers: list[tuple[float, int, Key]] = []
        self._ready: list[tuple[float, int, Key]] = []
        self._ready_since: dict[Key, float] = {}
        self._running: dict[Key, tuple[asyncio.Task[None], float]] = {}
        self._again: set[Key] = set()
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self._stopping = False
        self.crashed: set[Key] = set()
        """Keys whose last run raised what nobody expected."""
        self.turned_at = clock.read().boot
        """When the loop went round last."""

    def __len__(self) -> int:
        return len(self._ready_since) + len(self._running)

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Make a key due, in that many seconds at the latest."""
        if self._stopping or not self._leads():
            return
        if delay <= 0:
            self._make_ready(key)
            self._wake.set()
            return
        due = self._clock.read().boot + delay
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._timers, (due, next(self._order), key))
            self._forget_outdated()
            self._wake.set()

    def discard(self, key: Key) -> None:
        """Forget a key; a run under way ends by itself."""
        self._due.pop(key, None)
        self._ready_since.pop(key, None)
        self._again.discard(key)
        self.crashed.discard(key)

    def clear(self) -> None:
        """Forget all keys; runs under way end by themselves."""
        self._due.clear()
        self._timers.clear()
        self._ready.clear()
        self._ready_since.clear()
        self._again.clear()

    def oldest_wait(self) -> float:
        """Seconds that the longest waiting or running key has been at it."""
        begun = [since for _, since in self._running.values()]
        return self._clock.read().boot - min(
            (*self._ready_since.values(), *begun), default=self._clock.read().boot
        )

    async def loop(self) -> None:
        """Run keys as they become due, until cancelled."""
        while True:
            self._wake.clear()
            self.turned_at = now = self._clock.read().boot
            self._collect_due(now)
            self._start_ready(now)
            pause = min(MAX_SLEEP, self._timers[0][0] - now) if self._timers else MAX_SLEEP
            if pause > 0:
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def drain(self, seconds: float) -> None:
        """Start nothing more, and wait for what is running, for a while."""
        self._stopping = True
        self.clear()
        tasks = [task for task, _ in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for task in tasks:
            task.cancel()

    def _forget_outdated(self) -> None:
        """Timers of keys that ran before their time would stay until it comes."""
        if len(self._timers) > SPARE_TIMERS + 2 * len(self._due):
            self._timers = [each for each in self._timers if self._due.get(each[2]) == each[0]]
            heapq.heapify(self._timers)

    def _collect_due(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            due, _, key = heapq.heappop(self._timers)
            if self._due.get(key) == due:
                del self._due[key]
                self._make_ready(key)

    def _make_ready(self, key: Key) -> None:
        if key in self._running:
            self._again.add(key)
        elif key not in self._ready_since:
            self._ready_since[key] = self._clock.read().boot
            heapq.heappush(self._ready, (self._deadline(key), next(self._order), key))

    def _start_ready(self, now: float) -> None:
        while self._ready and len(self._running) < SLOTS and self._leads():
            _, _, key = heapq.heappop(self._ready)
            if self._ready_since.pop(key, None) is None or key in self._running:
                continue
            # What is added from here on is about a later state than this run sees.
            self._due.pop(key, None)
            task = asyncio.create_task(self._run_once(key), name=f"reconcile {key}")
            self._running[key] = (task, now)

    async def _run_once(self, key: Key) -> None:
        delay: float | None = CRASH_DELAY
        try:
            delay = await self._run(key)
            self.crashed.discard(key)
        except asyncio.CancelledError:
            delay = None
            raise
        except Exception as error:  # noqa: BLE001 - one credential must not stop the others
            self.crashed.add(key)
            logger.error(  # noqa: TRY400 - its text is what must not be shown
                "reconciling %s failed unexpectedly: %s", key, place_of(error)
            )
        finally:
            self._running.pop(key, None)
            if key in self._again:
                self._again.discard(key)
                self.add(key)
            if delay is not None:
                self.add(key, max(delay, 0.001))
            self._wake.set()
