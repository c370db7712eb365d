"""The operator's long-running tasks: none of them ends while the process lives."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)


class Supervisor:
    """Starts tasks, and tells when one ends."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ended = asyncio.Event()

    def start(self, name: str, loop: Coroutine[Any, Any, None]) -> None:
        """Run a loop that never returns."""
        task = asyncio.create_task(loop, name=name)
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._ended.set())

    def dead(self) -> list[str]:
        """The tasks that ended, a sentence each."""
        return [f"{name} ended" for name, task in self._tasks.items() if task.done()]

    async def wait(self) -> str:
        """Until a task ends; its name."""
        await self._ended.wait()
        for name, task in self._tasks.items():
            if task.done() and not task.cancelled():
                error = task.exception()
                where = "" if error is None else traceback.format_tb(error.__traceback__)[-1]
                logger.error("%s ended (%s)\n%s", name, type(error).__name__, where)
                return name
        return "a task"

    async def stop(self) -> None:
        """Cancel all, and wait until they ended."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
