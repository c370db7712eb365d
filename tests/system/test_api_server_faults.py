"""An API server that is killed, frozen, compacted or restored, under a working operator.

The tests share one control plane and follow each other: history passes before it can go back.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from redox_operator.domain.refresh import Margins
from tests.support.controlplane import ControlPlane
from tests.support.crds import apply_crds
from tests.support.fleet import Fleet, least_interval
from tests.support.kubernetes_api import KubernetesAPI, polls
from tests.support.ledger import Ledger, Version
from tests.support.operator_process import OperatorProcess, sandbox_endpoint
from tests.support.operator_rbac import operator_kubeconfig
from tests.support.proof import check_alive
from tests.support.redox_sandbox import RedoxSandbox

pytestmark = pytest.mark.controlplane

LIFETIME = 40
MARGINS = Margins(propagation=5, safety=2, retry_budget=20)
"""Refreshed after 10 to 13 s; an API server that is away for less than 20 s is bridged."""
AT_RETURN = 12.0
"""Seconds after its return within which everything is written that could not be before."""


class World:
    """A control plane that may be harmed, with an operator at work on it."""

    def __init__(self, cluster: ControlPlane, redox: RedoxSandbox, copy: Path) -> None:
        self.cluster, self.redox, self.copy = cluster, redox, copy
        self.admin = KubernetesAPI.from_kubeconfig(cluster.kubeconfig)
        apply_crds(self.admin)
        self.fleet = Fleet(self.admin, "harm", 20, namespaces=2, margins=MARGINS)
        later = [(self.fleet.namespaces[0], f"later-{number}") for number in range(4)]
        self.fleet.members += later
        self.fleet.register(redox)
        self.fleet.members = self.fleet.members[: -len(later)]
        self.fleet.create()
        self.operator = OperatorProcess(
            operator_kubeconfig(cluster),
            [sandbox_endpoint(redox)],
            {
                "PROPAGATION_SECONDS": f"{MARGINS.propagation:g}",
                "SAFETY_SECONDS": f"{MARGINS.safety:g}",
                "RETRY_BUDGET_SECONDS": f"{MARGINS.retry_budget:g}",
            },
        )

    def ledger(self) -> Ledger:
        """A recorder of what the API server shows from now on."""
        return Ledger(self.cluster.kubeconfig)

    def settle(self, ledger: Ledger, seconds: float = AT_RETURN) -> None:
        """Until every mounted reader is safe."""
        ledger.wait_for(self.fleet.targets, MARGINS.mounted, seconds)

    def serves(self, number: int, seconds: float = 15) -> None:
        """A new credential gets its token, which shows that the watches live."""
        namespace, name = self.fleet.namespaces[0], f"later-{number}"
        self.fleet.add(namespace, name)
        path = f"/api/v1/namespaces/{namespace}/secrets/{name}-token"
        self.admin.wait(path, lambda secret: "data" in secret, "a token of its own", seconds)
        self.fleet.members.append((namespace, name))

    def is_well(self, seconds: float = 10) -> None:
        """All conditions are true and the process has nothing to say against itself."""
        unready: dict[str, str] = {}
        for _ in polls(seconds, 0.2):
            unready = self.fleet.unready()
            if not unready:
                break
        assert unready == {}
        check_alive(self.operator)
        assert self.operator.probe("/readyz")[0] == 200


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Twenty credentials that all have a token."""
    with (
        ControlPlane.start() as cluster,
        RedoxSandbox.start(token_lifetime=LIFETIME) as redox,
    ):
        world = World(cluster, redox, tmp_path_factory.mktemp("copy") / "etcd")
        with world.admin, world.operator:
            world.operator.launch()
            with world.ledger() as ledger:
                world.settle(ledger, 30)
            yield world


def test_a_killed_api_server_leaves_no_reader_with_a_stale_token(world: World) -> None:
    world.redox.clear_requests()
    with world.ledger() as ledger:
        world.cluster.kill()
        _copy(world.cluster.data_dir / "etcd", world.copy)
        world.cluster.restart()
        returned = time.time()

        world.settle(ledger)
        world.serves(0)
        _wait_for_a_round(ledger, world, returned)

        assert ledger.backward(world.fleet.namespaces) == []
        assert ledger.left(world.fleet.namespaces) >= MARGINS.mounted
        assert world.fleet.untimely(world.redox.requests(), ledger) == []
    world.is_well()


