"""The two servers, and a namespace of one's own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.objects import DEFINITIONS, GROUP, widget_definition
from tests.conformance.server import Server
from tests.support.controlplane import ControlPlane
from tests.support.kubernetes_sandbox import KubernetesSandbox

SERVERS = ["in-memory", pytest.param("real", marks=pytest.mark.controlplane)]


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesSandbox]:
    """The in-memory server, as a process."""
    with KubernetesSandbox.start(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each of the servers, with the Widget definition in place."""
    if request.param == "real":
        cluster: ControlPlane = request.getfixturevalue("controlplane")
        under_test = of_control_plane(cluster)
    else:
        memory: KubernetesSandbox = request.getfixturevalue("sandbox")
        under_test = Server(memory.url, memory.kubeconfig, real=False)
    define_widgets(under_test)
    yield under_test
    under_test.delete(f"{DEFINITIONS}/widgets.{GROUP}")
    under_test.close()


@pytest.fixture
def namespace(server: Server) -> Iterator[str]:
    """A namespace for one test."""
    name = f"conformance-{secrets.token_hex(3)}"
    server.make("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    server.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def with_controllers(server: Server, request: pytest.FixtureRequest) -> None:
    """For tests of what controllers do: some real control planes have none."""
    if server.real:
        request.getfixturevalue("controllers")


@pytest.fixture
def configmaps(namespace: str) -> str:
    """The path of the ConfigMaps in the test's namespace."""
    return f"/api/v1/namespaces/{namespace}/configmaps"


@pytest.fixture
def secret_path(namespace: str) -> str:
    """The path of the Secrets in the test's namespace."""
    return f"/api/v1/namespaces/{namespace}/secrets"


@pytest.fixture
def widgets(namespace: str) -> str:
    """The path of the Widgets in the test's namespace."""
    return f"/apis/{GROUP}/v1/namespaces/{namespace}/widgets"


def of_control_plane(cluster: ControlPlane) -> Server:
    """A real server as one under test."""
    return Server(
        cluster.url,
        Path(cluster.kubeconfig),
        real=True,
        token=cluster.token,
        ca_file=cluster.ca_file,
    )


def define_widgets(server: Server) -> None:
    """Define Widget and wait until it is served."""
    server.make(DEFINITIONS, widget_definition())
    server.wait(
        f"{DEFINITIONS}/widgets.{GROUP}",
        lambda answer: any(
            condition["type"] == "Established" and condition["status"] == "True"
            for condition in answer.body.get("status", {}).get("conditions") or []
        ),
    )
    server.wait(f"/apis/{GROUP}/v1/widgets", lambda answer: answer.code == 200)
