"""The rate of requests to one endpoint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redox_operator.domain.token_bucket import TokenBucket

RATES = st.floats(min_value=0.1, max_value=20)
BURSTS = st.integers(min_value=1, max_value=20)
PAUSES = st.lists(st.floats(min_value=-0.5, max_value=2), max_size=20)


def taken(bucket: TokenBucket, now: float, most: int = 1000) -> int:
    """How many requests there are at once."""
    count = 0
    while count < most and bucket.take(now):
        count += 1
    return count


def test_a_burst_goes_at_once_and_then_the_rate_holds() -> None:
    bucket = TokenBucket(rate=12, burst=60, now=0)
    assert bucket.rate == 12
    assert taken(bucket, 0) == 60
    assert taken(bucket, 1) == 12
    assert taken(bucket, 1.5) == 6


def test_a_bucket_holds_no_more_than_its_burst() -> None:
    bucket = TokenBucket(rate=12, burst=60, now=0)
    assert taken(bucket, 3600) == 60


def test_the_level_is_what_may_go_at_once() -> None:
    bucket = TokenBucket(rate=2, burst=10, now=0)
    assert bucket.level(0) == 10
    assert taken(bucket, 0) == 10
    assert bucket.level(2.25) == 4.5


def test_an_empty_bucket_begins_with_nothing() -> None:
    bucket = TokenBucket(rate=1, burst=10, now=5, empty=True)
    assert taken(bucket, 5) == 0
    assert taken(bucket, 7) == 2


def test_the_wait_is_until_the_next_request() -> None:
    bucket = TokenBucket(rate=2, burst=1, now=0)
    assert bucket.wait(0) == 0
    assert bucket.take(0)
    assert bucket.wait(0) == pytest.approx(0.5)
    assert bucket.wait(0.4) == pytest.approx(0.1)
    assert not bucket.take(0.4)
    assert bucket.take(0.5)


def test_a_request_that_was_not_sent_is_given_back() -> None:
    bucket = TokenBucket(rate=1, burst=2, now=0)
    assert taken(bucket, 0) == 2
    bucket.give_back()
    assert taken(bucket, 0) == 1


def test_nothing_is_given_back_beyond_the_burst() -> None:
    bucket = TokenBucket(rate=1, burst=2, now=0)
    bucket.give_back()
    assert taken(bucket, 0) == 2


def test_a_rate_of_zero_is_no_limit() -> None:
    bucket = TokenBucket(rate=0, burst=1, now=0)
    assert taken(bucket, 0, most=500) == 500
    assert bucket.wait(0) == 0


def test_a_429_halves_the_rate_and_ends_the_burst() -> None:
    bucket = TokenBucket(rate=12, burst=60, now=0)
    bucket.halve(0)
    assert bucket.rate == 6
    assert taken(bucket, 0) == 1
    bucket.halve(0)
    assert bucket.rate == 3


def test_probes_keep_going_out_however_many_429_there_are() -> None:
    bucket = TokenBucket(rate=16, burst=1, now=0)
    for _ in range(20):
        bucket.halve(0)
    assert bucket.rate == 1


@pytest.mark.parametrize(
    ("minutes", "rate"),
    [
        pytest.param(0, 6.0, id="nothing at once"),
        pytest.param(1, 7.2, id="a tenth of the configured rate in a minute"),
        pytest.param(4, 10.8, id="four tenths in four"),
        pytest.param(5, 12.0, id="all of it in five"),
        pytest.param(60, 12.0, id="and no more"),
    ],
)
def test_a_halved_rate_recovers(minutes: float, rate: float) -> None:
    bucket = TokenBucket(rate=12, burst=60, now=0)
    bucket.halve(0)
    bucket.wait(minutes * 60)
    assert bucket.rate == pytest.approx(rate)


def test_a_clock_that_is_read_out_of_order_adds_nothing() -> None:
    bucket = TokenBucket(rate=1, burst=10, now=0)
    assert taken(bucket, 0) == 10
    assert sum(taken(bucket, now) for now in (5, 0, 5, 0, 5)) == 5


@given(RATES, BURSTS, PAUSES)
def test_no_window_ever_sees_more_than_the_burst_and_the_rate(
    rate: float, burst: int, pauses: list[float]
) -> None:
    bucket, now, sent = TokenBucket(rate, burst, now=0), 0.0, list[float]()
    for pause in pauses:
        now = max(0.0, now + pause)
        sent += [now] * taken(bucket, now)

    sent.sort()
    for index, first in enumerate(sent):
        for count, last in enumerate(sent[index:], start=1):
            assert count <= burst + rate * (last - first) + 1e-6


@given(RATES, BURSTS, st.lists(st.tuples(st.floats(min_value=0, max_value=5), st.booleans())))
def test_after_429s_a_window_never_sees_more_than_at_the_full_rate(
    rate: float, burst: int, steps: list[tuple[float, bool]]
) -> None:
    bucket, now, sent = TokenBucket(rate, burst, now=0), 0.0, 0
    for pause, refused in steps:
        now += pause
        sent += taken(bucket, now)
        if refused:
            bucket.halve(now)
        assert rate / 16 <= bucket.rate <= rate
    assert sent <= burst + rate * now + 1e-6


@given(RATES, BURSTS, st.floats(min_value=0, max_value=1000))
def test_after_the_wait_there_is_a_request(rate: float, burst: int, now: float) -> None:
    bucket = TokenBucket(rate, burst, now=now)
    taken(bucket, now)
    wait = bucket.wait(now)
    assert 0 < wait <= 1 / rate + 1e-9
    assert bucket.take(now + wait + 1e-6)
