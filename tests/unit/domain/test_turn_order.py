"""Earliest deadline first, or namespaces in turn."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redox_operator.domain.credential import Key
from redox_operator.domain.turn_order import TurnOrder

INF = float("inf")
KEYS = st.builds(Key, st.sampled_from("abc"), st.sampled_from("12345"))
DEADLINES = st.integers(min_value=0, max_value=20).map(float) | st.just(INF)


def order(*waiting: tuple[str, float]) -> TurnOrder:
    """Keys such as `a/1`, with their deadlines."""
    made = TurnOrder()
    for name, deadline in waiting:
        made.add(Key(*name.split("/")), deadline)
    return made


def by_deadline(made: TurnOrder, skip: tuple[str, ...] = ()) -> list[str]:
    return [str(key) for key in iter(lambda: made.pop_by_deadline(skip), None)]


def in_turn(made: TurnOrder, skip: tuple[str, ...] = ()) -> list[str]:
    return [str(key) for key in iter(lambda: made.pop_in_turn(skip), None)]


def test_the_earliest_deadline_goes_first_whoevers_it_is() -> None:
    made = order(("a/1", 30), ("b/1", 10), ("a/2", 20), ("b/2", INF), ("a/3", 5))
    assert by_deadline(made) == ["a/3", "b/1", "a/2", "a/1", "b/2"]


def test_equals_go_in_the_order_of_their_coming() -> None:
    assert by_deadline(order(("b/1", INF), ("a/1", INF), ("b/2", INF))) == ["b/1", "a/1", "b/2"]


def test_namespaces_take_turns_each_with_its_earliest_deadline() -> None:
    made = order(("a/1", 3), ("a/2", 1), ("a/3", 2), ("b/1", 9), ("c/1", 8), ("c/2", 7))
    assert in_turn(made) == ["a/2", "b/1", "c/2", "a/3", "c/1", "a/1"]


def test_a_newcomer_has_its_turn_after_those_who_wait() -> None:
    made = order(("a/1", INF), ("a/2", INF), ("b/1", INF))
    assert str(made.pop_in_turn()) == "a/1"
    made.add(Key("c", "1"), INF)
    assert in_turn(made) == ["b/1", "a/2", "c/1"]


def test_a_namespace_that_comes_again_and_again_has_no_more_turns_than_others() -> None:
    made = order(*((f"b/{number}", INF) for number in range(10)))
    taken = []
    for number in range(10):
        made.add(Key("a", str(number)), INF)
        taken += [made.pop_in_turn(), made.pop_in_turn()]
    assert Counter(key.namespace for key in taken if key is not None) == {"a": 10, "b": 10}


@pytest.mark.parametrize("pop", [by_deadline, in_turn])
def test_a_namespace_that_is_skipped_waits_and_keeps_its_place(pop: object) -> None:
    made = order(("a/1", 1), ("b/1", 2), ("a/2", 3))
    assert pop(made, ("a",)) == ["b/1"]  # type: ignore[operator]
    assert pop(made) == ["a/1", "a/2"]  # type: ignore[operator]


def test_a_key_waits_once_with_its_last_deadline() -> None:
    made = order(("a/1", 10), ("a/2", 20))
    made.add(Key("a", "1"), 30)
    assert len(made) == 2
    assert by_deadline(made) == ["a/2", "a/1"]


def test_a_key_that_is_discarded_does_not_wait() -> None:
    made = order(("a/1", 1), ("a/2", 2), ("b/1", 3))
    made.discard(Key("a", "1"))
    made.discard(Key("b", "1"))
    assert (len(made), made.namespaces) == (1, 1)
    assert by_deadline(made) == ["a/2"]


@pytest.mark.parametrize(
    ("deadlines", "level", "rate", "expected"),
    [
        pytest.param([], 0, 1, True, id="nobody waits"),
        pytest.param([2, 1, 3], 0, 1, True, id="each can be served in time"),
        pytest.param([2, 1.5, 1.4], 0, 1, False, id="the last of three would be late"),
        pytest.param([2, 1.5, 1.4], 1, 1, True, id="a burst helps"),
        pytest.param([INF, INF, INF], 0, 1, True, id="nobody has a deadline"),
        pytest.param([-9, -8, 3], 0, 1, True, id="who is late already is late in any order"),
        pytest.param([-9, -8, 2.9], 0, 1, False, id="but is served as well"),
        pytest.param([0.001] * 1000, 0, 0, True, id="there is no limit"),
    ],
)
def test_deadlines_can_be_kept(
    deadlines: list[float], level: float, rate: float, expected: bool
) -> None:
    made = order(*((f"a/{number}", deadline) for number, deadline in enumerate(deadlines)))
    assert made.can_keep_deadlines(0, level, rate) is expected


@given(
    st.lists(
        st.tuples(st.just("add"), KEYS, DEADLINES)
        | st.tuples(st.just("discard"), KEYS, st.none())
        | st.tuples(st.sampled_from(["by deadline", "in turn"]), st.none(), st.sampled_from("-abc"))
    )
)
def test_it_does_what_a_sorted_list_would(steps: list[tuple[str, Key, object]]) -> None:
    made, model = TurnOrder(), dict[Key, tuple[float, int]]()
    for number, (what, key, value) in enumerate(steps):
        if what == "add":
            made.add(key, value)  # type: ignore[arg-type]
            model[key] = (value, number)  # type: ignore[assignment]
        elif what == "discard":
            made.discard(key)
            model.pop(key, None)
        else:
            free = {key: place for key, place in model.items() if key.namespace != value}
            if what == "by deadline":
                taken = made.pop_by_deadline((value,))  # type: ignore[arg-type]
                assert taken == min(free, key=free.__getitem__, default=None)
            else:
                taken = made.pop_in_turn((value,))  # type: ignore[arg-type]
                own = {
                    key: place
                    for key, place in free.items()
                    if taken is not None and key.namespace == taken.namespace
                }
                assert taken == min(own, key=own.__getitem__, default=None)
                assert (taken is None) == (not free)
            if taken is not None:
                del model[taken]
        assert len(made) == len(model)
        assert made.namespaces == len({key.namespace for key in model})
        assert {key: place[0] for key, place in model.items()} == {
            key: deadline for deadline, _, key in made
        }


def test_long_use_leaves_nothing_behind() -> None:
    made = TurnOrder()
    for number in range(20_000):
        key = Key(f"n{number % 7}", f"c{number % 50}")
        made.add(key, number)
        if number % 3 == 0:
            made.discard(key)
        if number % 2:
            made.pop_in_turn()
    while made.pop_in_turn() is not None:
        pass
    assert (len(made), made.namespaces, len(made._queues)) == (0, 0, 0)
    assert len(made._heads) < 200
    assert len(made._turns) <= 7


def test_what_is_moved_again_and_again_takes_no_more_room() -> None:
    made = order(("a/first", 0))
    for number in range(5000):
        made.add(Key("a", "moved"), number + 1.0)
    assert sum(len(queue) for queue in made._queues.values()) < 100
    assert by_deadline(made) == ["a/first", "a/moved"]


def test_namespaces_that_come_and_go_take_no_more_room() -> None:
    made = order(("a/1", 0), ("b/1", 1))
    for number in range(1000):
        made.add(Key(f"n{number}", "1"), 5)
        made.discard(Key(f"n{number}", "1"))
    assert len(made._turns) < 100
    assert in_turn(made) == ["a/1", "b/1"]


def test_the_earliest_deadline_is_that_of_those_who_still_wait() -> None:
    made = order(("a/1", 30), ("b/1", 10), ("b/2", INF))
    assert made.earliest == 10
    made.discard(Key("b", "1"))
    assert made.earliest == 30
    made.discard(Key("a", "1"))
    assert made.earliest == INF
