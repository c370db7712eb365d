"""A scheduler that stops a process before any of its steps, and shuffles what is ready.

A step is what runs between two awaits. A process is told apart by the context in which its tasks
were started, so the world around it lives on when it is stopped: a request that it sent arrives,
and its answer reaches nobody.

    loop = SteppedLoop()
    process = Process()
    process.run(start)                    # what this starts belongs to the process
    loop.run_to(process, step=17, within=30)
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import random
import selectors
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.support.virtual_time import JumpingSelector, SocketSelector, VirtualTimeLoop

T = TypeVar("T")

_PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


@dataclass(slots=True, eq=False)
class Process:
    """Tasks and timers that are stopped together."""

    steps: int = 0
    """How many ran."""
    stopped: bool = False
    """Whether nothing of it runs any more; what comes due is kept."""
    stop_before: int | None = None
    """The number of the step before which it is stopped; the first one has number 0."""
    kept: list[asyncio.Handle] = field(default_factory=list, repr=False)

    def run(self, function: Callable[[], T]) -> T:
        """Call a function whose tasks and timers belong to this process."""
        context = contextvars.copy_context()
        context.run(_PROCESS.set, self)
        return context.run(function)


class SteppedLoop(VirtualTimeLoop):
    """A loop on virtual time that asks before each step."""

    def __init__(self, selector: JumpingSelector | None = None) -> None:
        super().__init__(selector)
        if isinstance(selector, SocketSelector):
            selector.is_left_alone = lambda key: any(each.stopped for each in _processes_of(key))
        self.shuffle: random.Random | None = None
        """Draws which of the ready steps is next; None: the first come."""
        self._ready: deque[asyncio.Handle] = _Ready(self)

    def run_to(self, process: Process, step: int, within: float) -> bool:
        """Stop a process before a step; False where it does not come to it in these seconds."""
        process.stop_before = step
        timer = self.call_later(within, self.stop)
        self.run_forever()
        timer.cancel()
        process.stop_before = None
        return process.stopped

    def cut(self, process: Process) -> None:
        """Shut the sockets of a stopped process, as the kernel does when one ends."""
        for key in list(self._virtual.get_map().values()):
            if process in _processes_of(key):
                self._virtual.unregister(key.fd)
                with contextlib.suppress(OSError), socket.socket(fileno=os.dup(key.fd)) as end:
                    end.shutdown(socket.SHUT_RDWR)

    def let_go(self, process: Process) -> None:
        """Let a stopped process go on; what it slept through is due at once."""
        process.stopped = False
        self._ready.extend(process.kept)
        process.kept.clear()


class _Ready(deque[asyncio.Handle]):
    def __init__(self, loop: SteppedLoop) -> None:
        super().__init__()
        self._loop = loop
        self._nothing = asyncio.Handle(_do_nothing, (), loop)
        self._nothing.cancel()

    def popleft(self) -> asyncio.Handle:
        """The next step, or one that does nothing in place of a stopped process's."""
        if self._loop.shuffle is not None and len(self) > 1:
            self.rotate(-self._loop.shuffle.randrange(len(self)))
        handle = super().popleft()
        process = _process_of(handle)
        if process is None or handle.cancelled():
            return handle
        if process.steps == process.stop_before:
            process.stopped = True
            self._loop.stop()
        if process.stopped:
            process.kept.append(handle)
            return self._nothing
        process.steps += 1
        return handle


def _process_of(handle: Any) -> Process | None:
    context: contextvars.Context = handle._context
    return context.get(_PROCESS)


def _processes_of(key: selectors.SelectorKey) -> list[Process]:
    """Whose a socket is, by who waits for it."""
    found = (_process_of(handle) for handle in key.data if handle is not None)
    return [process for process in found if process is not None]


def _do_nothing() -> None:
    """Nothing."""
