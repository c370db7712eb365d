"""PUT, conflicts, generation, the status subresource, and writes that change nothing."""

from __future__ import annotations

import pytest

from tests.conformance.answers import (
    bad_value,
    conflict,
    failure,
    invalid,
    modified,
    not_found,
    settled,
    status,
    wrong_type,
)
from tests.conformance.objects import GROUP, config_map, widget
from tests.conformance.server import Object, Server


def changed(obj: Object, **spec: object) -> Object:
    return {**obj, "spec": {**obj["spec"], **spec}}


def test_a_put_replaces_the_object(server: Server, namespace: str, configmaps: str) -> None:
    before = server.make(configmaps, config_map("c", {"labels": {"a": "b"}}, old="1"))

    answer = server.put(f"{configmaps}/c", config_map("c", new="2"))

    assert answer.code == 200
    assert settled(answer.body) == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "c", "namespace": namespace},
        "data": {"new": "2"},
    }
    assert answer.body["metadata"]["uid"] == before["metadata"]["uid"]
    created = before["metadata"]["creationTimestamp"]
    assert answer.body["metadata"]["creationTimestamp"] == created


def test_a_put_with_an_old_version_is_409(server: Server, configmaps: str) -> None:
    old = server.make(configmaps, config_map("c"))
    server.patch(f"{configmaps}/c", {"data": {"key": "other"}})

    assert status(server.put(f"{configmaps}/c", old)) == modified("configmaps", "c")


def test_a_put_of_another_incarnation_is_409(server: Server, configmaps: str) -> None:
    uid = server.make(configmaps, config_map("c"))["metadata"]["uid"]

    answer = server.put(f"{configmaps}/c", config_map("c", {"uid": "other"}))

    assert (answer.code, answer.body["reason"]) == (409, "Conflict")
    why = f"Precondition failed: UID in precondition: other, UID in object meta: {uid}"
    assert answer.body["message"].endswith(why)


def test_a_put_of_another_name_is_400(server: Server, configmaps: str) -> None:
    server.make(configmaps, config_map("c"))

    assert status(server.put(f"{configmaps}/c", config_map("d"))) == failure(
        400, "BadRequest", "the name of the object (d) does not match the name on the URL (c)"
    )


def test_a_put_does_not_create(server: Server, configmaps: str) -> None:
    answer = server.put(f"{configmaps}/c", config_map("c"))

    assert status(answer) == not_found("configmaps", "c")


