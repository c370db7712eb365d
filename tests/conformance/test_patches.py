"""Merge patch, JSON patch, strategic merge patch."""

from __future__ import annotations

import pytest

from tests.conformance.answers import bad_value, failure, invalid, not_found, status
from tests.conformance.objects import API_VERSION, GROUP, config_map, widget
from tests.conformance.server import JSON, JSON_PATCH, MERGE, Object, Server

REJECTED = failure(
    422, "Invalid", "the server rejected our request due to an error in our request", {}
)


def test_a_merge_patch_sets_and_removes(server: Server, configmaps: str) -> None:
    server.make(configmaps, config_map("c", {"labels": {"x": "1", "y": "2"}}, a="1", b="2"))
    patch = {"metadata": {"labels": {"x": None}}, "data": {"a": None, "c": "3"}}

    after = server.patch(f"{configmaps}/c", patch).body

    assert after["data"] == {"b": "2", "c": "3"}
    assert after["metadata"]["labels"] == {"y": "2"}


def test_a_merge_patch_replaces_lists(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w", tags=["a", "b"]))

    assert server.patch(f"{widgets}/w", {"spec": {"tags": ["c"]}}).body["spec"]["tags"] == ["c"]


def test_a_removed_field_gets_its_default_again(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w", size=7))

    after = server.patch(f"{widgets}/w", {"spec": {"size": None}}).body

    assert (after["spec"]["size"], after["metadata"]["generation"]) == (3, 2)


@pytest.mark.parametrize(
    ("operations", "spec"),
    [
        pytest.param(
            [{"op": "replace", "path": "/spec/size", "value": 4}], {"size": 4}, id="replace"
        ),
        pytest.param(
            [{"op": "add", "path": "/spec/tags/0", "value": "z"}],
            {"tags": ["z", "a", "b"]},
            id="add at the front",
        ),
        pytest.param(
            [{"op": "add", "path": "/spec/tags/-", "value": "z"}],
            {"tags": ["a", "b", "z"]},
            id="add at the end",
        ),
        pytest.param([{"op": "remove", "path": "/spec/tags/0"}], {"tags": ["b"]}, id="remove"),
        pytest.param(
            [{"op": "copy", "from": "/spec/code", "path": "/spec/note"}],
            {"note": "abc"},
            id="copy",
        ),
        pytest.param(
            [{"op": "move", "from": "/spec/code", "path": "/spec/note"}],
            {"note": "abc", "code": ...},
            id="move",
        ),
        pytest.param(
            [
                {"op": "test", "path": "/spec/size", "value": 3},
                {"op": "replace", "path": "/spec/size", "value": 5},
            ],
            {"size": 5},
            id="a test that holds",
        ),
        pytest.param(
            [{"op": "add", "path": "/spec/any/a~1b~0c", "value": 1}],
            {"any": {"a/b~c": 1}},
            id="escapes in a pointer",
        ),
    ],
)
def test_a_json_patch_is_applied(
    server: Server, widgets: str, operations: list[Object], spec: Object
) -> None:
    server.make(widgets, widget("w", tags=["a", "b"], code="abc", any={}))

    after = server.patch(f"{widgets}/w", operations, JSON_PATCH)

    assert after.code == 200, after.body
    assert {key: after.body["spec"].get(key, ...) for key in spec} == spec


@pytest.mark.parametrize(
    "operations",
    [
        pytest.param(
            [
                {"op": "replace", "path": "/spec/size", "value": 5},
                {"op": "test", "path": "/spec/size", "value": 4},
            ],
            id="a test that fails",
        ),
        pytest.param([{"op": "remove", "path": "/spec/code"}], id="remove of an absent member"),
        pytest.param(
            [{"op": "replace", "path": "/a/b", "value": 1}], id="a path that leads nowhere"
        ),
        pytest.param(
            [{"op": "add", "path": "/spec/tags/9", "value": 1}], id="an index out of range"
        ),
        pytest.param([{"op": "nix", "path": "/spec/size"}], id="an unknown operation"),
    ],
)
def test_a_json_patch_that_does_not_fit_is_422_as_a_whole(
    server: Server, widgets: str, operations: list[Object]
) -> None:
    before = server.make(widgets, widget("w", tags=["a"]))

    assert status(server.patch(f"{widgets}/w", operations, JSON_PATCH)) == REJECTED
    assert server.get(f"{widgets}/w").body == before


@pytest.mark.parametrize(
    ("content", "content_type", "message"),
    [
        pytest.param("{", MERGE, "invalid JSON patch", id="broken merge patch"),
        pytest.param(
            "[]",
            MERGE,
            "error decoding patch: json: cannot unmarshal array into Go value of type "
            "map[string]interface {}",
            id="a list as merge patch",
        ),
        pytest.param(
            "{}",
            JSON_PATCH,
            "error decoding patch: json: cannot unmarshal object into Go value of type "
            "[]handlers.jsonPatchOp",
            id="an object as JSON patch",
        ),
    ],
)
def test_a_patch_that_is_none_is_400(
    server: Server, widgets: str, content: str, content_type: str, message: str
) -> None:
    server.make(widgets, widget("w"))

    answer = server.request("PATCH", f"{widgets}/w", content=content, content_type=content_type)

    assert status(answer) == failure(400, "BadRequest", message)


def test_a_patch_to_another_type_is_422(server: Server, configmaps: str) -> None:
    server.make(configmaps, config_map("c"))

    answer = server.patch(f"{configmaps}/c", {"data": "x"})

    causes = answer.body["details"]["causes"]
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert [(c["field"], c["reason"]) for c in causes] == [("patch", "FieldValueInvalid")]
    assert (
        "json: cannot unmarshal string into Go struct field ConfigMap.data"
        in (answer.body["message"])
    )


def test_a_patch_cannot_rename(server: Server, configmaps: str) -> None:
    server.make(configmaps, config_map("c"))

    answer = server.patch(f"{configmaps}/c", {"metadata": {"name": "d"}})

    message = "the name of the object (d) does not match the name on the URL (c)"
    assert status(answer) == failure(400, "BadRequest", message)


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        pytest.param(
            {"apiVersion": "x.example/v1"},
            invalid(
                "Widget",
                "w",
                bad_value("apiVersion", '"x.example/v1"', f"must be {API_VERSION}"),
                group="x.example",
            ),
            id="another version",
        ),
        pytest.param(
            {"kind": "Gadget"},
            invalid("Gadget", "w", bad_value("kind", '"Gadget"', "must be Widget"), group=GROUP),
            id="another kind",
        ),
        pytest.param(
            {"metadata": None},
            failure(
                400,
                "BadRequest",
                "the name of the object (w based on URL) was undeterminable: name must be provided",
            ),
            id="no metadata",
        ),
        pytest.param(
            {"metadata": {"namespace": "other"}},
            failure(
                400,
                "BadRequest",
                "the namespace of the provided object does not match the namespace sent on the "
                "request",
            ),
            id="another namespace",
        ),
    ],
)
def test_a_patch_cannot_make_another_object(
    server: Server, widgets: str, patch: Object, expected: Object
) -> None:
    server.make(widgets, widget("w"))

    assert status(server.patch(f"{widgets}/w", patch)) == expected


def test_a_patch_of_what_is_not_there_is_404(server: Server, configmaps: str) -> None:
    assert status(server.patch(f"{configmaps}/c", {})) == not_found("configmaps", "c")


def test_plain_json_is_no_patch(server: Server, configmaps: str) -> None:
    server.make(configmaps, config_map("c"))

    answer = server.patch(f"{configmaps}/c", {}, JSON)

    message = "415: Unsupported Media Type"
    assert status(answer) == failure(415, "UnsupportedMediaType", message, {})
