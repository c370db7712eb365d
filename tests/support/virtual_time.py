"""An event loop whose time jumps to the next timer, so that hours pass in milliseconds.

Nothing waits for real: when no callback is ready, the clock moves to the timer that is next. A
loop without callbacks and timers can never go on, and says so instead of hanging.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from redox_operator.domain.clock_correction import Reading

EPOCH = 1_795_435_200.0
"""Wall-clock time at loop time 0: 2026-11-23T12:00:00Z, as in the examples of the contract."""

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own, which starts at 1000 s."""

    def __init__(self, selector: JumpingSelector | None = None) -> None:
        self._virtual = selector or JumpingSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds of the virtual clock."""
        return self._virtual.now

    def jump(self, seconds: float) -> None:
        """Let time pass while nothing runs, as when the process is stopped."""
        self._virtual.now += seconds


class VirtualClock:
    """The clocks of a machine on virtual time: `boot` runs with the loop, `wall` can be set."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop
        self.step = 0.0
        """Seconds by which the wall clock is ahead of the true time."""
        self.suspended = 0.0
        """Seconds that passed while the machine was suspended: timers do not count them."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop whose time it is: the one given, else the running one."""
        return self._loop or asyncio.get_running_loop()

    @property
    def boot(self) -> float:
        """Seconds since the machine started, those that it was suspended included."""
        return self.loop.time() + self.suspended

    @property
    def true_time(self) -> float:
        """Seconds since the epoch, by a clock that nobody sets."""
        return EPOCH + self.boot

    def read(self) -> Reading:
        """Both clocks, at one moment."""
        boot = self.boot
        return Reading(EPOCH + boot + self.step, boot)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own with virtual time."""
    loop = VirtualTimeLoop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        end(loop)


def end(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what still runs, and close the loop."""
    cancel_all(loop)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel every task of a loop that does not run, and wait until all ended."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


class JumpingSelector(selectors.SelectSelector):
    """Waits by moving the clock; it looks at no file."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready: nothing, ever."""
        if timeout is None:
            raise RuntimeError("nothing is ready and no timer is set: this would wait for ever")
        if timeout > 0:
            self.now += timeout
        return []


class SocketSelector(JumpingSelector):
    """Looks at sockets first: while anything is on its way over loopback, time stands still."""

    is_left_alone: Callable[[selectors.SelectorKey], bool] = staticmethod(lambda _: False)
    """Whether nobody reads or writes this one now, as when its process is frozen."""
    PATIENCE = 0.0005
    """Real seconds in which what was sent over loopback has arrived, on a machine under load."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready."""
        waits = timeout is None or timeout > 0
        events = self._look(0)
        if not events and waits:
            events = self._look(self.PATIENCE)
        if not events and waits:
            return super().select(timeout)
        return events

    def _look(self, seconds: float) -> list[tuple[selectors.SelectorKey, int]]:
        ready = selectors.SelectSelector.select(self, seconds)
        return [(key, events) for key, events in ready if not self.is_left_alone(key)]
