"""A thread of a test: it ends with the test, and its error is not lost."""

from __future__ import annotations

import threading
from typing import Self


class Worker:
    """Runs `work` in a thread from entering to leaving; a context manager.

    `work` returns soon after `stopping` is set.
    """

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    def work(self) -> None:
        """What the thread does."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Let it end, and wait for that."""
        self.stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001 - told to the test by check()
            self._failure = error
