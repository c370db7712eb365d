"""An endpoint's queue that runs, and the turns that it granted."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from dataclasses import replace

from redox_operator.controllers.endpoint_queue import EndpointQueue
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import US
from redox_operator.domain.errors import EndpointUnavailable
from redox_operator.domain.lanes import Lane
from redox_operator.domain.policies import Failure
from tests.support.virtual_time import VirtualClock

INF = float("inf")
ENDPOINT = replace(US, requests_per_second=2.0, burst=5)


class Answer(enum.Enum):
    """What a turn leads to."""

    GOOD = "the endpoint answers"
    POOR = "it does not"
    UNUSED = "nothing is sent"


def key(number: int, namespace: str = "clinic") -> Key:
    return Key(namespace, f"c{number}")


def wait(queue: EndpointQueue, waiting: Key, deadline: float = INF) -> None:
    """Let a credential wait: for a refresh, or for a first token where it has no deadline."""
    queue.add(waiting, Lane.FIRST if deadline == INF else Lane.REFRESH, deadline)


class Issues:
    """Turns that were granted, each of which lasts `seconds` and ends with `answer`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.answer: Callable[[Key], Answer] = lambda _: Answer.GOOD
        self.begun: list[tuple[Key, float]] = []
        self.under_way = self.most = 0

    async def __call__(self, key: Key, queue: EndpointQueue) -> bool:
        sent = asyncio.get_running_loop().time()
        self.begun.append((key, sent - 1000))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.under_way -= 1
        answer = self.answer(key)
        if answer is Answer.GOOD:
            queue.answered(key, queue.endpoint, sent)
        elif answer is Answer.POOR:
            error = EndpointUnavailable("The token endpoint did not answer.")
            queue.failed(key, queue.endpoint, sent, Failure(error, 0.0, 1, 0.0))
        return answer is not Answer.UNUSED

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
