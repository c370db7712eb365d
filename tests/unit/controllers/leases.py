"""A Lease in memory, and replicas that want it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from redox_operator.controllers.leadership import Leadership
from redox_operator.domain.errors import ClusterError, ClusterUnavailable, Conflict
from redox_operator.domain.lease import DURATION, Lease
from tests.support.virtual_time import VirtualClock


@dataclass
class FakeLeases:
    """One Lease that several replicas write."""

    lease: Lease | None = None
    away: bool = False
    """Whether nobody gets an answer."""
    hangs: bool = False
    """The same, and nobody is told."""
    deaf: bool = False
    """Whether writes take effect, and their answers do not come."""
    error: ClusterError = field(default_factory=lambda: ClusterUnavailable("away"))
    writes: int = 0
    reads: int = 0

    async def read(self) -> Lease | None:
        self.reads += 1
        await self._answer()
        return self.lease

    async def write(self, seen: Lease | None, holder: str) -> Lease:
        await self._answer()
        if seen != self.lease:
            raise Conflict("changed", status=409)
        self.writes += 1
        self.lease = Lease(str(self.writes), holder, DURATION if holder else 1, 0)
        if self.deaf:
            await asyncio.sleep(3600)
        return self.lease

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.sleep(3600)
        await asyncio.sleep(0.01)
        if self.away:
            raise self.error


@dataclass
class Replica:
    """A replica and what it was told."""

    leases: FakeLeases
    name: str
    clock: VirtualClock = field(default_factory=VirtualClock)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.leadership = Leadership(
            self.leases,
            self.name,
            self.clock,
            on_start=lambda: self.told.append("start"),
            on_stop=lambda: self.told.append("stop"),
            on_superseded=lambda: self.told.append("superseded"),
        )
        self.task: asyncio.Task[None] | None = None

    def start(self) -> Replica:
        self.task = asyncio.create_task(self.leadership.loop())
        return self

    def kill(self) -> None:
        assert self.task is not None
        self.task.cancel()

    async def end(self) -> None:
        self.kill()
        await self.leadership.release()
