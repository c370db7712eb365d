"""Several real `Operator`s of one world, of which one leads, on virtual time.

    with Replicas() as sim:
        key = sim.create()
        sim.advance(3)
        sim.leader.kill()
        sim.advance(20)
        assert sim.leader is sim.replicas[1]

Each replica has its own clocks, memory and way to the API server. It can be killed, frozen, cut
off and told to stop; what it sent before takes effect all the same.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

from redox_operator.adapters.cluster import Credentials, Leases, Secrets
from redox_operator.controllers.operator import Operator, Options, World
from redox_operator.domain.endpoint import BUILT_IN, Endpoint
from redox_operator.domain.errors import ClusterError, Conflict
from tests.support.cluster_faults import Request, unavailable
from tests.support.fake_cluster import Object, Watcher, place_in
from tests.support.fake_world import FakeEndpointsFile, FakeMetrics, FakeWatch
from tests.support.merge_patch import merged
from tests.support.remote_cluster import RemoteCluster
from tests.support.scheduler import Process, SteppedLoop
from tests.support.simulation import Simulation
from tests.support.virtual_time import VirtualClock

LEASES = "leases"
LEASE_NAMESPACE = LEASE_NAME = "redox-operator"


class LeaseCluster(RemoteCluster):
    """An API server with Leases, which nobody watches."""

    def _answer(self, request: Request, query: dict[str, str], body: Any) -> Object:
        if request.resource != LEASES:
            return super()._answer(request, query, body)
        if request.verb == "create":
            place = (LEASES, str(request.namespace), body["metadata"]["name"])
            if self.get(*place) is not None:
                raise Conflict("The API server answered 409.", status=409)
            return self.create(*place, **body)
        lease = self._find(LEASES, request.namespace, request.name)
        if request.verb == "get":
            return lease
        if body["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"]:
            raise Conflict("The API server answered 409.", status=409)
        return self._store(LEASES, merged(lease, body))

    def _tell(self, resource: str, body: Object, *, deleted: bool) -> None:
        if resource != LEASES:
            super()._tell(resource, body, deleted=deleted)


@dataclass(slots=True)
class Line:
    """One replica's way to the API server."""

    cluster: RemoteCluster
    clock: VirtualClock
    cut: bool = False
    """Whether no request arrives, no answer, and no event of a watch."""
    operator: Operator | None = None
    log: list[Request] = field(default_factory=list)
    """What this replica sent."""

    @property
    def server(self) -> str:
        """Unused: nothing goes over a network."""
        return self.cluster.server

    @property
    def watchers(self) -> list[Watcher]:
        """All that watch the cluster."""
        return self.cluster.watchers

    def objects(self, resource: str) -> Iterator[Object]:
        """All objects of a resource, for the beginning of a watch."""
        return iter(()) if self.cut else self.cluster.objects(resource)

    def delivery(self) -> Sequence[float]:
        """When a change is told."""
        return () if self.cut else self.cluster.delivery()

    def writes(self, since: float = 0.0) -> list[Request]:
        """What this replica sent that may have changed something, Leases left out."""
        return [
            each
            for each in self.log
            if each.is_write and each.at >= since and each.resource != LEASES
        ]

    async def request(self, verb: str, resource: str, path: str, **how: Any) -> Object:
        """Answer as the API server would; raises a `ClusterError`."""
        code = "error"
        namespace, name = place_in(path)
        self.log.append(Request(self.clock.boot, verb, resource, namespace, name))
        try:
            if self.cut:
                await asyncio.sleep(0.5)
                raise unavailable()
            answer = await self.cluster.request(verb, resource, path, **how)
            if self.cut:
                raise unavailable()
            code = "200"
        except ClusterError as error:
            code = "error" if error.status is None else str(error.status)
            raise
        finally:
            if self.operator is not None:
                self.operator.health.note_request(verb, code)
        return answer


