"""WATCH: which events come, in which order and form."""

from __future__ import annotations

import pytest

from tests.conformance.answers import columns, failure, rows, status
from tests.conformance.objects import API_VERSION, config_map, widget
from tests.conformance.server import PARTIAL, PARTIAL_LIST, TABLE, Object, Server, WatchLine, take

# The server ends a watch by itself, should a test wait for more events than there are.
LIMIT = "watch=1&timeoutSeconds=10"


def labels(**values: str) -> Object:
    return {"metadata": {"labels": values}}


def brief(lines: list[WatchLine]) -> list[tuple[str, str]]:
    return [line.brief for line in lines]


def life_of_a_and_b(server: Server, path: str) -> str:
    """Create a and b, change a twice, delete b, make a last one; return the revision before."""
    revision = server.revision(path)
    server.make(path, config_map("a", {"labels": {"x": "1"}}))
    server.make(path, config_map("b", {"labels": {"x": "2"}}))
    server.patch(f"{path}/a", {"data": {"key": "other"}})
    server.patch(f"{path}/a", labels(x="3"))
    server.delete(f"{path}/b")
    server.make(path, config_map("last", {"labels": {"x": "1", "last": ""}}))
    return revision


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        pytest.param(
            "labelSelector=x",
            [
                ("ADDED", "a"),
                ("ADDED", "b"),
                ("MODIFIED", "a"),
                ("MODIFIED", "a"),
                ("DELETED", "b"),
                ("ADDED", "last"),
            ],
            id="all of them",
        ),
        pytest.param(
            "labelSelector=x=1",
            [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "last")],
            id="what leaves the selection is deleted",
        ),
        pytest.param(
            "labelSelector=x in (3),!last",
            [("ADDED", "a")],
            id="what enters the selection is added",
        ),
        pytest.param(
            "fieldSelector=metadata.name=b",
            [("ADDED", "b"), ("DELETED", "b")],
            id="one by its name",
        ),
    ],
)
def test_changes_after_a_revision_come_in_order(
    server: Server, configmaps: str, selection: str, expected: list[tuple[str, str]]
) -> None:
    revision = life_of_a_and_b(server, configmaps)

    query = f"{LIMIT}&resourceVersion={revision}&{selection}"
    with server.watching(f"{configmaps}?{query}") as lines:
        assert brief(take(lines, len(expected))) == expected


def test_changes_come_while_the_watch_is_open(server: Server, widgets: str) -> None:
    revision = server.revision(widgets)

    with server.watching(f"{widgets}?{LIMIT}&resourceVersion={revision}") as lines:
        created = server.make(widgets, widget("w"))
        changed = server.patch(f"{widgets}/w", {"spec": {"size": 4}}).body
        server.delete(f"{widgets}/w")
        seen = take(lines, 3)

    assert brief(seen) == [("ADDED", "w"), ("MODIFIED", "w"), ("DELETED", "w")]
    assert [line.object for line in seen[:2]] == [created, changed]
    last = seen[2].object
    assert last["spec"] == changed["spec"]
    version = int(last["metadata"]["resourceVersion"])
    assert version > int(changed["metadata"]["resourceVersion"])


def test_what_leaves_the_selection_is_shown_as_it_was(server: Server, configmaps: str) -> None:
    server.make(configmaps, config_map("c", {"labels": {"x": "1"}}))
    revision = server.revision(configmaps)
    after = server.patch(f"{configmaps}/c", {**labels(x="2"), "data": {"key": "new"}}).body

    query = f"{LIMIT}&resourceVersion={revision}&labelSelector=x=1"
    with server.watching(f"{configmaps}?{query}") as lines:
        line = next(lines)

    assert line.brief == ("DELETED", "c")
    assert (line.object["data"], line.object["metadata"]["labels"]) == (
        {"key": "value"},
        {"x": "1"},
    )
    assert line.object["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]


def test_a_write_that_changes_nothing_makes_no_event(server: Server, configmaps: str) -> None:
    before = server.make(configmaps, config_map("c"))
    revision = before["metadata"]["resourceVersion"]
    server.patch(f"{configmaps}/c", {"data": {"key": "value"}})
    server.put(f"{configmaps}/c", before)
    server.make(configmaps, config_map("last", {"labels": {"last": ""}}))

    with server.watching(f"{configmaps}?{LIMIT}&resourceVersion={revision}") as lines:
        seen = next(line for line in lines if line.brief[1] in ("c", "last"))

    assert seen.brief == ("ADDED", "last")


@pytest.mark.parametrize("query", ["", "&resourceVersion=0"], ids=["unset", "zero"])
def test_without_a_revision_all_objects_come_first(
    server: Server, configmaps: str, query: str
) -> None:
    for name in "ba":
        server.make(configmaps, config_map(name, {"labels": {"x": ""}}))
    # The cache that revision 0 reads may lag behind the writes of this test.
    server.wait(
        f"{configmaps}?labelSelector=x&resourceVersion=0",
        lambda answer: len(answer.body["items"]) == 2,
    )

    with server.watching(f"{configmaps}?{LIMIT}&labelSelector=x{query}") as lines:
        seen = take(lines, 2)
        server.make(configmaps, config_map("c", {"labels": {"x": ""}}))
        seen += take(lines, 1)

    assert brief(seen) == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]