def test_tokens_that_come_while_the_api_server_is_frozen_are_held_and_written(
    world: World,
) -> None:
    with world.ledger() as ledger:
        world.redox.clear_requests()
        world.redox.set_faults([{"fault": "slow", "seconds": 4}])
        pending: dict[str, float] = {}
        for _ in polls(LIFETIME, 0.1):
            # Not those that may be answered, and written, before the API server is frozen.
            young = [r for r in world.redox.requests() if r["time"] > time.time() - 2.5]
            pending = {r["clientId"]: r["time"] for r in young if r["outcome"] == "pending"}
            if len(pending) >= 3:
                break
        world.cluster.pause()
        try:
            for _ in polls(6, 1):
                check_alive(world.operator)
        finally:
            world.redox.clear_faults()
            world.cluster.resume()
        returned = time.time()

        written = _written(ledger, world, returned, len(pending))

        assert len(pending) >= 3
        for client_id, sent in pending.items():
            namespace, _, name = client_id.partition(".")
            version = written[namespace, f"{name}-token"]
            # A joined request or a second one after all would be a later second.
            assert version.issued_at <= sent, f"{client_id} was asked for again"
    world.is_well()


def test_an_api_server_that_was_frozen_is_brought_up_to_date_on_its_thaw(world: World) -> None:
    with world.ledger() as ledger:
        world.redox.clear_requests()
        world.cluster.pause()
        try:
            for _ in polls(20, 1):
                check_alive(world.operator)
        finally:
            world.cluster.resume()
        returned = time.time()

        written = _written(ledger, world, returned, len(world.fleet.members))
        world.settle(ledger)

        assert len(written) == len(world.fleet.members)
        assert least_interval(world.redox.requests()) >= 9
        world.serves(1)
        assert ledger.backward(world.fleet.namespaces) == []
        assert ledger.left(world.fleet.namespaces, returned + AT_RETURN) >= MARGINS.mounted
    world.is_well()


def test_what_happened_while_it_was_frozen_and_was_compacted_is_found(world: World) -> None:
    with world.ledger() as ledger:
        world.operator.pause()
        try:
            world.fleet.add(world.fleet.namespaces[0], "later-2")
            for _ in range(50):
                _touch(world)
            world.cluster.compact()
            world.cluster.kill()
            world.cluster.restart()
        finally:
            world.operator.resume()
        world.fleet.members.append((world.fleet.namespaces[0], "later-2"))

        world.settle(ledger)

        assert ledger.backward(world.fleet.namespaces) == []
        assert ledger.left(world.fleet.namespaces) >= MARGINS.mounted
    world.is_well()


def test_an_api_server_restored_from_a_copy_is_brought_up_to_date(world: World) -> None:
    world.redox.clear_requests()
    world.cluster.kill()
    shutil.rmtree(world.cluster.data_dir / "etcd")
    _copy(world.copy, world.cluster.data_dir / "etcd")
    world.fleet.members = [m for m in world.fleet.members if not m[1].startswith("later-")]
    world.cluster.restart()
    with world.ledger() as ledger:
        restored = time.time()
        # The list that follows a watch's return tells that the history went back.
        world.settle(ledger, 30)
        settled = time.time()

        assert ledger.backward(world.fleet.namespaces) == []
        # What the process holds is written, not requested again.
        requests = world.redox.requests()
        assert least_interval(requests) >= 9
        world.serves(3, 20)
        _wait_for_a_round(ledger, world, settled)
        assert ledger.left(world.fleet.namespaces, settled) >= MARGINS.mounted
        assert settled - restored < 30
    world.is_well()


def _written(
    ledger: Ledger, world: World, since: float, count: int
) -> dict[tuple[str, str], Version]:
    """The first version of each target that was written since then, once there are so many."""
    written: dict[tuple[str, str], Version] = {}
    for _ in polls(AT_RETURN, 0.1):
        for target, versions in ledger.tokens(world.fleet.namespaces).items():
            later = [version for version in versions if version.seen_at >= since]
            written |= {target: later[0]} if later else {}
        if len(written) >= count:
            break
    return written


def _wait_for_a_round(ledger: Ledger, world: World, since: float) -> None:
    """Until every target was refreshed after that moment."""
    older: list[str] = []
    for _ in polls(LIFETIME, 0.2):
        tokens = ledger.tokens(world.fleet.namespaces)
        older = [
            "/".join(target)
            for target in world.fleet.targets
            if target not in tokens or tokens[target][-1].issued_at <= since
        ]
        if not older:
            return
    raise TimeoutError(f"not refreshed in {LIFETIME} s: {older}")


def _touch(world: World) -> None:
    """Move the cluster's revision on."""
    path = f"/api/v1/namespaces/{world.fleet.namespaces[0]}"
    world.admin.patch(path, {"metadata": {"annotations": {"example.com/at": str(time.time())}}})


def _copy(source: Path, place: Path) -> None:
    """Copy etcd's data, without the sockets of its last start."""
    shutil.copytree(source, place, ignore=shutil.ignore_patterns("*.sock"))
