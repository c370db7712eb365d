"""The one clock of the sandbox, so that a test moves time instead of waiting for it."""

from __future__ import annotations

import time


class Clock:
    """Wall-clock and elapsed time in seconds.

    `shift` is the error of the wall clock that the fault `clock` asks for. It moves what the
    sandbox believes and shows (`now`, the `Date` header); a token's life is elapsed time and stays.
    """

    def __init__(self) -> None:
        self.shift = 0.0

    def true_now(self) -> float:
        """Seconds since 1970, without the shift."""
        return time.time()

    def now(self) -> float:
        """Seconds since 1970 as the sandbox believes."""
        return self.true_now() + self.shift

    def monotonic(self) -> float:
        """Seconds that have passed since an arbitrary moment."""
        return time.monotonic()


class ManualClock(Clock):
    """A clock that stands still until `advance` moves it."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        super().__init__()
        self._time = start

    def advance(self, seconds: float) -> None:
        """Let this many seconds pass."""
        self._time += seconds

    def true_now(self) -> float:
        """Seconds since 1970, as set."""
        return self._time

    def monotonic(self) -> float:
        """The same number: it only grows by `advance`."""
        return self._time
