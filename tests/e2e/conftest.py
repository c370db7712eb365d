"""One cluster with one real node for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.archives import CONSUMER, OPERATOR, archives_directory
from tests.support.controlplane import ControlPlane
from tests.support.kubectl import Kubectl
from tests.support.kubernetes_api import KubernetesAPI
from tests.support.real_node import namespaces, network, program
from tests.support.real_node.node import RealNode
from tests.support.real_node.serving_certificate import apiserver_args

HERE = Path(__file__).parent
SYNC_FREQUENCY = "12s"
"""A fifth of the kubelet's default: so are the lifetimes of the scaled run."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip outside of `make e2e`, in CI too: what is missing elsewhere is what that builds."""
    if not item.path.is_relative_to(HERE):
        return
    if archives_directory() is None:
        pytest.skip("make e2e runs it (Linux, root)")
    if item.path.name != "test_image.py" and namespaces.current() is None:
        pytest.skip("runs inside the namespaces of the node only: make e2e")


@pytest.fixture(scope="session")
def cluster() -> Iterator[ControlPlane]:
    inside = namespaces.current()
    assert inside is not None
    network.set_up_loopback()
    data = inside[0] / "plane"
    # The node has no name that could be resolved.
    args = (*apiserver_args(data), "--kubelet-preferred-address-types=InternalIP")
    with ControlPlane.start(data, apiserver_args=args) as running:
        yield running


@pytest.fixture(scope="session")
def node(cluster: ControlPlane) -> Iterator[RealNode]:
    inside = namespaces.current()
    assert inside is not None
    directory, cgroup = inside
    with RealNode.start(
        cluster, directory, program.build(), cgroup=cgroup, sync_frequency=SYNC_FREQUENCY
    ) as running:
        for image in (OPERATOR, CONSUMER):
            running.load(image.path, image.full_name)
        yield running


@pytest.fixture(scope="session")
def kubectl(cluster: ControlPlane, node: RealNode) -> Kubectl:
    return Kubectl(cluster.kubeconfig, timeout=180)


@pytest.fixture(scope="session")
def admin(cluster: ControlPlane, node: RealNode) -> Iterator[KubernetesAPI]:
    with KubernetesAPI(cluster.url, cluster.ca_file, cluster.token) as api:
        yield api
