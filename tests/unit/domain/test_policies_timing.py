"""When the chain is asked again, and how often it may issue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from redox_operator.domain import refresh
from redox_operator.domain.policies import Issue, Keep, Observed, decide, refresh_time
from redox_operator.domain.refresh import Margins
from tests.support.builders import NOW, UID, failure, observed, owner, target, token

EXPIRY = NOW + 300


def start(of: Any) -> float:
    """When the refresh of a token starts."""
    return refresh.refresh_time(of, UID, Margins())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, start(token()), id="by the life of the token that is held"),
        pytest.param(
            {"token": token(3600), "planned_from": token(60)},
            start(token(60)),
            id="by the life of the token that was not written",
        ),
        pytest.param({"token": None}, NOW, id="now, where there is no token"),
        pytest.param({"now": EXPIRY}, EXPIRY, id="now, where it expired"),
        pytest.param(
            {"now": NOW + 2, "token": token(2)},
            NOW + 10,
            id="ten seconds after the last issue, where it expired at once",
        ),
        pytest.param(
            {"now": NOW + 7, "token": token(7), "planned_from": token(1, NOW + 5)},
            NOW + 15,
            id="ten seconds after the last issue, though that was not written",
        ),
    ],
)
def test_the_next_refresh_starts(changes: dict[str, Any], expected: float) -> None:
    assert refresh_time(observed(**changes)) == expected


def test_a_token_is_live_until_it_expires() -> None:
    assert observed(now=EXPIRY - 1).live_token is not None
    assert observed(now=EXPIRY).live_token is None
    assert observed(token=None).live_token is None


ADOPTABLE, FOREIGN = target(owner=None), target(owner=owner(uid="other", name="lab"))
FAILURES = st.none() | st.floats(min_value=-400, max_value=400).map(
    lambda after: failure(retry_at=NOW + after)
)
TOKENS = st.builds(
    token, st.floats(min_value=0.5, max_value=400), st.floats(min_value=NOW - 400, max_value=NOW)
)
WORLDS = st.builds(
    observed,
    token=TOKENS,
    target=st.sampled_from([None, ADOPTABLE, FOREIGN, target(), target(intact=False)]),
    expected_input_hash=st.sampled_from([None, "v1:input-1", "v1:input-2"]),
    planned_from=st.none() | TOKENS,
    input_issued_at=st.none() | st.floats(min_value=NOW - 60, max_value=NOW),
    request_failure=FAILURES,
    write_failure=FAILURES,
)


@given(WORLDS)
def test_it_is_asked_again_only_when_something_can_be_different(world: Observed) -> None:
    decision = decide(world)
    if isinstance(decision, Keep) and decision.until is not None:
        assert decision.until > world.now


@given(WORLDS)
def test_nothing_is_missed_while_it_is_kept(world: Observed) -> None:
    decision = decide(world)
    if isinstance(decision, Keep):
        until = decision.until or NOW + 1000
        for share in (0.01, 0.5, 0.99):
            moment = world.now + share * (until - world.now)
            # Seconds since the epoch have no room within a few microseconds.
            assert moment >= until or isinstance(decide(replace(world, now=moment)), Keep)


@given(WORLDS, st.floats(min_value=0, max_value=400))
def test_no_request_while_a_failed_one_holds_back(world: Observed, wait: float) -> None:
    held = replace(world, request_failure=failure(retry_at=world.now + wait + 1))
    assert not isinstance(decide(held), Issue)


@given(WORLDS)
def test_an_issue_is_at_least_ten_seconds_after_the_last(world: Observed) -> None:
    token, planned = world.token, world.planned_from
    assert token is not None
    assume(planned is None or planned.issued_at >= token.issued_at)
    decision = decide(world)
    if isinstance(decision, Issue) and not decision.input_changed:
        assert world.now >= (planned or token).issued_at + 10


@given(WORLDS)
def test_an_issue_for_a_changed_input_is_at_least_30_seconds_after_the_last(
    world: Observed,
) -> None:
    decision = decide(world)
    if isinstance(decision, Issue) and decision.input_changed:
        assert world.now >= (world.input_issued_at or 0) + 30