def test_a_put_of_a_custom_resource_needs_a_version(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w"))

    answer = server.put(f"{widgets}/w", widget("w", size=4))

    cause = bad_value("metadata.resourceVersion", "0", "must be specified for an update")
    assert status(answer) == invalid("widgets", "w", cause, group=GROUP)


def test_generation_counts_changes_of_the_spec_only(server: Server, widgets: str) -> None:
    first = server.make(widgets, widget("w"))

    labelled = server.patch(f"{widgets}/w", {"metadata": {"labels": {"a": "b"}}}).body
    respecified = server.put(f"{widgets}/w", changed(labelled, size=4)).body
    reported = server.patch(f"{widgets}/w/status", {"status": {"observedGeneration": 2}}).body

    generations = [
        obj["metadata"]["generation"] for obj in (first, labelled, respecified, reported)
    ]
    assert generations == [1, 1, 2, 2]


def test_the_main_resource_does_not_change_the_status(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w"))
    server.patch(f"{widgets}/w/status", {"status": {"observedGeneration": 5}})

    patched = server.patch(f"{widgets}/w", {"status": {"observedGeneration": 9}}).body
    put = server.put(f"{widgets}/w", {**patched, "status": {"observedGeneration": 9}}).body

    assert patched["status"] == put["status"] == {"observedGeneration": 5}


def test_the_status_subresource_changes_nothing_else(server: Server, widgets: str) -> None:
    before = server.make(widgets, widget("w"))
    body = changed({**before, "status": {"observedGeneration": 5}}, color="green")
    body["metadata"] = {**before["metadata"], "labels": {"a": "b"}}

    after = server.put(f"{widgets}/w/status", body).body

    assert after["status"] == {"observedGeneration": 5}
    assert after["spec"] == before["spec"]
    assert "labels" not in after["metadata"]
    assert after["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]


def test_the_status_subresource_is_read_as_the_whole_object(server: Server, widgets: str) -> None:
    created = server.make(widgets, widget("w"))

    assert server.get(f"{widgets}/w/status").body == created


def test_a_status_of_another_type_is_422(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w"))

    answer = server.patch(f"{widgets}/w/status", {"status": {"observedGeneration": "x"}})

    cause = wrong_type(
        "status.observedGeneration",
        '"string"',
        'observedGeneration in body must be of type integer: "string"',
    )
    assert status(answer) == invalid("Widget", "w", cause, group=GROUP)


def test_a_subresource_that_a_custom_resource_lacks_is_404(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w"))

    assert status(server.get(f"{widgets}/w/scale")) == not_found("widgets", "w", GROUP)


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({}, id="an empty patch"),
        pytest.param({"spec": {"color": "red"}}, id="the same value"),
        pytest.param({"spec": {"zip": 1}}, id="an unknown field"),
        pytest.param({"spec": {"code": None}}, id="an absent field removed"),
        pytest.param({"status": {"observedGeneration": 9}}, id="a status on the main resource"),
    ],
)
def test_a_patch_that_changes_nothing_keeps_the_version(
    server: Server, widgets: str, patch: Object
) -> None:
    server.make(widgets, widget("w"))
    before = server.patch(f"{widgets}/w", {"spec": {"size": 4}}).body

    after = server.patch(f"{widgets}/w", patch)

    assert (after.code, after.body) == (200, before)


def test_the_first_patch_stores_the_status_that_is_there_by_default(
    server: Server, widgets: str
) -> None:
    created = server.make(widgets, widget("w"))

    first = server.patch(f"{widgets}/w", {}).body
    second = server.patch(f"{widgets}/w", {}).body

    assert first["metadata"]["resourceVersion"] != created["metadata"]["resourceVersion"]
    assert settled(first) == settled(created)
    assert second == first


def test_a_put_that_changes_nothing_keeps_the_version(
    server: Server, widgets: str, configmaps: str
) -> None:
    server.make(widgets, widget("w"))
    resource = server.patch(f"{widgets}/w", {"spec": {"size": 4}}).body
    plain = server.make(configmaps, config_map("c"))

    assert server.put(f"{widgets}/w", resource).body == resource
    assert server.put(f"{configmaps}/c", plain).body == plain


def test_a_dry_run_answers_and_stores_nothing(
    server: Server, widgets: str, configmaps: str
) -> None:
    plain = server.make(configmaps, config_map("c"))

    created = server.post(f"{widgets}?dryRun=All", widget("w"))
    patched = server.patch(f"{configmaps}/c?dryRun=All", {"data": {"key": "other"}})
    deleted = server.delete(f"{configmaps}/c?dryRun=All")

    assert (created.code, patched.code, deleted.code) == (201, 200, 200)
    assert "resourceVersion" not in created.body["metadata"]
    assert patched.body["data"] == {"key": "other"}
    assert server.get(f"{widgets}/w").code == 404
    assert server.get(f"{configmaps}/c").body == plain


def test_an_unknown_dry_run_is_422(server: Server, configmaps: str) -> None:
    answer = server.post(f"{configmaps}?dryRun=Some", config_map("c"))

    why = 'Unsupported value: ["Some"]: supported values: "All"'
    cause = ("dryRun", "FieldValueNotSupported", why)
    assert status(answer) == invalid("CreateOptions", "", cause, group="meta.k8s.io")


def test_a_patch_with_an_old_version_is_409_even_when_it_changes_nothing(
    server: Server, configmaps: str
) -> None:
    server.make(configmaps, config_map("c"))
    stale = {"metadata": {"resourceVersion": "1"}}

    assert status(server.patch(f"{configmaps}/c", stale)) == modified("configmaps", "c")
    changing = {**stale, "data": {"key": "other"}}
    assert status(server.patch(f"{configmaps}/c", changing)) == modified("configmaps", "c")


def test_a_patch_with_the_present_version_is_taken(server: Server, widgets: str) -> None:
    version = server.make(widgets, widget("w"))["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "spec": {"size": 4}}

    assert server.patch(f"{widgets}/w", patch).code == 200
    answer = server.patch(f"{widgets}/w", patch)

    assert status(answer) == modified("widgets", "w", GROUP)


def test_a_patch_of_a_custom_resource_keeps_its_version(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w"))

    answer = server.patch(f"{widgets}/w", {"metadata": {"resourceVersion": None}})

    cause = bad_value("metadata.resourceVersion", "0", "must be specified for an update")
    assert status(answer) == invalid("widgets", "w", cause, group=GROUP)


def test_a_version_that_is_no_number_is_500(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w"))

    answer = server.patch(f"{widgets}/w", {"metadata": {"resourceVersion": "x"}})

    message = 'strconv.ParseUint: parsing "x": invalid syntax'
    assert status(answer) == failure(500, "", message)


def test_a_new_object_has_no_version_yet(server: Server, configmaps: str) -> None:
    answer = server.post(configmaps, config_map("c", {"resourceVersion": "5"}))

    message = "resourceVersion should not be set on objects to be created"
    assert status(answer) == failure(500, "", message)


def test_creation_time_and_managers_cannot_be_rewritten(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w"))
    before = server.patch(f"{widgets}/w", {"spec": {"size": 4}}).body
    claimed = {"creationTimestamp": "2020-01-01T00:00:00Z", "generation": 9}

    assert server.patch(f"{widgets}/w", {"metadata": claimed}).body == before


def test_a_deletion_with_wrong_preconditions_is_409(
    server: Server, configmaps: str, widgets: str
) -> None:
    plain = server.make(configmaps, config_map("c"))["metadata"]
    server.make(widgets, widget("w"))

    wrong_uid = server.delete(f"{configmaps}/c", {"preconditions": {"uid": "x"}})
    wrong_version = server.delete(f"{configmaps}/c", {"preconditions": {"resourceVersion": "1"}})
    custom = server.delete(f"{widgets}/w", {"preconditions": {"uid": "x"}})
    right = {"preconditions": {"uid": plain["uid"], "resourceVersion": plain["resourceVersion"]}}

    assert status(wrong_uid) == conflict(
        "ConfigMap",
        "c",
        f"the UID in the precondition (x) does not match the UID in record ({plain['uid']}). "
        "The object might have been deleted and then recreated",
    )
    assert status(wrong_version) == conflict(
        "ConfigMap",
        "c",
        "the ResourceVersion in the precondition (1) does not match the ResourceVersion in record "
        f"({plain['resourceVersion']}). The object might have been modified",
    )
    assert (custom.code, custom.body["details"]) == (
        409,
        {"name": "w", "group": GROUP, "kind": "Widget"},
    )
    assert server.delete(f"{configmaps}/c", right).code == 200
