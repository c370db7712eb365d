"""The node that readers stand on: it shows what a Secret holds, all at once, and leaves nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.controlplane import ControlPlane
from tests.support.hollow_node import NODE, HollowNode
from tests.support.kubernetes_api import KubernetesAPI, polls
from tests.support.mounted_readers import read_keys

APPEARS_SECONDS = 15
"""The kubelet looks every 1 to 1.5 s here; the rest is for a busy machine."""


@pytest.fixture
def node(controlplane: ControlPlane, controllers: None) -> Iterator[HollowNode]:
    """A node that looks at its pods every second."""
    with HollowNode.start(controlplane, sync_frequency="1s") as node:
        yield node


@pytest.fixture
def secret(admin: KubernetesAPI, namespace: str) -> str:
    """The path of a Secret `token` with the version 1 in both of its keys."""
    path = f"/api/v1/namespaces/{namespace}/secrets"
    admin.create(path, {"metadata": {"name": "token"}, "stringData": content(1)})
    return f"{path}/token"


def content(version: int) -> dict[str, str]:
    return {"one": str(version), "two": str(version)}


def wait_for(directory: Path, version: int) -> None:
    seen: list[str] = []
    for _ in polls(APPEARS_SECONDS):
        seen = read_keys(directory, "one", "two")
        assert seen[0] == seen[1]
        if seen[0] == str(version):
            return
    pytest.fail(f"the file still holds {seen}, not {version}")


def test_a_pod_sees_the_secret_and_each_change_of_it(
    node: HollowNode, admin: KubernetesAPI, namespace: str, secret: str
) -> None:
    node.run_pod(namespace, "app", ["token"])
    node.wait_running()
    directory = node.mounted(namespace, "app", "token")
    wait_for(directory, 1)

    for version in (2, 3):
        admin.patch(secret, {"stringData": content(version)})
        wait_for(directory, version)


def test_a_pod_of_a_secret_that_comes_later_waits_for_it(
    node: HollowNode, admin: KubernetesAPI, namespace: str
) -> None:
    node.run_pod(namespace, "app", ["late"])
    with pytest.raises(TimeoutError, match="pod app runs"):
        node.wait_running(seconds=1)

    path = f"/api/v1/namespaces/{namespace}/secrets"
    admin.create(path, {"metadata": {"name": "late"}, "stringData": content(1)})

    node.wait_running()
    wait_for(node.mounted(namespace, "app", "late"), 1)


def test_a_deleted_pod_takes_its_directories_with_it(
    node: HollowNode, namespace: str, secret: str
) -> None:
    node.run_pod(namespace, "app", ["token"])
    node.wait_running()
    directory = node.mounted(namespace, "app", "token")
    assert directory.exists()

    node.delete_pod(namespace, "app")

    for _ in polls(APPEARS_SECONDS):
        if not directory.exists():
            return
    pytest.fail(f"{directory.name} is still there")


def test_a_stopped_node_leaves_neither_process_nor_files_nor_objects(
    node: HollowNode, admin: KubernetesAPI, namespace: str, secret: str
) -> None:
    node.run_pod(namespace, "app", ["token"])
    node.wait_running()
    directory = node.mounted(namespace, "app", "token")

    node.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(node.pid, 0)
    assert not directory.exists()
    assert not admin.exists(f"/api/v1/nodes/{NODE}")
    assert admin.get(f"/api/v1/namespaces/{namespace}/pods")["items"] == []
