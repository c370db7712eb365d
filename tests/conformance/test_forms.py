"""The forms of an answer: tables, metadata alone, YAML."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import yaml

from tests.conformance.answers import columns, rows, status
from tests.conformance.objects import DEFINITIONS, GROUP, config_map, widget
from tests.conformance.server import PARTIAL, PARTIAL_LIST, TABLE, Object, Server

AGE = re.compile(r"\d+s")
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def test_the_printer_columns_make_the_table(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w", when="2020-01-01T00:00:00Z"))
    condition = {"type": "Ready", "status": "True"}
    server.patch(f"{widgets}/w/status", {"status": {"conditions": [condition]}})
    server.make(widgets, widget("x", color="green", when="2999-01-01T00:00:00Z"))
    server.make(widgets, widget("y"))

    table = server.get(widgets, accept=TABLE).body

    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert columns(table) == [
        ("Name", "string", "name", 0),
        ("Color", "string", "", 0),
        ("Ready", "string", "", 0),
        ("Size", "integer", "", 1),
        ("When", "date", "", 0),
        ("Age", "date", "", 0),
    ]
    assert table["columnDefinitions"][1]["description"] == (
        "Custom resource definition column (in JSONPath format): .spec.color"
    )
    assert table["columnDefinitions"][3]["description"] == "how big"
    first, second, third = rows(table)
    assert first[:4] == ["w", "red", "True", 3]
    assert re.fullmatch(r"\dy\d+d", first[4])
    assert AGE.fullmatch(first[5])
    assert second[:5] == ["x", "green", None, 3, "<invalid>"]
    assert third[:5] == ["y", "red", None, 3, None]
    assert table["metadata"]["resourceVersion"]


def test_a_row_carries_the_metadata_of_its_object(server: Server, widgets: str) -> None:
    created = server.make(widgets, widget("w"))

    table = server.get(f"{widgets}/w", accept=TABLE).body

    carried = table["rows"][0]["object"]
    assert (carried["kind"], carried["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert carried["metadata"]["uid"] == created["metadata"]["uid"]
    assert table["metadata"] == {"resourceVersion": created["metadata"]["resourceVersion"]}


def test_a_row_carries_what_is_asked_for(server: Server, widgets: str) -> None:
    created = server.make(widgets, widget("w"))

    nothing = server.get(f"{widgets}/w?includeObject=None", accept=TABLE).body
    everything = server.get(f"{widgets}?includeObject=Object", accept=TABLE).body
    wrong = server.get(f"{widgets}/w?includeObject=Some", accept=TABLE)

    assert nothing["rows"][0]["object"] is None
    assert everything["rows"][0]["object"] == created
    assert (wrong.code, wrong.body["reason"]) == (400, "BadRequest")


BUILTIN: list[
    tuple[str, Callable[[str], Object], list[tuple[str, str, str, int]], list[object]]
] = [
    (
        "/api/v1/namespaces/{}/secrets",
        lambda _: {"metadata": {"name": "n"}, "data": {"a": "YQ=="}},
        [
            ("Name", "string", "name", 0),
            ("Type", "string", "", 0),
            ("Data", "string", "", 0),
            ("Age", "string", "", 0),
        ],
        ["n", "Opaque", 1, AGE],
    ),
    (
        "/api/v1/namespaces/{}/configmaps",
        lambda _: config_map("n", a="1", b="2"),
        [("Name", "string", "name", 0), ("Data", "string", "", 0), ("Age", "string", "", 0)],
        ["n", 2, AGE],
    ),
    (
        "/api/v1/namespaces/{}/serviceaccounts",
        lambda _: {"metadata": {"name": "n"}},
        [("Name", "string", "name", 0), ("Age", "string", "", 0)],
        ["n", AGE],
    ),
    (
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
        lambda _: {"metadata": {"name": "n"}, "spec": {"holderIdentity": "me"}},
        [("Name", "string", "name", 0), ("Holder", "string", "", 0), ("Age", "string", "", 0)],
        ["n", "me", AGE],
    ),
    (
        RBAC + "/namespaces/{}/rolebindings",
        lambda namespace: {
            "metadata": {"name": "n"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
            "subjects": [
                {"kind": "ServiceAccount", "name": "robot", "namespace": namespace},
                {"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"},
                {"kind": "Group", "name": "all", "apiGroup": "rbac.authorization.k8s.io"},
            ],
        },
        [
            ("Name", "string", "name", 0),
            ("Role", "string", "", 0),
            ("Age", "string", "", 0),
            ("Users", "string", "", 1),
            ("Groups", "string", "", 1),
            ("ServiceAccounts", "string", "", 1),
        ],
        ["n", "Role/r", AGE, "alice", "all", re.compile(".*/robot")],
    ),
]


@pytest.mark.parametrize(
    ("path", "make", "expected_columns", "cells"),
    BUILTIN,
    ids=[path.rpartition("/")[2] for path, *_ in BUILTIN],
)
def test_built_in_kinds_have_their_columns(
    server: Server,
    namespace: str,
    path: str,
    make: Callable[[str], Object],
    expected_columns: list[tuple[str, str, str, int]],
    cells: list[object],
) -> None:
    place = path.format(namespace)
    server.make(place, make(namespace))

    table = server.get(f"{place}/n", accept=TABLE).body

    assert columns(table) == expected_columns
    row = rows(table)[0]
    assert len(row) == len(cells)
    for actual, expected in zip(row, cells, strict=True):
        if isinstance(expected, re.Pattern):
            assert expected.fullmatch(actual)
        else:
            assert actual == expected


def test_a_namespace_is_shown_with_its_phase(server: Server, namespace: str) -> None:
    table = server.get(f"/api/v1/namespaces/{namespace}", accept=TABLE).body

    assert [name for name, *_ in columns(table)] == ["Name", "Status", "Age"]
    assert rows(table)[0][:2] == [namespace, "Active"]


def test_a_definition_is_shown_with_its_scope_and_versions(server: Server) -> None:
    table = server.get(f"{DEFINITIONS}/widgets.{GROUP}", accept=TABLE).body

    assert columns(table) == [
        ("Name", "string", "name", 0),
        ("Scope", "string", "", 0),
        ("Versions", "string", "", 0),
        ("Created At", "date", "", 0),
        ("Group", "string", "", 1),
        ("Kind", "string", "", 1),
        ("ShortNames", "string", "", 1),
        ("Established", "boolean", "", 1),
    ]
    row = rows(table)[0]
    assert row[:3] == [f"widgets.{GROUP}", "Namespaced", "v1(storage)"]
    assert row[4:] == [GROUP, "Widget", "wd", True]


def test_metadata_alone_has_no_data(server: Server, secret_path: str) -> None:
    created = server.make(secret_path, {"metadata": {"name": "s"}, "stringData": {"a": "b"}})

    one = server.get(f"{secret_path}/s", accept=PARTIAL).body
    listed = server.get(secret_path, accept=PARTIAL_LIST).body

    expected = {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": created["metadata"],
    }
    assert one == expected
    assert (listed["kind"], listed["apiVersion"]) == (
        "PartialObjectMetadataList",
        "meta.k8s.io/v1",
    )
    assert listed["items"] == [expected]


def test_metadata_comes_in_pages_too(server: Server, widgets: str) -> None:
    for name in "abc":
        server.make(widgets, widget(name))

    page = server.get(f"{widgets}?limit=2", accept=PARTIAL_LIST).body
    token = page["metadata"]["continue"]
    rest = server.get(f"{widgets}?limit=2&continue={token}", accept=PARTIAL_LIST).body

    assert [item["metadata"]["name"] for item in page["items"]] == ["a", "b"]
    assert page["metadata"]["remainingItemCount"] == 1
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c"]


def test_the_form_of_one_object_does_not_fit_a_list(server: Server, configmaps: str) -> None:
    answer = server.get(configmaps, accept=PARTIAL)

    assert (answer.code, answer.body["reason"]) == (406, "NotAcceptable")
    prefix = "you requested PartialObjectMetadata, but the requested object is a list"
    assert answer.body["message"].startswith(prefix)


def test_the_first_form_that_exists_is_taken(server: Server, configmaps: str) -> None:
    server.make(configmaps, config_map("c"))
    unknown = "application/json;as=Nothing;v=v1;g=meta.k8s.io"

    assert server.get(f"{configmaps}/c", accept=f"{unknown},{TABLE}").body["kind"] == "Table"
    assert server.get(f"{configmaps}/c", accept="*/*").body["kind"] == "ConfigMap"
    assert server.get(f"{configmaps}/c", accept="text/html").code == 406
    assert server.get(f"{configmaps}/c", accept=unknown).code == 406


def test_an_object_comes_as_yaml_and_is_taken_as_yaml(server: Server, configmaps: str) -> None:
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {key: value}}"

    created = server.request("POST", configmaps, content=text, content_type="application/yaml")
    shown = server.get(f"{configmaps}/c", accept="application/yaml")

    assert created.code == 201
    assert shown.headers["Content-Type"] == "application/yaml"
    assert yaml.safe_load(shown.body) == created.body


def test_a_time_in_yaml_is_a_string(server: Server, widgets: str) -> None:
    text = """
        apiVersion: conformance.example/v1
        kind: Widget
        metadata: {name: w}
        spec: {color: red, when: 2026-01-01T00:00:00Z}
    """

    created = server.request("POST", widgets, content=text, content_type="application/yaml")

    assert (created.code, created.body["spec"]["when"]) == (201, "2026-01-01T00:00:00Z")


def test_a_body_of_another_media_type_is_415(server: Server, configmaps: str) -> None:
    answer = server.request("POST", configmaps, content="{}", content_type="text/plain")

    assert status(answer)["code"] == 415
    assert answer.body["message"] == (
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )


def test_a_created_object_can_come_as_a_table(server: Server, widgets: str) -> None:
    table = server.post(widgets, widget("w"), accept=TABLE).body

    assert rows(table)[0][:2] == ["w", "red"]
