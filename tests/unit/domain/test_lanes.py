"""Which of those who wait for an endpoint may ask next."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redox_operator.domain.credential import Key
from redox_operator.domain.lanes import Lane, Lanes

INF = float("inf")
RATE, BURST = 10.0, 20


def lanes(rate: float = RATE, burst: int = BURST) -> Lanes:
    made = Lanes()
    made.set_rate(rate, burst, 0.0)
    return made


def fill(made: Lanes, lane: Lane, count: int, namespace: str = "a", deadline: float = INF) -> None:
    for number in range(count):
        made.add(Key(namespace, f"{lane.value}{number}"), lane, deadline)


def served(made: Lanes, turns: int, rate: float = RATE, begin: float = 0.0) -> Counter[Lane]:
    """How many turns each lane gets of those that come at the rate."""
    found = Counter[Lane]()
    for number in range(turns):
        turn = made.pop(begin + number / rate, 0.0, rate)
        if turn is not None:
            found[turn[1]] += 1
    return found


def test_when_all_lanes_wait_each_has_its_share() -> None:
    made = lanes(burst=1)
    for lane in Lane:
        fill(made, lane, 500)
    assert served(made, 400) == {Lane.REFRESH: 280, Lane.FIRST: 80, Lane.REJECTED: 40}


def test_what_refreshes_leave_is_for_first_issues() -> None:
    made = lanes()
    fill(made, Lane.REFRESH, 10)
    fill(made, Lane.FIRST, 500)
    assert served(made, 100) == {Lane.REFRESH: 10, Lane.FIRST: 90}


def test_refreshes_have_all_while_nobody_else_waits() -> None:
    made = lanes()
    fill(made, Lane.REFRESH, 500)
    assert served(made, 100) == {Lane.REFRESH: 100}


def test_a_first_issue_is_among_any_five_turns() -> None:
    made = lanes()
    fill(made, Lane.REFRESH, 500)
    for number in range(50):
        made.pop(number / RATE, 0.0, RATE)
    fill(made, Lane.FIRST, 500)
    turns = [made.pop(5 + number / RATE, 0.0, RATE) for number in range(100)]
    first = [turn is not None and turn[1] is Lane.FIRST for turn in turns]
    assert all(any(first[begin : begin + 5]) for begin in range(96))


def test_the_rejected_have_a_tenth_of_the_rate_though_nobody_else_waits() -> None:
    made = lanes(burst=1)
    fill(made, Lane.REJECTED, 500)
    assert served(made, 1000)[Lane.REJECTED] == pytest.approx(100, abs=1)
    made.pop(100.5, 0.0, RATE)
    assert 0 < made.wait(100.5) <= 1


def test_the_rejected_have_a_tenth_of_the_burst() -> None:
    made = lanes(burst=60)
    fill(made, Lane.REJECTED, 500)
    turns = [made.pop(0.0, 60, RATE) for _ in range(60)]
    assert len([turn for turn in turns if turn is not None]) == 6


def test_a_turn_of_the_rejected_that_is_not_used_is_given_back() -> None:
    made = lanes(burst=1)
    fill(made, Lane.REJECTED, 2)
    assert made.pop(0.0, 1, RATE) is not None
    assert made.pop(0.0, 1, RATE) is None
    made.give_back(Lane.REJECTED)
    assert made.pop(0.0, 1, RATE) is not None


def test_the_share_of_the_rejected_halves_with_the_rate() -> None:
    made = lanes(burst=1)
    made.halve(0.0)
    fill(made, Lane.REJECTED, 500)
    assert served(made, 1000)[Lane.REJECTED] == pytest.approx(58, abs=6)


def test_without_a_limit_nobody_waits() -> None:
    made = lanes(rate=0.0)
    for lane in Lane:
        fill(made, lane, 50)
    assert sum(served(made, 150).values()) == 150


def test_turns_of_others_count_for_the_share_of_first_issues() -> None:
    made = lanes()
    fill(made, Lane.FIRST, 1)
    for _ in range(4):
        assert not made.first_is_due
        made.note_other_turn()
    assert made.first_is_due


def test_deadlines_order_refreshes_while_all_can_be_kept() -> None:
    made = lanes()
    for number in range(20):
        made.add(Key("a", str(number)), Lane.REFRESH, 50 + number)
        made.add(Key("b", str(number)), Lane.REFRESH, 30 + number)
    turns = [made.pop(number / RATE, 0.0, RATE) for number in range(40)]
    assert [turn and turn[0].namespace for turn in turns] == ["b"] * 20 + ["a"] * 20


def test_namespaces_take_turns_when_not_all_deadlines_can_be_kept() -> None:
    made = lanes()
    for number in range(1000):
        made.add(Key("many", str(number)), Lane.REFRESH, 50)
    for number in range(5):
        made.add(Key("few", str(number)), Lane.REFRESH, 60)
    turns = [made.pop(number / RATE, 0.0, RATE) for number in range(10)]
    assert [turn and turn[0].namespace for turn in turns] == ["many", "few"] * 5


def test_namespaces_take_turns_with_first_issues() -> None:
    made = lanes()
    fill(made, Lane.FIRST, 5000, "many")
    fill(made, Lane.FIRST, 3, "few")
    turns = [made.pop(0.0, 0.0, RATE) for _ in range(6)]
    assert [turn and turn[0].namespace for turn in turns] == ["many", "few"] * 3


def test_a_credential_moves_to_another_lane() -> None:
    made = lanes()
    key = Key("a", "1")
    made.add(key, Lane.REFRESH, 5)
    made.add(key, Lane.FIRST, 5)
    assert made.depths == {Lane.REFRESH: 0, Lane.FIRST: 1, Lane.REJECTED: 0}
    assert made.pop(0.0, 1, RATE) == (key, Lane.FIRST)
    assert len(made) == 0


def test_the_nearest_deadline_probes_refreshes_before_all_others() -> None:
    made = lanes()
    made.add(Key("a", "rejected"), Lane.REJECTED, 1)
    made.add(Key("a", "expired"), Lane.FIRST, -100)
    made.add(Key("a", "later"), Lane.REFRESH, 70)
    made.add(Key("b", "sooner"), Lane.REFRESH, 60)
    probes = [made.pop_probe(Counter()) for _ in range(5)]
    names = [probe and probe[0].name for probe in probes]
    assert names == ["sooner", "later", "expired", "rejected", None]


def test_who_probed_in_vain_lets_others_probe_first() -> None:
    made = lanes()
    hopeless, neighbour, other = Key("a", "1"), Key("a", "2"), Key("b", "1")
    for key, deadline in ((hopeless, 1), (neighbour, 2), (other, 3)):
        made.add(key, Lane.REFRESH, deadline)
    failed: Counter[str | Key] = Counter({"a": 1, hopeless: 1})
    assert made.pop_probe(failed) == (other, Lane.REFRESH)
    assert made.pop_probe(failed) == (neighbour, Lane.REFRESH)
    assert made.pop_probe(failed) == (hopeless, Lane.REFRESH)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(Lane),
            st.floats(min_value=0, max_value=100),
        ),
        max_size=60,
    )
)
def test_everyone_is_served_once(waiting: list[tuple[str, Lane, float]]) -> None:
    made, keys = lanes(), set[Key]()
    for number, (namespace, lane, deadline) in enumerate(waiting):
        keys.add(Key(namespace, str(number)))
        made.add(Key(namespace, str(number)), lane, deadline)
    assert len(made) == len(keys)
    turns = [made.pop(float(number), 0.0, RATE) for number in range(2 * len(keys) + 1)]
    taken = [turn[0] for turn in turns if turn is not None]
    assert len(taken) == len(keys)
    assert set(taken) == keys
