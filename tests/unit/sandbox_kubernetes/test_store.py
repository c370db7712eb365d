"""Objects, their history, and the ways back into it."""

from __future__ import annotations

import pytest

from redox_sandbox.kubernetes.history import Change, CompactedError
from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.store import Store


def thing(value: int = 0) -> Object:
    return {"metadata": {}, "value": value}


def keys(store: Store, revision: int | None = None) -> list[str]:
    return [key for key, _ in store.snapshot("things", revision).scan()]


def test_every_write_gets_the_next_revision() -> None:
    store = Store()

    first = store.put("things", "ns/a", thing())
    second = store.put("others", "ns/b", thing())
    deleted = store.delete("things", "ns/a")

    versions = [int(obj["metadata"]["resourceVersion"]) for obj in (first, second, deleted)]
    assert versions == [2, 3, 4]
    assert store.revision == 4


def test_a_deleted_object_keeps_the_version_that_readers_have() -> None:
    store = Store()
    kept = store.put("things", "ns/a", thing())

    deleted = store.delete("things", "ns/a")

    assert (kept["metadata"], deleted["metadata"]) == (
        {"resourceVersion": "2"},
        {"resourceVersion": "3"},
    )


def test_deleting_what_is_not_there_is_a_keyerror() -> None:
    with pytest.raises(KeyError):
        Store().delete("things", "ns/a")


def test_keys_sort_as_in_etcd_and_are_found_by_prefix() -> None:
    store = Store()
    for key in ("b/x", "a/y", "a-b/x", "a/x"):
        store.put("things", key, thing())
    snapshot = store.snapshot("things")

    assert keys(store) == ["a-b/x", "a/x", "a/y", "b/x"]
    assert [key for key, _ in snapshot.scan("a/")] == ["a/x", "a/y"]
    assert [key for key, _ in snapshot.scan("a/", after="a/x")] == ["a/y"]
    assert (snapshot.count("a/"), snapshot.count("a/", after="a/x"), snapshot.count()) == (2, 1, 4)


def test_an_earlier_state_is_rebuilt_from_the_changes() -> None:
    store = Store()
    store.put("things", "ns/a", thing(1))
    store.put("things", "ns/b", thing(1))
    then = store.revision
    store.put("things", "ns/a", thing(2))
    store.delete("things", "ns/b")
    store.put("things", "ns/c", thing(1))

    assert keys(store, then) == ["ns/a", "ns/b"]
    assert store.snapshot("things", then).objects["ns/a"]["value"] == 1
    assert keys(store) == ["ns/a", "ns/c"]


def test_changes_after_a_revision_tell_before_and_after() -> None:
    store = Store()
    store.put("things", "ns/a", thing(1))
    then = store.revision
    store.put("things", "ns/a", thing(2))
    store.delete("things", "ns/a")

    changes = [
        (change.type, change.object["value"], change.previous and change.previous["value"])
        for change in store.changes("things", then)
    ]
    assert changes == [("MODIFIED", 2, 1), ("DELETED", 2, 2)]


def test_compaction_forgets_what_was_before() -> None:
    store = Store()
    store.put("things", "ns/a", thing())
    then = store.revision
    store.put("things", "ns/b", thing())

    store.compact("things")

    with pytest.raises(CompactedError, match=r"too old resource version: 2 \(3\)"):
        store.changes("things", then)
    with pytest.raises(CompactedError):
        store.snapshot("things", then)
    assert store.changes("things", store.revision) == []
    assert keys(store, store.revision) == ["ns/a", "ns/b"]


def test_compaction_of_one_resource_leaves_the_others() -> None:
    store = Store()
    store.put("others", "ns/a", thing())

    store.compact("things")

    assert len(store.changes("others", 1)) == 1


def test_a_long_history_is_cut_at_its_old_end() -> None:
    store = Store(history=100)
    for number in range(1_000):
        store.put("things", f"ns/{number}", thing())

    assert len(store.changes("things", store.revision - 100)) == 100
    with pytest.raises(CompactedError):
        store.changes("things", 2)


def test_going_back_restores_objects_and_revision() -> None:
    store = Store()
    told: list[int] = []
    store.on_rewind(lambda: told.append(store.revision))
    store.put("things", "ns/a", thing(1))
    then = store.revision
    store.put("things", "ns/a", thing(2))
    store.put("things", "ns/b", thing(1))

    store.rewind(then)

    assert (store.revision, told) == (then, [then])
    assert keys(store) == ["ns/a"]
    assert store.get("things", "ns/a") == {"metadata": {"resourceVersion": "2"}, "value": 1}
    assert store.changes("things", then) == []


def test_going_back_too_far_changes_nothing() -> None:
    store = Store()
    store.put("things", "ns/a", thing())
    store.compact()

    with pytest.raises(CompactedError):
        store.rewind(1)

    assert keys(store) == ["ns/a"]


def test_listeners_hear_their_resource_until_they_leave() -> None:
    store = Store()
    all_heard: list[str] = []
    some_heard: list[str] = []

    def hear_all(resource: str, change: Change) -> None:
        all_heard.append(f"{resource} {change.key}")

    leave = store.subscribe(lambda _, change: some_heard.append(change.key), "things")
    store.subscribe(hear_all)
    store.put("things", "ns/a", thing())
    store.put("others", "ns/b", thing())
    leave()
    store.put("things", "ns/c", thing())

    assert some_heard == ["ns/a"]
    assert all_heard == ["things ns/a", "others ns/b", "things ns/c"]


def test_a_new_reading_is_no_change() -> None:
    store = Store()
    store.put("things", "ns/a", thing(1))
    before = store.revision

    store.rewrite("things", lambda obj: {**obj, "value": 2})

    assert (store.revision, store.changes("things", before)) == (before, [])
    assert store.get("things", "ns/a") == {"metadata": {"resourceVersion": "2"}, "value": 2}
    assert store.is_reinterpreted("things", "ns/a")
    store.put("things", "ns/a", thing(2))
    assert not store.is_reinterpreted("things", "ns/a")
