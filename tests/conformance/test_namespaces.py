"""Namespaces: creation, and deletion with all that is in them."""

from __future__ import annotations

import pytest

from tests.conformance.answers import failure, settled, status
from tests.conformance.objects import config_map, widget
from tests.conformance.server import Server

NAME_LABEL = "kubernetes.io/metadata.name"


def test_a_namespace_is_active_and_labelled(server: Server, namespace: str) -> None:
    assert settled(server.get(f"/api/v1/namespaces/{namespace}").body) == {
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": {"name": namespace, "labels": {NAME_LABEL: namespace}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def test_the_label_with_the_name_cannot_be_taken_away(server: Server, namespace: str) -> None:
    patch = {"metadata": {"labels": {NAME_LABEL: None, "mine": "1"}}}

    after = server.patch(f"/api/v1/namespaces/{namespace}", patch).body

    assert after["metadata"]["labels"] == {NAME_LABEL: namespace, "mine": "1"}


def test_the_system_namespaces_are_there(server: Server) -> None:
    items = server.get("/api/v1/namespaces").body["items"]

    names = {item["metadata"]["name"] for item in items}
    assert names >= {"default", "kube-node-lease", "kube-public", "kube-system"}


def test_the_default_namespace_cannot_be_deleted(server: Server) -> None:
    assert status(server.delete("/api/v1/namespaces/default")) == failure(
        403,
        "Forbidden",
        'namespaces "default" is forbidden: this namespace may not be deleted',
        {"name": "default", "kind": "namespaces"},
    )


@pytest.mark.usefixtures("with_controllers")
def test_a_namespace_takes_nothing_new_and_goes_with_all_that_is_in_it(
    server: Server, namespace: str, configmaps: str, widgets: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}"
    server.make(configmaps, config_map("held", {"finalizers": ["example.com/keep"]}))
    server.make(configmaps, config_map("free"))
    server.make(widgets, widget("w"))

    marked = server.delete(path)
    refused = server.post(configmaps, config_map("late"))
    changed = server.patch(f"{configmaps}/held", {"data": {"key": "other"}})
    again = server.delete(path)

    assert (marked.code, marked.body["kind"]) == (200, "Namespace")
    assert marked.body["metadata"]["deletionTimestamp"]
    assert marked.body["status"]["phase"] == again.body["status"]["phase"] == "Terminating"
    assert status(refused) == failure(
        403,
        "Forbidden",
        f'configmaps "late" is forbidden: unable to create new content in namespace {namespace} '
        "because it is being terminated",
        {
            "name": "late",
            "kind": "configmaps",
            "causes": [
                (
                    "metadata.namespace",
                    "NamespaceTerminating",
                    f"namespace {namespace} is being terminated",
                )
            ],
        },
    )
    assert changed.code == 200
    server.wait_gone(f"{configmaps}/free")
    server.wait_gone(f"{widgets}/w")
    held = server.wait(
        f"{configmaps}/held", lambda answer: "deletionTimestamp" in answer.body["metadata"]
    )
    assert held.body["data"] == {"key": "other"}
    server.patch(f"{configmaps}/held", {"metadata": {"finalizers": None}})
    server.wait_gone(path)