def test_initial_events_end_with_a_bookmark(server: Server, configmaps: str) -> None:
    server.make(configmaps, config_map("a", {"labels": {"x": ""}}))
    query = (
        f"{LIMIT}&labelSelector=x&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        "&allowWatchBookmarks=true"
    )

    with server.watching(f"{configmaps}?{query}") as lines:
        added, bookmark = take(lines, 2)

    assert added.brief == ("ADDED", "a")
    metadata = bookmark.object["metadata"]
    assert bookmark.type == "BOOKMARK"
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(metadata["resourceVersion"]) >= int(added.object["metadata"]["resourceVersion"])


def test_a_bookmark_comes_before_the_end(server: Server, configmaps: str, widgets: str) -> None:
    revision = server.revision(configmaps)
    # The real server may send none when the time is short; both watches run at once.
    query = f"watch=1&timeoutSeconds=8&allowWatchBookmarks=true&resourceVersion={revision}"

    with (
        server.watching(f"{configmaps}?{query}") as plain_lines,
        server.watching(f"{widgets}?{query}") as custom_lines,
    ):
        plain = next(line for line in plain_lines if line.type == "BOOKMARK").object
        custom = next(line for line in custom_lines if line.type == "BOOKMARK").object

    assert (plain["kind"], plain["apiVersion"]) == ("ConfigMap", "v1")
    assert (custom["kind"], custom["apiVersion"]) == ("Widget", API_VERSION)
    assert plain.keys() == {"kind", "apiVersion", "metadata"}
    versions = [int(obj["metadata"]["resourceVersion"]) for obj in (plain, custom)]
    assert min(versions) >= int(revision)


def test_a_watch_ends_in_time(server: Server, configmaps: str) -> None:
    with server.watching(f"{configmaps}?watch=true&timeoutSeconds=1&labelSelector=none") as lines:
        assert list(lines) == []


def test_a_watch_of_metadata_has_no_data(server: Server, secret_path: str) -> None:
    revision = server.revision(secret_path)
    server.make(secret_path, {"metadata": {"name": "s"}, "stringData": {"key": "value"}})

    query = f"{LIMIT}&resourceVersion={revision}"
    with server.watching(f"{secret_path}?{query}", accept=PARTIAL) as lines:
        line = next(lines)

    assert line.brief == ("ADDED", "s")
    assert line.object.keys() == {"kind", "apiVersion", "metadata"}
    assert (line.object["kind"], line.object["apiVersion"]) == (
        "PartialObjectMetadata",
        "meta.k8s.io/v1",
    )


def test_a_watch_in_the_form_of_lists_sends_nothing(server: Server, secret_path: str) -> None:
    revision = server.revision(secret_path)
    server.make(secret_path, {"metadata": {"name": "s"}})

    query = f"watch=1&timeoutSeconds=1&resourceVersion={revision}"
    with server.watching(f"{secret_path}?{query}", accept=PARTIAL_LIST) as lines:
        assert list(lines) == []


def test_a_watch_of_tables_sends_the_columns_once(server: Server, widgets: str) -> None:
    revision = server.revision(widgets)
    server.make(widgets, widget("w"))
    server.patch(f"{widgets}/w", {"spec": {"color": "green"}})
    server.delete(f"{widgets}/w")

    query = f"{LIMIT}&resourceVersion={revision}"
    with server.watching(f"{widgets}?{query}", accept=TABLE) as lines:
        seen = take(lines, 3)

    assert [line.type for line in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert [name for name, *_ in columns(seen[0].object)] == [
        "Name",
        "Color",
        "Ready",
        "Size",
        "When",
        "Age",
    ]
    assert [line.object["columnDefinitions"] for line in seen[1:]] == [None, None]
    assert [rows(line.object)[0][:2] for line in seen] == [
        ["w", "red"],
        ["w", "green"],
        ["w", "green"],
    ]
    assert seen[0].object["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


def test_a_watch_of_all_namespaces_sees_this_one(
    server: Server, namespace: str, configmaps: str
) -> None:
    revision = server.revision(configmaps)
    server.make(configmaps, config_map("c", {"labels": {"of": namespace}}))

    query = f"{LIMIT}&resourceVersion={revision}&labelSelector=of={namespace}"
    with server.watching(f"/api/v1/configmaps?{query}") as lines:
        assert next(lines).brief == ("ADDED", "c")


def test_a_revision_that_is_no_number_is_500(server: Server, configmaps: str) -> None:
    answer = server.get(f"{configmaps}?watch=1&resourceVersion=x")

    message = 'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax'
    assert status(answer) == failure(500, "", message)
