"""The documented limit: so many requests of one address in a rolling five minutes."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 300


class RateLimit:
    """A rolling window per address; `limit` 0 means none. Times are elapsed seconds."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._windows: dict[str, deque[float]] = {}
        self._next_sweep = 0.0

    def admit(self, address: str, now: float) -> bool:
        """Count a request of this address; False, and not counted, when its window is full."""
        if not self.limit:
            return True
        self._sweep(now)
        window = self._windows.setdefault(address, deque())
        while window and window[0] <= now - WINDOW_SECONDS:
            window.popleft()
        if len(window) >= self.limit:
            return False
        window.append(now)
        return True

    def _sweep(self, now: float) -> None:
        if now < self._next_sweep:
            return
        self._next_sweep = now + WINDOW_SECONDS
        self._windows = {
            address: window
            for address, window in self._windows.items()
            if window and window[-1] > now - WINDOW_SECONDS
        }
