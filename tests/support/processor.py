"""A slow processor: a process tree on one core, stopped for most of the time."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

PERIOD = 0.1
"""Seconds, as the kernel's own quota has it."""


class SlowProcessor:
    """A context manager: inside it the processes and their children run for `share` of the time.

    They share one core, so that a child does not double what there is. Signals do what a quota of
    a control group would, where none may be made.
    """

    def __init__(self, processes: Callable[[], Iterable[int]], share: float = 0.2) -> None:
        """`processes` are asked for again and again: one may end and another begin."""
        self._processes, self._share = processes, share
        self._core = min(os.sched_getaffinity(0))
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slow processor", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._end.is_set():
            pids = [pid for root in self._processes() for pid in _tree(root)]
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(pid, {self._core})
            _signal(pids, signal.SIGSTOP)
            self._end.wait(PERIOD * (1 - self._share))
            _signal(pids, signal.SIGCONT)
            self._end.wait(PERIOD * self._share)


def _tree(root: int) -> list[int]:
    """A process and its children, of all its threads."""
    try:
        threads = list(Path(f"/proc/{root}/task").iterdir())
        children = " ".join((thread / "children").read_text() for thread in threads)
    except OSError:
        return []
    return [root, *(pid for child in children.split() for pid in _tree(int(child)))]


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
