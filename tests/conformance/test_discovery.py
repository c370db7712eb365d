"""Discovery, health and paths that lead nowhere."""

from __future__ import annotations

import pytest

from tests.conformance.answers import failure, status
from tests.conformance.objects import API_VERSION, GROUP
from tests.conformance.server import TABLE, Object, Server

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def resources_of(server: Server, path: str) -> dict[str, Object]:
    listed = server.get(path).body
    assert listed["kind"] == "APIResourceList"
    return {
        entry["name"]: {k: v for k, v in entry.items() if k != "storageVersionHash"}
        for entry in listed["resources"]
    }


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez"])
def test_health_is_a_plain_ok(server: Server, path: str) -> None:
    answer = server.get(path)

    assert (answer.code, answer.body) == (200, "ok")


def test_the_version_is_that_of_the_suite(server: Server) -> None:
    version = server.get("/version").body

    assert (version["major"], version["minor"]) == ("1", "37")


def test_the_core_group_is_v1(server: Server) -> None:
    body = server.get("/api").body

    assert (body["kind"], body["versions"]) == ("APIVersions", ["v1"])


@pytest.mark.parametrize(
    ("group", "version"),
    [
        ("events.k8s.io", "v1"),
        ("coordination.k8s.io", "v1"),
        ("rbac.authorization.k8s.io", "v1"),
        ("apiextensions.k8s.io", "v1"),
        (GROUP, "v1"),
    ],
)
def test_a_group_is_listed_and_described(server: Server, group: str, version: str) -> None:
    known = {"groupVersion": f"{group}/{version}", "version": version}
    entry = {"name": group, "versions": [known], "preferredVersion": known}

    listed = server.get("/apis").body
    described = server.get(f"/apis/{group}").body

    assert (listed["kind"], listed["apiVersion"]) == ("APIGroupList", "v1")
    assert entry in listed["groups"]
    assert described == {"kind": "APIGroup", "apiVersion": "v1", **entry}


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        pytest.param(
            "/api/v1",
            "secrets",
            {"singularName": "secret", "namespaced": True, "kind": "Secret", "verbs": VERBS},
            id="secrets",
        ),
        pytest.param(
            "/api/v1",
            "configmaps",
            {
                "singularName": "configmap",
                "namespaced": True,
                "kind": "ConfigMap",
                "verbs": VERBS,
                "shortNames": ["cm"],
            },
            id="configmaps",
        ),
        pytest.param(
            "/api/v1",
            "namespaces",
            {
                "singularName": "namespace",
                "namespaced": False,
                "kind": "Namespace",
                "verbs": [verb for verb in VERBS if verb != "deletecollection"],
                "shortNames": ["ns"],
            },
            id="namespaces cannot be deleted as a collection",
        ),
        pytest.param(
            "/api/v1",
            "namespaces/status",
            {
                "singularName": "",
                "namespaced": False,
                "kind": "Namespace",
                "verbs": ["get", "patch", "update"],
            },
            id="a subresource",
        ),
        pytest.param(
            "/apis/events.k8s.io/v1",
            "events",
            {
                "singularName": "event",
                "namespaced": True,
                "kind": "Event",
                "verbs": VERBS,
                "shortNames": ["ev"],
            },
            id="events",
        ),
        pytest.param(
            "/apis/coordination.k8s.io/v1",
            "leases",
            {"singularName": "lease", "namespaced": True, "kind": "Lease", "verbs": VERBS},
            id="leases",
        ),
        pytest.param(
            f"/apis/{API_VERSION}",
            "widgets",
            {
                "singularName": "widget",
                "namespaced": True,
                "kind": "Widget",
                "verbs": [
                    "delete",
                    "deletecollection",
                    "get",
                    "list",
                    "patch",
                    "create",
                    "update",
                    "watch",
                ],
                "shortNames": ["wd"],
                "categories": ["parts"],
            },
            id="a custom resource",
        ),
        pytest.param(
            f"/apis/{API_VERSION}",
            "widgets/status",
            {
                "singularName": "",
                "namespaced": True,
                "kind": "Widget",
                "verbs": ["get", "patch", "update"],
            },
            id="the status of a custom resource",
        ),
    ],
)
def test_a_resource_is_described(server: Server, path: str, name: str, expected: Object) -> None:
    assert resources_of(server, path)[name] == {"name": name, **expected}


def test_discovery_falls_back_to_plain_json(server: Server) -> None:
    answer = server.get("/api/v1", accept=f"{TABLE},application/json")

    assert answer.body["kind"] == "APIResourceList"


@pytest.mark.parametrize("path", ["/nope", "/apis/nope.example", "/apis/nope.example/v1"])
def test_an_unknown_path_is_404_in_plain_text(server: Server, path: str) -> None:
    answer = server.get(path)

    assert (answer.code, answer.body) == (404, "404 page not found\n")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/widgets",
        "/api/v1/namespaces/default/secrets/s/status",
        "/api/v1/secrets/s",
        "/api/v1/namespaces/default/namespaces",
    ],
    ids=[
        "an unknown resource",
        "an unknown subresource",
        "a name without its namespace",
        "a namespace in a namespace",
    ],
)
def test_an_unknown_resource_is_404_with_a_status(server: Server, path: str) -> None:
    message = "the server could not find the requested resource"

    assert status(server.get(path)) == failure(404, "NotFound", message, {})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/namespaces/default/secrets/s"),
        ("PUT", "/api/v1/namespaces/default/secrets"),
        ("PATCH", "/api/v1/namespaces/default/secrets"),
        ("DELETE", "/api/v1/namespaces"),
        ("POST", "/api/v1/secrets"),
        ("DELETE", "/api/v1/secrets"),
    ],
)
def test_a_method_that_does_not_fit_is_405(server: Server, method: str, path: str) -> None:
    message = "the server does not allow this method on the requested resource"

    assert status(server.request(method, path, {})) == failure(405, "MethodNotAllowed", message, {})
