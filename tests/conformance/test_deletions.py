"""DELETE: finalizers, propagation, collections."""

from __future__ import annotations

import pytest

from tests.conformance.answers import Cause, forbidden, invalid, not_found, status
from tests.conformance.objects import GROUP, config_map, widget
from tests.conformance.server import Object, Server, take

KEEP = {"finalizers": ["example.com/keep"]}


def success(name: str, plural: str, uid: str, group: str = "") -> Object:
    details = {"name": name, "group": group, "kind": plural, "uid": uid}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }


def test_a_deletion_is_a_success_and_the_object_is_gone(
    server: Server, configmaps: str, widgets: str
) -> None:
    plain = server.make(configmaps, config_map("c"))["metadata"]["uid"]
    custom = server.make(widgets, widget("w"))["metadata"]["uid"]

    assert server.delete(f"{configmaps}/c").body == success("c", "configmaps", plain)
    assert server.delete(f"{widgets}/w").body == success("w", "widgets", custom, GROUP)
    assert status(server.get(f"{configmaps}/c")) == not_found("configmaps", "c")
    assert status(server.delete(f"{widgets}/w")) == not_found("widgets", "w", GROUP)


def test_a_finalizer_holds_an_object_back(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w", KEEP))

    first = server.delete(f"{widgets}/w")
    again = server.delete(f"{widgets}/w")

    metadata = first.body["metadata"]
    assert (first.code, again.code) == (200, 200)
    assert metadata["deletionTimestamp"]
    assert (metadata["deletionGracePeriodSeconds"], metadata["generation"]) == (0, 2)
    assert again.body == first.body


def test_the_last_finalizer_lets_it_go(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w", {"finalizers": ["example.com/a", "example.com/b"]}))
    server.delete(f"{widgets}/w")

    one = server.patch(f"{widgets}/w", {"metadata": {"finalizers": ["example.com/b"]}})
    none = server.patch(f"{widgets}/w", {"metadata": {"finalizers": None}})

    assert one.body["metadata"]["finalizers"] == ["example.com/b"]
    assert none.code == 200
    assert "finalizers" not in none.body["metadata"]
    assert status(server.get(f"{widgets}/w")) == not_found("widgets", "w", GROUP)


def test_the_events_of_a_held_deletion(server: Server, configmaps: str) -> None:
    server.make(configmaps, config_map("c", KEEP))
    revision = server.revision(configmaps)
    server.delete(f"{configmaps}/c")
    server.patch(f"{configmaps}/c", {"metadata": {"finalizers": None}})

    query = f"watch=1&timeoutSeconds=10&resourceVersion={revision}&fieldSelector=metadata.name=c"
    with server.watching(f"{configmaps}?{query}") as lines:
        marked, deleted = take(lines, 2)

    assert marked.brief == ("MODIFIED", "c")
    assert marked.object["metadata"]["deletionTimestamp"]
    assert deleted.brief == ("DELETED", "c")
    assert deleted.object["metadata"]["finalizers"] == KEEP["finalizers"]


def test_a_finalizer_cannot_be_added_late(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w", KEEP))
    server.delete(f"{widgets}/w")
    more = {"metadata": {"finalizers": ["example.com/keep", "example.com/more"]}}

    refused = server.patch(f"{widgets}/w", more)
    server.patch(f"{widgets}/w", {"metadata": {"finalizers": None}})

    why = (
        "no new finalizers can be added if the object is being deleted, found new finalizers "
        '[]string{"example.com/more"}'
    )
    cause = forbidden("metadata.finalizers", why)
    assert status(refused) == invalid("Widget", "w", cause, group=GROUP)


def test_a_deletion_cannot_be_taken_back(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w", KEEP))
    server.delete(f"{widgets}/w")
    undo = {"metadata": {"deletionTimestamp": None, "labels": {"a": "b"}}}

    metadata = server.patch(f"{widgets}/w", undo).body["metadata"]
    server.patch(f"{widgets}/w", {"metadata": {"finalizers": None}})

    assert metadata["deletionTimestamp"]
    assert metadata["labels"] == {"a": "b"}


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        pytest.param(
            {"propagationPolicy": "Foo"},
            (
                "propagationPolicy",
                "FieldValueNotSupported",
                (
                    'Unsupported value: "Foo": supported values: "Foreground", "Background", '
                    '"Orphan", "nil"'
                ),
            ),
            id="an unknown policy",
        ),
        pytest.param(
            {"propagationPolicy": "Orphan", "orphanDependents": True},
            (
                "propagationPolicy",
                "FieldValueInvalid",
                (
                    'Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be '
                    "both set"
                ),
            ),
            id="two policies",
        ),
    ],
)
def test_delete_options_that_make_no_sense_are_422(
    server: Server, configmaps: str, body: Object, cause: Cause
) -> None:
    server.make(configmaps, config_map("c"))

    answer = server.delete(f"{configmaps}/c", body)

    assert status(answer) == invalid("DeleteOptions", "", cause, group="meta.k8s.io")


def test_a_body_that_is_another_kind_is_400(server: Server, configmaps: str) -> None:
    server.make(configmaps, config_map("c"))

    answer = server.delete(f"{configmaps}/c", {"kind": "Pod", "apiVersion": "v1"})

    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    prefix = 'no kind "Pod" is registered for version "v1" in scheme'
    assert answer.body["message"].startswith(prefix)
    assert server.get(f"{configmaps}/c").code == 200


def test_the_policy_may_stand_in_the_query(server: Server, configmaps: str) -> None:
    server.make(configmaps, config_map("c", KEEP))

    marked = server.delete(f"{configmaps}/c?propagationPolicy=Background")
    server.patch(f"{configmaps}/c", {"metadata": {"finalizers": None}})

    assert marked.body["metadata"]["finalizers"] == KEEP["finalizers"]


def test_a_collection_is_deleted_by_its_selector(server: Server, widgets: str) -> None:
    for name, metadata in {"a": {"labels": {"x": ""}}, "b": {}, "c": {"labels": {"x": ""}}}.items():
        server.make(widgets, widget(name, metadata))

    answer = server.delete(f"{widgets}?labelSelector=x")

    left = server.get(widgets).body["items"]
    assert (answer.code, answer.body["kind"]) == (200, "WidgetList")
    assert [item["metadata"]["name"] for item in answer.body["items"]] == ["a", "c"]
    assert [item["metadata"]["name"] for item in left] == ["b"]


def test_a_pod_that_runs_nowhere_is_deleted_at_once(server: Server, namespace: str) -> None:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    server.make(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "robot"}})
    spec = {
        "serviceAccountName": "robot",
        "automountServiceAccountToken": False,
        "containers": [{"name": "c", "image": "example.com/image:1"}],
    }
    pod = server.make(pods, {"metadata": {"name": "p"}, "spec": spec})

    deleted = server.delete(f"{pods}/p")

    assert pod["status"]["phase"] == "Pending"
    assert (deleted.code, deleted.body["kind"]) == (200, "Pod")
    assert deleted.body["metadata"]["deletionGracePeriodSeconds"] == 0
    assert status(server.get(f"{pods}/p")) == not_found("pods", "p")
