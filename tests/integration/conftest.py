"""What the tests on a real kube-apiserver share: an admin, the CRDs, a namespace of one's own."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.controlplane import ControlPlane
from tests.support.crds import apply_crds
from tests.support.kubectl import Kubectl
from tests.support.kubernetes_api import KubernetesAPI

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # First, so that `-m "not controlplane"` sees the marker.
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.controlplane)


@pytest.fixture(scope="session")
def admin(controlplane: ControlPlane) -> Iterator[KubernetesAPI]:
    """The API, as cluster-admin."""
    with KubernetesAPI(controlplane.url, controlplane.ca_file, controlplane.token) as api:
        yield api


@pytest.fixture(scope="session")
def kubectl(controlplane: ControlPlane) -> Kubectl:
    """The real kubectl, as cluster-admin."""
    return Kubectl(controlplane.kubeconfig)


@pytest.fixture(scope="session")
def crds(admin: KubernetesAPI) -> list[str]:
    """The project's CRDs, applied and established. Their names."""
    return apply_crds(admin)


@pytest.fixture
def namespace(
    admin: KubernetesAPI, crds: list[str], request: pytest.FixtureRequest
) -> Iterator[str]:
    """A new namespace, in a cluster with the CRDs. It is deleted afterwards, without waiting."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:40]
    name = f"{words.strip('-')}-{secrets.token_hex(3)}"
    admin.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    admin.delete(f"/api/v1/namespaces/{name}")
