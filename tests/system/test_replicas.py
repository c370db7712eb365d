"""Two real processes, of which one works: killed, stopped, frozen, and with deploy/'s rights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.bench import Bench
from tests.support.keys import ec_pem
from tests.support.kubernetes_api import KubernetesAPI, polls
from tests.support.operator_process import OperatorProcess, sandbox_endpoint
from tests.support.operator_rbac import NAMESPACE
from tests.support.redox_sandbox import RedoxSandbox

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/redox-operator"
TAKE_OVER = 20.0
CREDENTIALS = 5


class Pair:
    """Two replicas, and the credentials that they serve."""

    def __init__(self, bench: Bench, replicas: list[OperatorProcess]) -> None:
        self.bench, self.replicas = bench, replicas

    def leader(self, seconds: float = TAKE_OVER) -> OperatorProcess:
        """The one that leads, as soon as there is one."""
        for _ in polls(seconds, 0.1):
            leaders = [each for each in self.replicas if leads(each)]
            if leaders:
                break
        (leader,) = leaders
        return leader

    def other(self, than: OperatorProcess) -> OperatorProcess:
        """The other of the two."""
        (other,) = (each for each in self.replicas if each is not than)
        return other

    def wait_leads(self, replica: OperatorProcess, seconds: float) -> float:
        """Until it leads; the seconds that it took."""
        begun = time.monotonic()
        for _ in polls(seconds):
            if leads(replica):
                return time.monotonic() - begun
        raise AssertionError(f"it does not lead after {seconds} s:\n{replica.log()}")

    def expiries(self) -> list[str]:
        """What the targets say of their tokens' ends."""
        return [self._annotation(number, "expires-at") for number in range(CREDENTIALS)]

    def _annotation(self, number: int, name: str) -> str:
        annotations = self.bench.secret(f"c{number}-token")["metadata"]["annotations"]
        value: str = annotations[f"redox-operator.dev/{name}"]
        return value


def leads(replica: OperatorProcess) -> bool:
    return replica.metric("leader") == 1


def series(replica: OperatorProcess, namespace: str) -> list[str]:
    """What its metrics tell of the credentials of a namespace."""
    label = f'namespace="{namespace}"'
    return sorted(line for line in replica.exposition().splitlines() if label in line)


@pytest.fixture
def pair(
    api_server: tuple[Path, Path], admin: KubernetesAPI, redox: RedoxSandbox, own_bench: Bench
) -> Iterator[Pair]:
    if not admin.exists(f"/api/v1/namespaces/{NAMESPACE}"):
        admin.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    if admin.exists(LEASE):
        admin.delete(LEASE)
    ((label, value),) = own_bench.labels.items()
    with ExitStack() as stack:
        replicas = [
            stack.enter_context(
                OperatorProcess.start(
                    api_server[1],
                    [sandbox_endpoint(redox)],
                    LEADER_ELECTION="true",
                    LEASE_NAMESPACE=NAMESPACE,
                    WATCH_LABEL_SELECTOR=f"{label}={value}",
                )
            )
            for _ in range(2)
        ]
        for number in range(CREDENTIALS):
            own_bench.credential(f"c{number}", key=ec_pem("P-384", number=number))
        for number in range(CREDENTIALS):
            own_bench.wait_condition(f"c{number}", "Ready", "True", "TokenIssued")
        yield Pair(own_bench, replicas)


def until(condition: Callable[[], bool], seconds: float) -> bool:
    return any(condition() for _ in polls(seconds))


def test_the_standby_is_ready_tells_the_same_and_does_nothing(pair: Pair) -> None:
    leader = pair.leader()
    standby = pair.other(leader)
    namespace = pair.bench.namespace
    assert until(lambda: series(standby, namespace) == series(leader, namespace), 5)
    assert len(series(standby, namespace)) == 5 * CREDENTIALS
    assert standby.probe("/readyz")[0] == standby.probe("/healthz")[0] == 200
    assert standby.metric("leader") == 0
    assert standby.metric("token_requests_total") == 0
    assert standby.metric("kubernetes_requests_total", resource="secrets", verb="get") == 0
    assert standby.metric("kubernetes_requests_total", verb="create") == 0
    lease = pair.bench.admin.get(LEASE)["spec"]
    assert lease["holderIdentity"]
    assert lease["leaseDurationSeconds"] == 15


def test_after_a_kill_the_standby_takes_over_in_time_and_no_token_dies(pair: Pair) -> None:
    leader = pair.leader()
    standby = pair.other(leader)
    before = pair.expiries()
    leader.kill()
    assert pair.wait_leads(standby, TAKE_OVER) < TAKE_OVER
    for number in range(CREDENTIALS):
        pair.bench.wait_secret(f"c{number}-token")
    assert until(
        lambda: all(new > old for new, old in zip(pair.expiries(), before, strict=True)), 25
    )
    assert [
        pair.bench.condition(f"c{number}", "Ready")["status"] for number in range(CREDENTIALS)
    ] == ["True"] * CREDENTIALS
    requests = [len(pair.bench.requests(f"c{number}")) for number in range(CREDENTIALS)]
    # The first, a refresh, another if it was slow, and one that the kill may have wasted.
    assert max(requests) <= 4


def test_after_a_sigterm_the_standby_takes_over_at_once(pair: Pair) -> None:
    leader = pair.leader()
    standby = pair.other(leader)
    requests = standby.metric("token_requests_total")
    code, seconds = leader.terminate()
    assert (code, seconds < 5) == (0, True)
    assert pair.wait_leads(standby, 3) < 3
    assert standby.metric("token_requests_total") == requests


@pytest.mark.parametrize("api_server", ["in-memory"], indirect=True)
def test_a_leader_that_stood_still_becomes_the_standby_and_does_no_harm(pair: Pair) -> None:
    leader = pair.leader()
    standby = pair.other(leader)
    writes = leader.metric("secret_writes_total")
    requests = leader.metric("token_requests_total")
    leader.pause()
    begun = time.monotonic()
    pair.wait_leads(standby, TAKE_OVER)
    for _ in polls(25 - (time.monotonic() - begun), 1):
        assert leads(standby)
    expiries = pair.expiries()
    leader.resume()
    for _ in polls(10, 0.5):
        assert leads(standby)
        assert not leads(leader)
        assert all(new >= old for new, old in zip(pair.expiries(), expiries, strict=True))
    assert leader.probe("/healthz")[0] == 200
    assert leader.probe("/readyz")[0] == 200
    assert leader.metric("secret_writes_total") == writes
    assert leader.metric("token_requests_total") == requests
    namespace = pair.bench.namespace
    assert until(lambda: series(leader, namespace) == series(standby, namespace), 10)
