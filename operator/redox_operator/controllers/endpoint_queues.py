"""The configured endpoints, each with its queue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.endpoint_queue import EndpointQueue, Issue
from redox_operator.controllers.ports import Leads
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import Endpoint


class EndpointQueues:
    """Queues by endpoint name; their loops run in this object's `loop`."""

    def __init__(
        self,
        workers: int,
        clock: Clock,
        issue: Issue,
        *,
        leads: Leads = lambda: True,
    ) -> None:
        """`leads`: whether this process may request tokens at all; while not, nothing is sent."""
        self._workers = workers
        self._clock = clock
        self._issue = issue
        self._leads = leads
        self._queues: dict[str, EndpointQueue] = {}
        self._changed = asyncio.Event()
        self._asked_before: set[str] = set()
        """Token URLs of endpoints that are gone: one that comes back has no burst again."""

    def __iter__(self) -> Iterator[EndpointQueue]:
        return iter(list(self._queues.values()))

    def get(self, name: str) -> EndpointQueue | None:
        """The queue of the endpoint of that name."""
        return self._queues.get(name)

    def names(self, namespace: str) -> tuple[str, ...]:
        """The endpoints that a namespace may use."""
        return tuple(
            name for name, queue in self._queues.items() if queue.endpoint.allows(namespace)
        )

    def configure(self, endpoints: Iterable[Endpoint]) -> None:
        """Take the endpoints of the configuration; those that are gone go with their queues."""
        wanted = {endpoint.name: endpoint for endpoint in endpoints}
        for name in self._queues.keys() - wanted.keys():
            self._asked_before.add(self._queues.pop(name).endpoint.token_url)
        for name, endpoint in wanted.items():
            queue = self._queues.get(name)
            if queue is None:
                self._queues[name] = EndpointQueue(
                    endpoint,
                    self._workers,
                    self._clock,
                    self._issue,
                    leads=self._leads,
                    asked_before=endpoint.token_url in self._asked_before,
                )
            elif queue.endpoint != endpoint:
                queue.configure(endpoint)
        self._changed.set()

    def wake(self) -> None:
        """Have all queues look again at who may ask."""
        for queue in self._queues.values():
            queue.wake()

    def discard(self, key: Key) -> None:
        """A credential that no longer waits anywhere."""
        for queue in self._queues.values():
            queue.discard(key)

    async def loop(self) -> None:
        """Run the loops of all queues; ends with an error when one of them does."""
        running: dict[EndpointQueue, asyncio.Task[None]] = {}
        changed: asyncio.Task[bool] | None = None
        try:
            while True:
                self._changed.clear()
                current = set(self._queues.values())
                for queue in running.keys() - current:
                    running.pop(queue).cancel()
                for queue in current - running.keys():
                    name = f"queue of {queue.endpoint.name}"
                    running[queue] = asyncio.create_task(queue.loop(), name=name)
                changed = asyncio.create_task(self._changed.wait())
                await asyncio.wait(
                    (*running.values(), changed), return_when=asyncio.FIRST_COMPLETED
                )
                for task in running.values():
                    if task.done():
                        task.result()
        finally:
            for task in (*running.values(), *((changed,) if changed else ())):
                task.cancel()
