"""How many credentials may be asked for at once."""

from __future__ import annotations

from redox_operator.domain.credential import Key
from redox_operator.domain.worker_slots import WorkerSlots


def keys(namespace: str, count: int) -> list[Key]:
    return [Key(namespace, str(number)) for number in range(count)]


def busy(count: int, *keys: Key) -> WorkerSlots:
    made = WorkerSlots(count)
    for key in keys:
        made.begin(key)
    return made


def test_there_are_as_many_as_there_are_workers() -> None:
    made = busy(3, *keys("a", 2))
    assert made.is_free_for_others
    made.begin(Key("b", "1"))
    assert not made.is_free_for_others
    assert not made.is_free_for_slow
    made.end(Key("b", "1"))
    assert made.is_free_for_others


def test_what_hangs_beyond_half_of_the_workers_is_made_up_for() -> None:
    hanging = keys("a", 20)
    made = busy(20, *hanging)
    for key in hanging[:10]:
        made.hangs(key)
    assert not made.is_free_for_others
    made.hangs(hanging[10])
    assert made.is_free_for_others
    assert not made.is_free_for_slow


def test_no_more_than_half_as_many_again_are_under_way() -> None:
    hanging = keys("a", 30)
    made = busy(20, *hanging[:29])
    for key in hanging[:29]:
        made.hangs(key)
    assert made.is_free_for_others
    made.begin(hanging[29])
    made.hangs(hanging[29])
    assert not made.is_free_for_others


def test_slow_namespaces_have_half_of_the_workers_while_others_wait() -> None:
    made = busy(20, *keys("a", 9))
    made.hangs(Key("a", "0"))
    assert made.crowding == set()
    made.begin(Key("a", "9"))
    assert made.crowding == {"a"}
    made.end(Key("a", "0"))
    assert made.crowding == set()


def test_slow_namespaces_have_that_half_together() -> None:
    made = busy(4, Key("a", "1"), Key("b", "1"), Key("c", "1"))
    made.hangs(Key("a", "1"))
    assert made.crowding == set()
    made.hangs(Key("b", "1"))
    assert made.crowding == {"a", "b"}


def test_a_namespace_is_slow_until_a_request_is_answered_soon() -> None:
    made = busy(2, Key("a", "1"))
    made.hangs(Key("a", "1"))
    made.answered("a", after=7)
    assert made.slow == {"a"}
    made.answered("a", after=0.3)
    assert made.slow == set()


def test_a_single_worker_serves_everyone() -> None:
    made = WorkerSlots(1)
    assert made.is_free_for_others
    assert made.is_free_for_slow
    made.begin(Key("a", "1"))
    assert not made.is_free_for_others
    made.hangs(Key("a", "1"))
    made.end(Key("a", "1"))
    assert made.is_free_for_others


def test_namespaces_that_come_and_go_are_forgotten() -> None:
    made = WorkerSlots(2)
    for number in range(1000):
        key = Key(f"n{number}", "1")
        made.begin(key)
        made.hangs(key)
        made.end(key)
    assert len(made.slow) <= 65
