"""Whether an endpoint may be asked freely, or by one probe at a time."""

from __future__ import annotations

import pytest

from redox_operator.domain.breaker import Breaker, Cause
from redox_operator.domain.credential import Key

A, B = Key("clinic", "a"), Key("clinic", "b")


def failing(*failures: tuple[Key, float], took: float = 0.1) -> Breaker:
    """A breaker after requests of these credentials, sent at these times, failed."""
    made = Breaker()
    for key, sent_at in failures:
        made.sent(sent_at)
        made.failed(key, sent_at, sent_at + took)
    return made


def opened() -> Breaker:
    return failing((A, 0), (B, 1), (A, 2), (B, 3), (A, 6))


@pytest.mark.parametrize(
    ("breaker", "opens"),
    [
        pytest.param(opened(), True, id="five failures of two credentials in six seconds"),
        pytest.param(failing((A, 0), (B, 2), (A, 4), (B, 6)), False, id="four failures"),
        pytest.param(failing(*((A, n) for n in range(30))), False, id="one credential alone"),
        pytest.param(failing(*((A, 0), (B, 0)) * 20), False, id="a moment"),
        pytest.param(
            failing(*((A, 0), (B, 0)) * 3, took=15), True, id="requests that hung for 15 s"
        ),
    ],
)
def test_it_opens_when_the_endpoint_fails_as_a_whole(breaker: Breaker, opens: bool) -> None:
    assert breaker.causes == ({Cause.BREAKER} if opens else frozenset())


def test_a_good_answer_begins_another_row() -> None:
    made = failing((A, 0), (B, 1), (A, 2), (B, 3))
    made.answered(3.5, 4)
    made.failed(A, 6, 7)
    assert made.causes == frozenset()


def test_what_was_sent_before_a_good_answer_and_hangs_since_does_not_count() -> None:
    made = Breaker()
    made.answered(9, 10)
    for _ in range(5):
        made.failed(A, 8, 23)
        made.failed(B, 9, 24)
    assert made.causes == frozenset()


def test_while_it_is_open_a_probe_goes_every_ten_seconds_from_the_last_request_on() -> None:
    made = opened()
    assert made.wait(7) == 9
    assert made.wait(16) == 0
    made.sent(16)
    assert made.wait(16) == 10
    made.failed(B, 16, 16.1)
    assert made.wait(26) == 0


def test_a_probe_that_is_not_sent_leaves_the_next_one_its_time() -> None:
    made = opened()
    before = made.sent(16)
    made.unsent(16, before)
    assert made.wait(16) == 0


def test_what_is_not_sent_does_not_undo_what_was() -> None:
    made = opened()
    before = made.sent(16)
    made.sent(17)
    made.unsent(16, before)
    assert made.wait(17) == 10


@pytest.mark.parametrize("sent_at", [pytest.param(5, id="before it"), pytest.param(16, id="since")])
def test_a_good_answer_closes_it_whenever_the_request_was_sent(sent_at: float) -> None:
    made = opened()
    made.answered(sent_at, 17)
    assert made.causes == frozenset()
    assert made.wait(17) == 0


@pytest.mark.parametrize(
    ("seconds", "pause"),
    [
        pytest.param(None, 10, id="for 10 s where the endpoint does not say how long"),
        pytest.param(42, 42, id="for as long as the endpoint says"),
        pytest.param(0, 1, id="for at least a second"),
        pytest.param(86400, 300, id="for no more than five minutes"),
    ],
)
def test_a_hold_lasts(seconds: float | None, pause: float) -> None:
    made = Breaker()
    made.hold(Cause.RATE, seconds, 100)
    assert made.wait(100) == pause
    assert made.wait(100 + pause) == 0
    assert made.causes == {Cause.RATE}


@pytest.mark.parametrize(
    ("deadline", "pause"),
    [
        pytest.param(float("inf"), 200, id="where nobody has a deadline"),
        pytest.param(1000, 200, id="where it ends before the deadline comes near"),
        pytest.param(190, 65, id="until the deadline comes near"),
        pytest.param(110, 10, id="for 10 s where the deadline is near"),
        pytest.param(-50, 10, id="for 10 s where the deadline has passed"),
    ],
)
def test_a_hold_lasts_no_longer_than_deadlines_allow(deadline: float, pause: float) -> None:
    made = Breaker()
    made.hold(Cause.RETRY_AFTER, 200, 100)
    assert made.wait(100, deadline) == pause


def test_a_shorter_hold_does_not_shorten_a_longer_one_of_any_cause() -> None:
    made = Breaker()
    made.hold(Cause.RETRY_AFTER, 60, 0)
    made.hold(Cause.RATE, None, 0)
    made.hold(Cause.RETRY_AFTER, 5, 0)
    assert made.wait(0) == 60


def test_one_cause_does_not_hide_another() -> None:
    made = opened()
    made.hold(Cause.RATE, None, 7)
    made.hold(Cause.RETRY_AFTER, 30, 7)
    assert made.causes == set(Cause)
    made.answered(5, 8)
    assert made.causes == {Cause.RATE, Cause.RETRY_AFTER}
    made.answered(37, 38)
    assert made.causes == frozenset()


def test_failed_probes_are_counted_until_the_hold_is_over() -> None:
    made = opened()
    made.failed(A, 16, 17)
    made.failed(B, 26, 27)
    made.failed(A, 36, 37)
    assert made.failed_probes["clinic"] == 3
    assert (made.failed_probes[A], made.failed_probes[B]) == (2, 1)
    made.answered(46, 47)
    assert not made.failed_probes
