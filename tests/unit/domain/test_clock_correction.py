"""How far this machine's clock is from the endpoint's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redox_operator.domain.clock_correction import LIMIT, THRESHOLD, ClockCorrection, Reading
from tests.support.builders import NOW

BOOTED = 1000.0
START = Reading(wall=NOW, boot=BOOTED)


def later(seconds: float, reading: Reading = START, *, step: float = 0.0) -> Reading:
    """Both clocks some seconds later; `step` is what someone set the wall clock by besides."""
    return Reading(reading.wall + seconds + step, reading.boot + seconds)


def learnt(*skews: float) -> ClockCorrection:
    """After an answer a second, each from an endpoint that is that far behind our clock."""
    correction = ClockCorrection()
    for second, skew in enumerate(skews):
        at = later(second)
        correction.observe(at.wall - skew - 0.5, at, at)
    return correction


def test_the_limits_are_those_of_the_contract() -> None:
    assert (THRESHOLD, LIMIT) == (2, 300)


@pytest.mark.parametrize(
    ("skews", "seconds"),
    [
        pytest.param([], 0, id="nothing is known"),
        pytest.param([0], 0, id="no skew"),
        pytest.param([2], 0, id="two seconds are the rounding of Date"),
        pytest.param([-2], 0, id="behind by two seconds as well"),
        pytest.param([2.5], -2.5, id="our clock is ahead: corrected back"),
        pytest.param([-30], 30, id="our clock is behind: corrected forward"),
        pytest.param([300], -300, id="the largest correction"),
        pytest.param([4000], -300, id="more is not believed"),
        pytest.param([-4000], 300, id="in neither direction"),
        pytest.param([10, 20], -15, id="the median of two"),
        pytest.param([10, 10, 9000, 10, -9000], -10, id="two outliers of five do not count"),
        pytest.param([100, 100, 100, 10, 10, 10, 10, 10], -10, id="only the last five count"),
        pytest.param([100, 100, 100, 10, 10, 10], -10, id="three of five outvote two"),
    ],
)
def test_the_correction_is_the_median_of_the_last_five(skews: list[float], seconds: float) -> None:
    correction = learnt(*skews)
    at = later(len(skews))
    assert correction.seconds(at) == pytest.approx(seconds)
    assert correction.now(at) == pytest.approx(at.wall + seconds)


@pytest.mark.parametrize(
    ("step", "skew", "seconds"),
    [
        pytest.param(600, 600, -600, id="set forward, the endpoint goes by what it was"),
        pytest.param(-600, -600, 600, id="set back, the endpoint goes by what it was"),
        pytest.param(600, 500, -500, id="what it was may be off as well"),
        pytest.param(600, 10, -10, id="set right"),
        pytest.param(600, 1000, -300, id="near neither is not believed"),
        pytest.param(600, -600, 300, id="nor is what lies on the other side"),
    ],
)
def test_an_endpoint_is_believed_near_the_clock_as_it_is_or_as_it_was_before_it_was_set(
    step: float, skew: float, seconds: float
) -> None:
    correction = learnt(0)
    at = later(10, step=step)
    correction.seconds(at)
    for _ in range(5):
        correction.observe(at.wall - skew - 0.5, at, at)
    assert correction.seconds(at) == pytest.approx(seconds)


def test_the_skew_is_positive_where_our_clock_is_ahead_and_is_shown_without_limit() -> None:
    assert ClockCorrection().skew(START) == 0
    assert learnt(1.5).skew(START) == pytest.approx(1.5)
    assert learnt(4000).skew(START) == pytest.approx(4000)


def test_a_slow_answer_is_dated_at_its_middle() -> None:
    correction = ClockCorrection()
    correction.observe(NOW + 30 + 2, START, later(5))
    assert correction.skew(later(5)) == pytest.approx(-30)


@given(
    st.lists(st.floats(min_value=-250, max_value=250), min_size=1, max_size=8),
    st.floats(min_value=0, max_value=3600),
)
def test_the_corrected_time_runs_with_the_boot_clock(skews: list[float], elapsed: float) -> None:
    correction = learnt(*skews)
    at = later(len(skews))
    assert correction.now(later(elapsed, at)) - correction.now(at) == pytest.approx(
        elapsed, abs=1e-5
    )


@given(
    st.floats(min_value=-100, max_value=100),
    st.floats(min_value=-150, max_value=0),
    st.floats(min_value=0, max_value=10),
)
def test_a_wall_clock_set_back_does_not_set_back_the_corrected_time(
    skew: float, step: float, elapsed: float
) -> None:
    correction = learnt(skew)
    before = correction.now(later(1))
    after = correction.now(later(elapsed, later(1), step=step))
    # Below the threshold nothing is corrected, so that each may be off by as much.
    assert after - before == pytest.approx(elapsed, abs=2 * THRESHOLD + 1e-5)
    if abs(skew) > THRESHOLD and abs(skew + step) > THRESHOLD:
        assert after - before == pytest.approx(elapsed, abs=1e-5)


def test_a_wall_clock_set_back_beyond_the_limit_is_followed_from_there() -> None:
    correction = learnt(0)
    assert correction.now(later(1, step=-1000)) == pytest.approx(NOW + 1 - 1000 + LIMIT)


@pytest.mark.parametrize("step", [2.5, 100, 86400])
def test_a_wall_clock_set_forward_forgets_what_was_known(step: float) -> None:
    correction = learnt(30)
    at = later(1, step=step)
    assert correction.seconds(at) == 0
    assert correction.skew(at) == 0


def test_a_machine_that_was_suspended_while_its_boot_clock_stood_still_learns_anew() -> None:
    correction = learnt(30, 30, 30)
    woken = later(1, later(3), step=3600)
    correction.observe(woken.wall - 10 - 0.5, woken, woken)
    assert correction.seconds(woken) == pytest.approx(-10)


def test_a_clock_that_is_slewed_forgets_nothing() -> None:
    correction, at = learnt(30), START
    for _ in range(100):
        at = later(1, at, step=0.1)
        correction.seconds(at)
    assert correction.skew(at) == pytest.approx(40)


def test_a_step_is_noticed_by_an_answer_too() -> None:
    correction = learnt(30)
    at = replace(later(1), wall=NOW + 500)
    correction.observe(at.wall - 0.5, at, at)
    assert correction.skew(at) == pytest.approx(0)


def test_the_endpoints_time_is_known_from_its_first_answer_on() -> None:
    correction = ClockCorrection()
    assert not correction.is_known

    correction.observe(1_000.0, Reading(1_000.0, 10.0), Reading(1_000.2, 10.2))

    assert correction.is_known
