from __future__ import annotations

import random
from itertools import pairwise

import pytest

from redox_operator.controllers.failures import failed, place_of
from redox_operator.domain.errors import (
    ClientRejected,
    ClusterUnavailable,
    EndpointUnavailable,
    EndpointUnknown,
    KeyInvalid,
    KeyNotFound,
    LifetimeTooLong,
    QuotaExceeded,
    RateLimited,
    RedoxOperatorError,
    ResponseInvalid,
    WriteDenied,
)
from redox_operator.domain.policies import Failure

BACKOFF = [1, 2, 4, 5, 5]
"""Most seconds of the first retries while a token can still reach its readers in time."""


def row(
    error: RedoxOperatorError, count: int, *, before_deadline: bool = True, now: float = 1e9
) -> list[Failure]:
    failures: list[Failure] = []
    for number in range(count):
        previous = failures[-1] if failures else None
        failures.append(
            failed(previous, error, now=now + number, boot=50.0, before_deadline=before_deadline)
        )
    return failures


def delays(failures: list[Failure]) -> list[float]:
    return [each.retry_at - 50.0 for each in failures]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(ClientRejected("x"), [1, 10, 60, 300, 300], id="a rejected client"),
        pytest.param(LifetimeTooLong("x"), [1, 10, 60, 300, 300], id="tokens that live too long"),
        pytest.param(KeyNotFound("x"), [10] * 5, id="a key that is not there"),
        pytest.param(KeyInvalid("x"), [10] * 5, id="a key that cannot be used"),
        pytest.param(WriteDenied("x"), [10] * 5, id="a write that is denied"),
        pytest.param(QuotaExceeded("x"), [10] * 5, id="a quota that is used up"),
        pytest.param(EndpointUnknown("x"), [60] * 5, id="an endpoint that is not known"),
    ],
)
def test_the_time_until_the_next_attempt_is_fixed_by_the_reason(
    error: RedoxOperatorError, expected: list[float]
) -> None:
    assert delays(row(error, 5)) == expected


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(EndpointUnavailable("x"), id="an endpoint that is away"),
        pytest.param(RateLimited("x"), id="one that wants fewer requests"),
        pytest.param(ResponseInvalid("x"), id="one that answers nonsense"),
        pytest.param(ClusterUnavailable("x"), id="an API server that is away"),
    ],
)
def test_before_the_deadline_attempts_follow_within_five_seconds(
    error: RedoxOperatorError,
) -> None:
    random.seed(1)
    for _ in range(50):
        for delay, most in zip(delays(row(error, 5)), BACKOFF, strict=True):
            assert 0.1 <= delay <= most


def test_after_the_deadline_attempts_follow_within_a_minute() -> None:
    random.seed(1)
    found = [
        delays(row(EndpointUnavailable("x"), 12, before_deadline=False))[-1] for _ in range(50)
    ]
    assert max(found) <= 60
    assert max(found) > 30


def test_failures_of_one_reason_in_a_row_are_one_failure_since_the_first() -> None:
    failures = row(ClientRejected("x"), 3)
    assert [each.attempts for each in failures] == [1, 2, 3]
    assert {each.since for each in failures} == {1e9}
    assert all(a.retry_at < b.retry_at for a, b in pairwise(failures))


def test_another_reason_begins_anew() -> None:
    first = row(ClientRejected("x"), 3)[-1]
    other = failed(first, RateLimited("x"), now=2e9, boot=50.0, before_deadline=True)
    assert (other.attempts, other.since) == (1, 2e9)


def test_two_kinds_of_trouble_with_the_cluster_are_two_failures() -> None:
    first = failed(None, ClusterUnavailable("x"), now=1, boot=1, before_deadline=True)
    other = failed(first, RedoxOperatorError("x"), now=2, boot=1, before_deadline=True)
    assert other.attempts == 1


def test_the_place_of_an_unexpected_error_is_told_without_its_text() -> None:
    secret = "s" * 20
    try:
        int(secret)
    except ValueError as error:
        told = place_of(error)
    assert told.startswith("ValueError\n")
    assert "test_failures.py" in told
    assert secret not in told
