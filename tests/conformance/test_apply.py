"""Server-side apply, in the form in which the in-memory server has it: who applied, owns."""

from __future__ import annotations

from tests.conformance.answers import bad_value, failure, invalid, required, status
from tests.conformance.objects import GROUP, config_map, widget
from tests.conformance.server import APPLY, Answer, Object, Server


def apply(server: Server, path: str, body: Object, query: str) -> Answer:
    return server.patch(f"{path}?{query}", body, APPLY)


def test_apply_creates_then_owns_what_it_applied(server: Server, widgets: str) -> None:
    path = f"{widgets}/w"

    created = apply(server, path, widget("w", size=5, tags=["a"]), "fieldManager=one")
    kept = apply(server, path, widget("w", tags=["a"]), "fieldManager=one")

    assert (created.code, kept.code) == (201, 200)
    entry = created.body["metadata"]["managedFields"][0]
    assert (entry["manager"], entry["operation"]) == ("one", "Apply")
    assert entry["fieldsV1"] == {"f:spec": {"f:color": {}, "f:size": {}, "f:tags": {'v:"a"': {}}}}
    # What is applied no longer falls back to its default.
    assert kept.body["spec"]["size"] == 3


def test_apply_leaves_alone_what_others_own(server: Server, widgets: str) -> None:
    path = f"{widgets}/w"
    apply(server, path, widget("w", parts=[{"name": "a"}]), "fieldManager=one")
    apply(server, path, widget("w", parts=[{"name": "b", "count": 2}]), "fieldManager=two")

    after = apply(server, path, widget("w"), "fieldManager=one")

    assert after.body["spec"]["parts"] == [{"name": "b", "count": 2}]


def test_apply_of_another_managers_field_is_409_unless_forced(server: Server, widgets: str) -> None:
    path = f"{widgets}/w"
    apply(server, path, widget("w", size=5), "fieldManager=one")

    refused = apply(server, path, widget("w", size=6), "fieldManager=two")
    forced = apply(server, path, widget("w", size=6), "fieldManager=two&force=true")

    cause = (".spec.size", "FieldManagerConflict", 'conflict with "one"')
    assert status(refused) == failure(
        409,
        "Conflict",
        'Apply failed with 1 conflict: conflict with "one": .spec.size',
        {"causes": [cause]},
    )
    assert forced.body["spec"]["size"] == 6
    owners = {
        entry["manager"]: entry["fieldsV1"] for entry in forced.body["metadata"]["managedFields"]
    }
    assert owners == {
        "one": {"f:spec": {"f:color": {}}},
        "two": {"f:spec": {"f:color": {}, "f:size": {}}},
    }


def test_apply_of_the_same_again_changes_nothing(server: Server, configmaps: str) -> None:
    path = f"{configmaps}/c"
    first = apply(server, path, config_map("c"), "fieldManager=one")

    again = apply(server, path, config_map("c"), "fieldManager=one")

    assert again.body == first.body


def test_apply_needs_a_manager(server: Server, widgets: str) -> None:
    answer = server.patch(f"{widgets}/w", widget("w"), APPLY)

    cause = required("fieldManager", "is required for apply patch")
    assert status(answer) == invalid("PatchOptions", "", cause, group="meta.k8s.io")


def test_apply_takes_no_managed_fields(server: Server, widgets: str) -> None:
    body = widget("w", {"managedFields": [{}]})

    answer = apply(server, f"{widgets}/w", body, "fieldManager=one")

    assert status(answer) == failure(400, "BadRequest", "metadata.managedFields must be nil")


def test_only_apply_can_be_forced(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w"))

    answer = server.patch(f"{widgets}/w?force=true", {})

    cause = ("force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch")
    assert status(answer) == invalid("PatchOptions", "", cause, group="meta.k8s.io")


def test_apply_validates(server: Server, widgets: str) -> None:
    answer = apply(server, f"{widgets}/w", widget("w", size=99), "fieldManager=one")

    why = "spec.size in body should be less than or equal to 10"
    assert status(answer) == invalid("Widget", "w", bad_value("spec.size", "99", why), group=GROUP)
