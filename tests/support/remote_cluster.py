"""An API server that lives on when its clients die, and that may answer from its past."""

from __future__ import annotations

import asyncio
import contextvars
from dataclasses import dataclass, field
from typing import Any

from tests.support.cluster_faults import Request, unavailable
from tests.support.fake_cluster import FakeCluster, Object

_Objects = dict[tuple[str, str, str], Object]


@dataclass(slots=True)
class RemoteCluster(FakeCluster):
    """A `FakeCluster` whose requests are the server's own tasks."""

    client_timeout: float = float("inf")
    """Seconds after which a client gives up; the request takes effect all the same."""
    behind: float = 0.0
    """Seconds by which a GET or LIST is answered from the past."""
    acting: bool = False
    """Whether a change that happens now was asked for by a request, not made by hand."""
    _world: contextvars.Context = field(default_factory=contextvars.copy_context)
    _past: list[tuple[float, int, _Objects]] = field(default_factory=list)

    async def request(self, verb: str, resource: str, path: str, **how: Any) -> Object:
        """Answer as the API server would; raises a `ClusterError`."""
        serving = self.clock.loop.create_task(
            FakeCluster.request(self, verb, resource, path, **how), context=self._world
        )
        serving.add_done_callback(_take_error)
        done, _ = await asyncio.wait((serving,), timeout=min(self.client_timeout, 1e6))
        if not done:
            raise unavailable()
        return serving.result()

    def _answer(self, request: Request, query: dict[str, str], body: Any) -> Object:
        present = self.revision, self._objects
        reads = request.verb in ("get", "list")
        if reads and self.behind:
            self.revision, self._objects = self._seen(self.clock.boot - self.behind)
        self.acting = not reads
        try:
            return FakeCluster._answer(self, request, query, body)
        finally:
            self.acting = False
            if reads:
                self.revision, self._objects = present

    def _store(self, resource: str, body: Object) -> Object:
        self._remember()
        return FakeCluster._store(self, resource, body)

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Delete an object; its dependents follow."""
        self._remember()
        FakeCluster.delete(self, resource, namespace, name)

    def _remember(self) -> None:
        # Objects are replaced and never changed, so the mapping is all that there is to copy.
        self._past.append((self.clock.boot, self.revision, dict(self._objects)))
        del self._past[:-200]

    def _seen(self, moment: float) -> tuple[int, _Objects]:
        """What there was at a moment: what the first change after it replaced."""
        for at, revision, objects in self._past:
            if at > moment:
                return revision, objects
        return self.revision, self._objects


def _take_error(task: asyncio.Task[Object]) -> None:
    if not task.cancelled():
        task.exception()
