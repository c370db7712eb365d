"""Names, labels, annotations, finalizers, owner references, and what the server sets itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.conformance.answers import (
    Cause,
    bad_value,
    failure,
    invalid,
    not_found,
    required,
    status,
    too_long,
)
from tests.conformance.objects import GROUP, config_map, widget
from tests.conformance.server import Object, Server

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.',"
    " and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    r"validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must"
    " start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
    "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
KEY = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation"
    " is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
    "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def owner(**fields: object) -> Object:
    whole = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u", **fields}
    return {"ownerReferences": [{key: value for key, value in whole.items() if value is not None}]}


def test_the_server_sets_uid_time_and_version(server: Server, widgets: str) -> None:
    claimed = {
        "uid": "mine",
        "creationTimestamp": "2020-01-01T00:00:00Z",
        "deletionTimestamp": "2020-01-01T00:00:00Z",
        "generation": 9,
        "selfLink": "/mine",
        "labels": {},
        "annotations": None,
    }

    metadata = server.make(widgets, widget("w", claimed))["metadata"]

    created = datetime.fromisoformat(metadata["creationTimestamp"])
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", metadata["uid"])
    assert abs(datetime.now(UTC) - created) < timedelta(seconds=10)
    assert metadata["generation"] == 1
    assert metadata["resourceVersion"].isdecimal()
    assert metadata.keys().isdisjoint({"deletionTimestamp", "selfLink", "labels", "annotations"})


def test_versions_grow_over_all_resources(server: Server, configmaps: str, widgets: str) -> None:
    first = server.make(configmaps, config_map("c"))
    second = server.make(widgets, widget("w"))
    third = server.patch(f"{configmaps}/c", {"data": {"key": "other"}}).body

    versions = [int(obj["metadata"]["resourceVersion"]) for obj in (first, second, third)]
    assert versions == sorted(set(versions))


def test_a_name_is_generated(server: Server, configmaps: str) -> None:
    body = {"metadata": {"generateName": "made-"}}

    metadata = server.make(configmaps, body)["metadata"]

    assert re.fullmatch(r"made-[a-z0-9]{5}", metadata["name"])
    assert metadata["generateName"] == "made-"


def test_a_write_is_recorded_with_its_manager(server: Server, widgets: str) -> None:
    server.make(f"{widgets}?fieldManager=maker", widget("w"))
    status_path = f"{widgets}/w/status?fieldManager=reporter"
    metadata = server.patch(status_path, {"status": {"observedGeneration": 1}}).body["metadata"]

    entries = [
        (entry["manager"], entry["operation"], entry.get("subresource", ""))
        for entry in metadata["managedFields"]
    ]
    assert sorted(entries) == [("maker", "Update", ""), ("reporter", "Update", "status")]
    assert all(entry["fieldsType"] == "FieldsV1" for entry in metadata["managedFields"])


def test_the_user_agent_names_the_manager(server: Server, configmaps: str) -> None:
    metadata = server.make(configmaps, config_map("c"))["metadata"]

    assert [entry["manager"] for entry in metadata["managedFields"]] == ["conformance"]


@pytest.mark.parametrize(
    ("metadata", "causes"),
    [
        pytest.param(
            {}, [required("metadata.name", "name or generateName is required")], id="no name"
        ),
        pytest.param(
            {"name": "Bad_Name"},
            [bad_value("metadata.name", '"Bad_Name"', SUBDOMAIN)],
            id="a bad name",
        ),
        pytest.param(
            {"name": "n", "labels": {"a b": "c"}},
            [bad_value("metadata.labels", '"a b"', f"name part {KEY}")],
            id="a label key with a space",
        ),
        pytest.param(
            {"name": "n", "labels": {"a": "c d"}},
            [bad_value("metadata.labels", '"c d"', VALUE)],
            id="a label value with a space",
        ),
        pytest.param(
            {"name": "n", "labels": {"a": "x" * 64}},
            [bad_value("metadata.labels", f'"{"x" * 64}"', "must be no more than 63 bytes")],
            id="a label value too long",
        ),
        pytest.param(
            {"name": "n", "labels": {"/x": "y"}},
            [bad_value("metadata.labels", '"/x"', "prefix part must be non-empty")],
            id="an empty prefix",
        ),
        pytest.param(
            {"name": "n", "labels": {"EXAMPLE.com/x": "y"}},
            [bad_value("metadata.labels", '"EXAMPLE.com/x"', f"prefix part {SUBDOMAIN}")],
            id="a prefix in capitals",
        ),
        pytest.param(
            {"name": "n", "annotations": {"x y": "1"}},
            [bad_value("metadata.annotations", '"x y"', f"name part {KEY}")],
            id="an annotation key with a space",
        ),
        pytest.param(
            {"name": "n", "annotations": {"big": "x" * 262144}},
            [too_long("metadata.annotations", 262144)],
            id="annotations too large",
        ),
        pytest.param(
            {"name": "n", **owner(kind=None, name=None, uid=None)},
            [
                required("metadata.ownerReferences[0].kind", "must not be empty"),
                required("metadata.ownerReferences[0].name", "must not be empty"),
                required("metadata.ownerReferences[0].uid", "must not be empty"),
            ],
            id="an empty owner reference",
        ),
        pytest.param(
            {"name": "n", **owner(kind="Event")},
            [
                bad_value(
                    "metadata.ownerReferences[0]",
                    '{"apiVersion":"v1","kind":"Event","name":"o","uid":"u"}',
                    "/v1, Kind=Event is disallowed from being an owner",
                )
            ],
            id="an Event as owner",
        ),
        pytest.param(
            {
                "name": "n",
                "ownerReferences": [
                    owner(controller=True)["ownerReferences"][0],
                    owner(controller=True, name="p", uid="v")["ownerReferences"][0],
                ],
            },
            [
                bad_value(
                    "metadata.ownerReferences",
                    '[{"apiVersion":"v1","kind":"ConfigMap","name":"o","uid":"u","controller":true},'
                    '{"apiVersion":"v1","kind":"ConfigMap","name":"p","uid":"v","controller":true}]',
                    'Only one reference can have Controller set to true. Found "true" in references'
                    " for ConfigMap/o and ConfigMap/p",
                )
            ],
            id="two controllers",
        ),
        pytest.param(
            {"name": "n", "finalizers": ["foo"]},
            [
                bad_value(
                    "metadata.finalizers[0]",
                    '"foo"',
                    "name is neither a standard finalizer name nor is it fully qualified",
                )
            ],
            id="an unqualified finalizer",
        ),
    ],
)
def test_bad_metadata_is_422(
    server: Server, configmaps: str, metadata: Object, causes: list[Cause]
) -> None:
    answer = server.post(f"{configmaps}?dryRun=All", {"metadata": metadata})

    assert status(answer) == invalid("ConfigMap", metadata.get("name", ""), *causes)


@pytest.mark.parametrize(
    ("metadata", "causes"),
    [
        pytest.param(
            {"name": "Bad_Name"},
            [bad_value("metadata.name", '"Bad_Name"', SUBDOMAIN)],
            id="a bad name",
        ),
        pytest.param(
            {"name": "n", "labels": {"a": "c d"}},
            [bad_value("metadata.labels", '"c d"', VALUE)],
            id="a label value with a space",
        ),
        pytest.param(
            {"name": "n", "finalizers": ["a b"]},
            [bad_value("metadata.finalizers", '"a b"', f"name part {KEY}")],
            id="a finalizer with a space",
        ),
    ],
)
def test_bad_metadata_of_a_custom_resource_is_422(
    server: Server, widgets: str, metadata: Object, causes: list[Cause]
) -> None:
    answer = server.post(widgets, {**widget(""), "metadata": metadata})

    assert status(answer) == invalid("Widget", metadata["name"], *causes, group=GROUP)


def test_the_name_of_a_namespace_is_a_label(server: Server) -> None:
    dotted = server.post("/api/v1/namespaces", {"metadata": {"name": "a.b"}})
    dashed = server.post("/api/v1/namespaces", {"metadata": {"name": "a-"}})

    assert status(dotted) == invalid(
        "Namespace", "a.b", bad_value("metadata.name", '"a.b"', "must not contain dots")
    )
    assert bad_value("metadata.name", '"a-"', LABEL) in status(dashed)["details"]["causes"]


def test_the_name_of_a_role_may_be_any_path_segment(server: Server, namespace: str) -> None:
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles"

    assert server.post(path, {"metadata": {"name": "Any:Role"}, "rules": []}).code == 201


def test_a_namespace_that_contradicts_the_path_is_400(server: Server, configmaps: str) -> None:
    answer = server.post(configmaps, config_map("c", {"namespace": "other"}))

    message = (
        "the namespace of the provided object does not match the namespace sent on the request"
    )
    assert status(answer) == failure(400, "BadRequest", message)


def test_nothing_is_created_in_a_namespace_that_does_not_exist(server: Server) -> None:
    answer = server.post("/api/v1/namespaces/nowhere/configmaps", config_map("c"))

    assert status(answer) == not_found("namespaces", "nowhere")


def test_a_name_that_is_taken_is_409(server: Server, configmaps: str, widgets: str) -> None:
    server.make(configmaps, config_map("c"))
    server.make(widgets, widget("w"))

    assert status(server.post(configmaps, config_map("c"))) == failure(
        409,
        "AlreadyExists",
        'configmaps "c" already exists',
        {"name": "c", "kind": "configmaps"},
    )
    assert status(server.post(widgets, widget("w"))) == failure(
        409,
        "AlreadyExists",
        f'widgets.{GROUP} "w" already exists',
        {"name": "w", "group": GROUP, "kind": "widgets"},
    )


def test_the_uid_cannot_change(server: Server, configmaps: str) -> None:
    server.make(configmaps, config_map("c"))

    answer = server.patch(f"{configmaps}/c", {"metadata": {"uid": "other"}})

    cause = bad_value("metadata.uid", '"other"', "field is immutable")
    assert status(answer) == invalid("ConfigMap", "c", cause)
