"""The one source of time: what the server stamps, and how it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Timer(Protocol):
    """A callback that is due and can still be cancelled."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Time as the server sees it; tests pass one that they move by hand."""

    def now(self) -> datetime:
        """Return the present moment, aware and in UTC."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Run the callback once on the event loop when so many seconds have passed."""
        ...


class SystemClock:
    """The machine's clock, and the running event loop's timers."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, callback)


class LoopClock:
    """Time as the running event loop counts it, from a given moment on.

    On a loop with virtual time the server then lives in that time, with whatever else runs there.
    """

    def __init__(self, start: datetime) -> None:
        """Begin at `start`, an aware moment."""
        self._loop = asyncio.get_running_loop()
        self._offset = start - timedelta(seconds=self._loop.time())

    def now(self) -> datetime:
        return self._offset + timedelta(seconds=self._loop.time())

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return self._loop.call_later(seconds, callback)


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait by the given clock."""
    due = asyncio.Event()
    timer = clock.call_later(seconds, due.set)
    try:
        await due.wait()
    finally:
        timer.cancel()


def rfc3339(moment: datetime) -> str:
    """Format a moment as Kubernetes' `Time`: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
