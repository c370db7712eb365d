"""Credentials that several replicas keep, and a judge of each second that passes."""

from __future__ import annotations

from redox_operator.adapters.metrics import Snapshot
from redox_operator.domain.credential import Key
from redox_operator.domain.refresh import Margins
from tests.proof.witness import Witness
from tests.support.fake_cluster import SECRETS, Object
from tests.support.replicas import Replica, Replicas

NEEDED = Margins().mounted
"""Seconds that a stored token has left at any moment, for every reader to be safe."""
TAKE_OVER = 20.0
"""Seconds from the end of a leader until another leads, at most."""


class Fleet:
    """Two replicas with credentials on schedule, and a look at each second that passes."""

    def __init__(self, sim: Replicas, credentials: int = 20) -> None:
        self.sim, self.witness = sim, Witness(sim)
        self.keys = [sim.create(f"c{number}") for number in range(credentials)]
        sim.until(lambda: all(sim.ready(key) == "True" for key in self.keys), within=60, every=1)
        self.stored = 0
        """Tokens that were stored, by the changes of the targets."""
        judge = sim.cluster.before_change
        sim.cluster.before_change = lambda *change: (judge(*change), self._count(*change))[0]

    def pass_time(self, seconds: float) -> None:
        """Let time pass; never does a stored token come near its end, or its expiry go back."""
        for _ in range(round(seconds)):
            self.sim.advance(1)
            assert len(self.sim.leaders) <= 1
            assert min(map(self.left, self.keys)) >= NEEDED
            assert self.witness.violations == []

    def left(self, key: Key) -> float:
        """Seconds that the stored token has left, in truth."""
        return self.sim.redox.dies_at[str(self.sim.token(key))] - self.sim.clock.true_time

    def in_flight(self, leader: Replica) -> int:
        """Credentials whose token was requested and is not stored."""
        overview = leader.operator.overview
        asking = {
            key
            for key in self.keys
            for queue in overview.observer.endpoints
            if queue.is_asking(key)
        }
        held = {
            record.key
            for record in overview.records
            if record.token is not None and record.token.value != self.sim.token(record.key)
        }
        return len(asking | held)

    def _count(self, resource: str, before: Object | None, after: Object | None) -> None:
        if resource == SECRETS and before is not None and after is not None:
            self.stored += before["data"]["access_token"] != after["data"]["access_token"]


def told(replica: Replica) -> Snapshot:
    return replica.operator.overview.snapshot()


def samples(replica: Replica) -> list[object]:
    return sorted(told(replica).credentials, key=lambda sample: sample.name)


def times(replica: Replica) -> list[tuple[float, float]]:
    """Of each credential, to the second: status knows no fractions."""
    return sorted(
        (each.expires_at or 0, int(each.next_refresh or 0)) for each in told(replica).credentials
    )
