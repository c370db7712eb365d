"""Strategic merge patch: for built-in kinds only."""

from __future__ import annotations

import pytest

from tests.conformance.answers import failure, status
from tests.conformance.objects import config_map, widget
from tests.conformance.server import STRATEGIC, Object, Server


def test_a_custom_resource_has_no_strategic_merge(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w"))

    assert status(server.patch(f"{widgets}/w", {}, STRATEGIC)) == failure(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
    )


@pytest.mark.parametrize(
    ("patch", "finalizers", "data"),
    [
        pytest.param(
            {"metadata": {"finalizers": ["x.y/b"]}},
            ["x.y/a", "x.y/b"],
            {"a": "1", "b": "2"},
            id="a set grows",
        ),
        pytest.param(
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.y/a"]}},
            None,
            {"a": "1", "b": "2"},
            id="a value leaves a set",
        ),
        pytest.param(
            {"data": {"a": None, "c": "3"}}, ["x.y/a"], {"b": "2", "c": "3"}, id="a map is merged"
        ),
        pytest.param(
            {"data": {"$patch": "replace", "z": "9"}}, ["x.y/a"], {"z": "9"}, id="a map is replaced"
        ),
    ],
)
def test_a_strategic_merge_patch_knows_lists_and_directives(
    server: Server, configmaps: str, patch: Object, finalizers: list[str] | None, data: Object
) -> None:
    server.make(configmaps, config_map("c", {"finalizers": ["x.y/a"]}, a="1", b="2"))

    after = server.patch(f"{configmaps}/c", patch, STRATEGIC).body
    server.patch(f"{configmaps}/c", {"metadata": {"finalizers": None}})

    found = after["metadata"].get("finalizers")
    assert (sorted(found) if found else None, after["data"]) == (finalizers, data)


def test_a_strategic_merge_patch_merges_owners_by_uid(server: Server, configmaps: str) -> None:
    first = server.make(configmaps, config_map("first"))
    second = server.make(configmaps, config_map("second"))

    def reference(owner: Object) -> Object:
        metadata = owner["metadata"]
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": metadata["name"],
            "uid": metadata["uid"],
        }

    server.make(configmaps, config_map("c", {"ownerReferences": [reference(first)]}))

    def patched(references: list[Object]) -> list[str]:
        body = {"metadata": {"ownerReferences": references}}
        metadata = server.patch(f"{configmaps}/c", body, STRATEGIC).body["metadata"]
        return sorted(owner["name"] for owner in metadata["ownerReferences"])

    assert patched([reference(second)]) == ["first", "second"]
    removal = {"$patch": "delete", "uid": first["metadata"]["uid"]}
    assert patched([removal]) == ["second"]
