"""A clock that tests move by hand."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class ManualTimer:
    """A callback that waits for the clock to be moved."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """Time stands still until `advance`; what is due then runs at once, in order."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self._timers: list[tuple[datetime, int, ManualTimer]] = []
        self._numbers = itertools.count()

    def now(self) -> datetime:
        return self._now

    def call_later(self, seconds: float, callback: Callable[[], None]) -> ManualTimer:
        timer = ManualTimer(callback)
        due = self._now + timedelta(seconds=seconds)
        heapq.heappush(self._timers, (due, next(self._numbers), timer))
        return timer

    def advance(self, seconds: float = 0.0) -> None:
        """Let time pass."""
        end = self._now + timedelta(seconds=seconds)
        while self._timers and self._timers[0][0] <= end:
            self._now, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback()
        self._now = end
