"""An endpoint's queue that runs, and the turns that it granted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from redox_operator.controllers.endpoint_queue import Answer, EndpointQueue
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import US
from tests.support.virtual_time import VirtualClock

INF = float("inf")
ENDPOINT = replace(US, requests_per_second=2.0, burst=5)


def key(number: int) -> Key:
    return Key("clinic", f"c{number}")


class Issues:
    """Turns that were granted, each of which lasts `seconds` and ends with `answer`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.answer: Callable[[Key], Answer] = lambda _: Answer.GOOD
        self.begun: list[tuple[Key, float]] = []
        self.under_way = self.most = 0

    async def __call__(self, key: Key, queue: EndpointQueue) -> Answer:
        self.begun.append((key, asyncio.get_running_loop().time() - 1000))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
            return self.answer(key)
        finally:
            self.under_way -= 1

    @property
    def keys(self) -> list[Key]:
        return [key for key, _ in self.begun]

    @property
    def times(self) -> list[float]:
        return [round(time, 2) for _, time in self.begun]


def started(issues: Issues, workers: int = 20, endpoint: object = ENDPOINT) -> EndpointQueue:
    queue = EndpointQueue(endpoint, workers, VirtualClock(), issues)  # type: ignore[arg-type]
    queue.task = asyncio.create_task(queue.loop())  # type: ignore[attr-defined]
    return queue
