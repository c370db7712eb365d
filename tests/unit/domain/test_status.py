"""The status of a credential: what it tells, and when that is worth a write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redox_operator.domain.conditions import Situation
from redox_operator.domain.errors import EndpointUnavailable, RateLimited
from redox_operator.domain.status import Facts, is_news, merge_patch, status
from tests.support.builders import NOW, TOKEN, situation, token
from tests.support.merge_patch import merged

FACTS = Facts(
    secret_name="ehr-token",
    key_id="kid-1",
    token_endpoint_host="api.redoxengine.com",
    next_refresh_time=NOW + 123,
    deadline_time=NOW + 198,
)
UNSEEN = {"observedGeneration": -1}


def reported(
    told: Situation | None = None,
    facts: Facts = FACTS,
    previous: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return status(told or situation(generation=3), facts, previous)


def test_a_status_tells_what_the_contract_says() -> None:
    told = reported()
    assert [each["type"] for each in told.pop("conditions")] == [
        "Ready",
        "RefreshHealthy",
        "Stalled",
        "Reconciling",
    ]
    assert told == {
        "observedGeneration": 3,
        "secretName": "ehr-token",
        "keyId": "kid-1",
        "tokenEndpointHost": "api.redoxengine.com",
        "tokenLifetimeSeconds": 300,
        "scope": "",
        "expirationTime": "2026-11-23T12:05:00Z",
        "lastRefreshTime": "2026-11-23T12:00:00Z",
        "nextRefreshTime": "2026-11-23T12:02:03Z",
        "deadlineTime": "2026-11-23T12:03:18Z",
    }


def test_what_is_not_known_stays_as_it_was_but_times_go() -> None:
    before = reported()
    told = reported(facts=Facts(), previous=before)
    assert told == {
        name: value
        for name, value in before.items()
        if name not in ("nextRefreshTime", "deadlineTime")
    }


def test_what_was_never_known_is_left_out() -> None:
    told = reported(facts=Facts())
    assert not {"secretName", "keyId", "nextRefreshTime", "deadlineTime"} & told.keys()


def test_what_a_token_told_goes_with_the_token() -> None:
    told = reported(situation(token=None), previous=reported())
    assert told.keys() == {
        "observedGeneration",
        "conditions",
        "secretName",
        "keyId",
        "tokenEndpointHost",
    }


def test_an_expired_token_is_told_of() -> None:
    told = reported(situation(now=NOW + 301))
    assert told["expirationTime"] == "2026-11-23T12:05:00Z"


def test_what_is_not_of_the_status_is_not_kept() -> None:
    assert "handler" not in reported(previous={**UNSEEN, "handler": {"started": "x"}})


def test_transition_times_are_kept_from_the_status_before() -> None:
    later = reported(situation(now=NOW + 100), previous=reported(situation()))
    assert {each["lastTransitionTime"] for each in later["conditions"]} == {"2026-11-23T12:00:00Z"}


def test_nothing_in_a_status_is_secret() -> None:
    assert TOKEN not in repr(reported(situation(token=token())))


ANY_STATUS = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "observedGeneration": st.integers(),
        "keyId": st.text(),
        "scope": st.text(),
        "expirationTime": st.text(),
        "handler": st.dictionaries(st.text(), st.text()),
        "conditions": st.just(reported()["conditions"]),
    },
)


@given(ANY_STATUS, st.booleans())
def test_the_patch_makes_of_any_status_the_reported_one(
    previous: dict[str, Any] | None, with_token: bool
) -> None:
    told = reported(situation(token=token() if with_token else None), previous=previous)
    body = {"status": previous} if previous is not None else {}
    assert merged(body, merge_patch(told, previous)) == {"status": told}


SEEN = situation(generation=3)
FAILING = replace(SEEN, error=EndpointUnavailable("HTTP 503."), error_since=NOW)
LIMITED = replace(FAILING, error=RateLimited("HTTP 429."))


@pytest.mark.parametrize(
    ("told", "facts", "before"),
    [
        pytest.param(SEEN, FACTS, None, id="the first one"),
        pytest.param(SEEN, FACTS, UNSEEN, id="the first one, after the schema's default"),
        pytest.param(
            replace(SEEN, token=token(issued_at=NOW + 120)), FACTS, reported(), id="an expiry"
        ),
        pytest.param(replace(SEEN, token=None), FACTS, reported(), id="a token that is gone"),
        pytest.param(FAILING, FACTS, reported(), id="a condition"),
        pytest.param(LIMITED, FACTS, reported(FAILING), id="a reason"),
        pytest.param(replace(SEEN, generation=4), FACTS, reported(), id="a generation"),
        pytest.param(SEEN, replace(FACTS, key_id="kid-2"), reported(), id="the key ID"),
        pytest.param(SEEN, replace(FACTS, token_endpoint_host="b"), reported(), id="the endpoint"),
        pytest.param(SEEN, replace(FACTS, secret_name="b"), reported(), id="the Secret"),
    ],
)
def test_it_is_news_at_once_when_this_changed(
    told: Situation, facts: Facts, before: dict[str, Any] | None
) -> None:
    assert is_news(status(told, facts, before), before, 0.0)


@pytest.mark.parametrize(
    ("told", "facts"),
    [
        pytest.param(SEEN, FACTS, id="nothing"),
        pytest.param(SEEN, replace(FACTS, next_refresh_time=NOW + 60), id="the next time"),
        pytest.param(SEEN, replace(FACTS, deadline_time=NOW + 60), id="the deadline"),
        pytest.param(replace(SEEN, now=NOW + 100), FACTS, id="the time of day"),
        pytest.param(SEEN, Facts(), id="what is no longer known"),
    ],
)
def test_it_is_never_news_when_only_this_changed(told: Situation, facts: Facts) -> None:
    before = reported()
    assert not is_news(status(told, facts, before), before, float("inf"))


@pytest.mark.parametrize(
    ("since_last_write", "expected"),
    [
        pytest.param(0.0, False, id="at once"),
        pytest.param(29.9, False, id="within thirty seconds"),
        pytest.param(30.0, True, id="after thirty seconds"),
    ],
)
def test_a_message_alone_is_news(since_last_write: float, expected: bool) -> None:
    before = reported(FAILING)
    told = reported(replace(FAILING, error=EndpointUnavailable("HTTP 502.")), previous=before)
    assert is_news(told, before, since_last_write) is expected


def test_a_failure_that_goes_on_is_written_once() -> None:
    before = reported(FAILING)
    assert not is_news(reported(replace(FAILING, now=NOW + 60), previous=before), before, 60.0)
