"""When a token is refreshed, and when a failed attempt is tried again."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from redox_operator.domain.refresh import (
    INPUT_INTERVAL,
    MIN_INTERVAL,
    Margins,
    deadline,
    is_too_short,
    jitter,
    refresh_start,
    refresh_time,
    rejected_delay,
    retry_delay,
)
from tests.support.builders import NOW, UID, token

MARGINS = Margins()
LIFETIMES = st.floats(min_value=1, max_value=86400)
SECONDS = st.floats(min_value=0, max_value=3600)
ANY_MARGINS = st.builds(Margins, propagation=SECONDS, safety=SECONDS, retry_budget=SECONDS)
BEFORE_EXPIRY = st.none() | st.integers(min_value=1, max_value=86400)
UIDS = st.uuids().map(str)
FRACTIONS = st.floats(min_value=0, max_value=1, exclude_max=True)
# Sums of seconds since the epoch are exact to less than this.
EPSILON = 1e-6


def test_the_numbers_are_those_of_the_contract() -> None:
    assert (MARGINS.propagation, MARGINS.safety, MARGINS.retry_budget) == (92, 10, 75)
    assert (MARGINS.mounted, MARGINS.total) == (102, 177)
    assert (MIN_INTERVAL, INPUT_INTERVAL) == (10, 30)


@pytest.mark.parametrize(
    ("lifetime", "before_expiry", "start"),
    [
        pytest.param(300, None, 123, id="a token of Redox: at 123 s of 300"),
        pytest.param(3600, None, 2400, id="a long life: at two thirds"),
        pytest.param(531, None, 354, id="where two thirds and the margin meet"),
        pytest.param(240, None, 80, id="a short life: at a third"),
        pytest.param(265.5, None, 88.5, id="where a third and the margin meet"),
        pytest.param(60, None, 20, id="a very short life: at a third"),
        pytest.param(300, 150, 150, id="as the author asks"),
        pytest.param(300, 250, 100, id="the author asks too early: clamped to a third"),
        pytest.param(300, 1, 200, id="the author asks too late: clamped to two thirds"),
        pytest.param(300, 86400, 100, id="the author asks for more than the life"),
    ],
)
def test_a_refresh_starts(lifetime: float, before_expiry: float | None, start: float) -> None:
    assert refresh_start(lifetime, MARGINS, before_expiry) == pytest.approx(start)


@given(LIFETIMES, ANY_MARGINS, BEFORE_EXPIRY)
def test_a_refresh_starts_between_a_third_and_two_thirds_of_the_life(
    lifetime: float, margins: Margins, before_expiry: int | None
) -> None:
    start = refresh_start(lifetime, margins, before_expiry)
    assert lifetime / 3 <= start <= 2 * lifetime / 3


@given(LIFETIMES, LIFETIMES, ANY_MARGINS, BEFORE_EXPIRY)
def test_a_longer_life_never_starts_earlier(
    one: float, other: float, margins: Margins, before_expiry: int | None
) -> None:
    shorter, longer = sorted((one, other))
    assert refresh_start(shorter, margins, before_expiry) <= refresh_start(
        longer, margins, before_expiry
    )


@given(LIFETIMES, LIFETIMES, ANY_MARGINS, BEFORE_EXPIRY, UIDS)
def test_a_longer_life_is_never_refreshed_earlier_for_all_the_jitter(
    one: float, other: float, margins: Margins, before_expiry: int | None, uid: str
) -> None:
    shorter, longer = sorted((one, other))
    early = refresh_time(token(shorter), uid, margins, before_expiry)
    late = refresh_time(token(longer), uid, margins, before_expiry)
    assert early <= late + EPSILON


@given(LIFETIMES, ANY_MARGINS, BEFORE_EXPIRY, UIDS)
def test_jitter_is_earlier_and_bounded(
    lifetime: float, margins: Margins, before_expiry: int | None, uid: str
) -> None:
    start = refresh_start(lifetime, margins, before_expiry)
    earlier = jitter(lifetime, start, uid)
    assert 0 <= earlier <= min(lifetime / 10, start / 4)

    at = refresh_time(token(lifetime), uid, margins, before_expiry) - NOW
    assert at == pytest.approx(max(MIN_INTERVAL, start - earlier), abs=EPSILON)


@given(LIFETIMES, ANY_MARGINS, BEFORE_EXPIRY, UIDS)
def test_no_refresh_is_within_ten_seconds_of_the_last(
    lifetime: float, margins: Margins, before_expiry: int | None, uid: str
) -> None:
    at = refresh_time(token(lifetime), uid, margins, before_expiry)
    assert at >= NOW + 10 - EPSILON


@given(st.floats(min_value=30, max_value=86400), ANY_MARGINS, UIDS)
def test_a_refresh_starts_before_the_deadline_unless_the_life_is_too_short(
    lifetime: float, margins: Margins, uid: str
) -> None:
    # From 30 s on, the pause of ten seconds is within a third of the life.
    assume(not is_too_short(lifetime, margins))
    issued = token(lifetime)
    assert refresh_time(issued, uid, margins) <= deadline(issued, margins) + EPSILON


@given(st.floats(min_value=266, max_value=86400), UIDS)
def test_a_life_like_redoxs_leaves_the_whole_retry_budget(lifetime: float, uid: str) -> None:
    issued = token(lifetime)
    left = deadline(issued, MARGINS) - refresh_time(issued, uid, MARGINS)
    assert left >= MARGINS.retry_budget - EPSILON


def test_credentials_of_one_moment_are_spread_over_the_jitter() -> None:
    times = sorted(refresh_time(token(), f"uid-{n}", MARGINS) - NOW for n in range(1000))
    assert 93 <= times[0] < 94
    assert 122 < times[-1] <= 123
    assert max(b - a for a, b in itertools.pairwise(times)) < 1


def test_a_credential_keeps_its_jitter() -> None:
    assert refresh_time(token(), UID, MARGINS) == refresh_time(token(), UID, MARGINS)


def test_the_deadline_is_the_last_write_that_reaches_every_reader() -> None:
    assert deadline(token(300), MARGINS) == NOW + 198


@pytest.mark.parametrize(
    ("lifetime", "expected"),
    [
        pytest.param(152.9, True, id="below 1.5 times propagation and safety"),
        pytest.param(153, False, id="at it"),
        pytest.param(300, False, id="a token of Redox"),
    ],
)
def test_a_life_is_too_short_for_mounts(lifetime: float, expected: bool) -> None:
    assert is_too_short(lifetime, MARGINS) is expected


@pytest.mark.parametrize(
    ("attempts", "before_deadline", "longest"),
    [
        pytest.param(1, True, 1, id="the first retry comes within a second"),
        pytest.param(2, True, 2, id="then the pause doubles"),
        pytest.param(3, True, 4, id="and doubles again"),
        pytest.param(4, True, 5, id="up to five seconds before the deadline"),
        pytest.param(1000, True, 5, id="however many attempts failed"),
        pytest.param(4, False, 8, id="after the deadline it goes on doubling"),
        pytest.param(7, False, 60, id="up to a minute"),
        pytest.param(10**9, False, 60, id="for ever"),
    ],
)
def test_the_pause_before_a_retry_is_at_most(
    attempts: int, before_deadline: bool, longest: float
) -> None:
    almost = retry_delay(attempts, 1 - 1e-9, before_deadline=before_deadline)
    assert almost == pytest.approx(longest)


@given(st.integers(min_value=1), FRACTIONS, st.booleans())
def test_the_pause_is_full_jitter_below_its_cap(
    attempts: int, fraction: float, before_deadline: bool
) -> None:
    delay = retry_delay(attempts, fraction, before_deadline=before_deadline)
    assert 0 <= delay < (5 if before_deadline else 60)
    assert retry_delay(attempts, 0.0, before_deadline=before_deadline) == 0


@given(st.integers(min_value=1), st.integers(min_value=1), FRACTIONS, st.booleans())
def test_more_failures_never_make_the_pause_shorter(
    one: int, other: int, fraction: float, before_deadline: bool
) -> None:
    fewer, more = (
        retry_delay(attempts, fraction, before_deadline=before_deadline)
        for attempts in sorted((one, other))
    )
    assert fewer <= more


@pytest.mark.parametrize(
    ("attempts", "delay"), [(1, 1), (2, 10), (3, 60), (4, 300), (5, 300), (1000, 300)]
)
def test_a_rejected_client_is_tried_again_after(attempts: int, delay: float) -> None:
    assert rejected_delay(attempts) == delay