class Replica:
    """One process."""

    def __init__(self, sim: Replicas, name: str) -> None:
        self.name, self._sim = name, sim
        self.clock = VirtualClock(sim.loop)
        self.metrics = FakeMetrics()
        self.file = FakeEndpointsFile(sim.file.endpoints)
        self.line = Line(sim.cluster, self.clock)
        self.process = Process()
        self.killed = False
        self.stop_asked = asyncio.Event()
        self.process.run(self._start)

    def _start(self) -> None:
        sim, options = self._sim, replace(self._sim.options, identity=self.name)
        self.operator = Operator(sim.world_of(self), options, watch_class=FakeWatch)
        self.line.operator = self.operator
        self.task = sim.loop.create_task(self.operator.run(self.stop_asked))

    @property
    def leads(self) -> bool:
        """Whether it runs and holds the Lease, as it sees that."""
        return not self.process.stopped and not self.task.done() and self.operator.leads

    @property
    def runs(self) -> bool:
        """Whether it was neither killed nor ended; a frozen one runs."""
        return not self.killed and not self.task.done()

    def kill(self) -> None:
        """End it at once: nothing of it runs again."""
        self.process.stopped = self.killed = self.line.cut = True

    def freeze(self) -> None:
        """Let it stand still; its clocks go on."""
        self.process.stopped = True

    def thaw(self) -> None:
        """Let it go on; what it slept through is due at once."""
        self._sim.loop.let_go(self.process)

    def cut_off(self) -> None:
        """Let nothing pass between it and the API server."""
        self.line.cut = True

    def reconnect(self) -> None:
        """Let it reach the API server again."""
        self.line.cut = False
        self.operator._watch.restart()

    def stop(self) -> int:
        """Stop it as SIGTERM does; its exit code."""
        self.stop_asked.set()
        return self._sim.loop.run_until_complete(self.task)


class Replicas(Simulation):
    """A `Simulation` with several operators; its other methods are about the one world."""

    loop_class = SteppedLoop
    cluster_class = LeaseCluster
    loop: SteppedLoop
    cluster: RemoteCluster

    def __init__(
        self,
        count: int = 2,
        options: Options | None = None,
        endpoints: Iterable[Endpoint] = BUILT_IN,
    ) -> None:
        self._count = count
        self._names = (f"replica-{number}" for number in itertools.count(1))
        self.replicas: list[Replica] = []
        super().__init__(options, endpoints)

    def start(self) -> None:
        """Start all replicas."""
        for _ in range(self._count):
            self.add()

    def add(self) -> Replica:
        """Start one more."""
        replica = Replica(self, next(self._names))
        self.replicas.append(replica)
        return replica

    @property
    def leader(self) -> Replica:
        """The one that leads; fails where there is none, or where there are two."""
        (leader,) = self.leaders
        return leader

    @property
    def leaders(self) -> list[Replica]:
        """Those that lead, as each of them sees it."""
        return [replica for replica in self.replicas if replica.leads]

    @property
    def standby(self) -> Replica:
        """The one that runs and does not lead."""
        (standby,) = (each for each in self.replicas if each.runs and not each.leads)
        return standby

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.loop.run_until_complete(asyncio.sleep(seconds))
        for replica in self.replicas:
            if replica.task.done() and not replica.task.cancelled():
                assert replica.stop_asked.is_set(), f"{replica.name} ended by itself"

    def world_of(self, replica: Replica) -> World:
        """What one of the operators works on."""
        line: Any = replica.line
        return replace(
            self.world(),
            clock=replica.clock,
            connection=line,
            secrets=Secrets(line),
            credentials=Credentials(line),
            endpoints_file=replica.file,
            metrics=replica.metrics,
            leases=Leases(line, LEASE_NAMESPACE, LEASE_NAME),
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for replica in self.replicas:
            self.loop.let_go(replica.process)
        super().__exit__(kind, error, traceback)
