"""The operator's long-running tasks: none of them ends while the process lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from redox_operator.controllers.failures import place_of

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
                where = "by itself" if error is None else place_of(error)
                logger.error("%s ended: %s", name, where)
                return name
        return "a task"

    async def stop(self, *names: str) -> None:
        """Cancel the tasks of these names, else all, and wait until they ended."""
        tasks = [self._tasks[name] for name in names or self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
