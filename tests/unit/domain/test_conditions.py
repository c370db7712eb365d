"""The four conditions: every row of the contract's table, before and after the expiry."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redox_operator.domain import errors
from redox_operator.domain.conditions import Situation, conditions
from redox_operator.domain.errors import CredentialError
from redox_operator.domain.timestamps import format_time
from tests.support.builders import NOW, TOKEN, situation, token

EXPIRED = token(issued_at=NOW - 301)
ISSUED = "True TokenIssued"
KINDS = ("Ready", "RefreshHealthy", "Reconciling", "Stalled")

HEALING = ("EndpointUnavailable", "RateLimited", "ResponseInvalid")
STALLING = (
    "KeyInvalid",
    "EndpointUnknown",
    "NotAllowed",
    "TargetConflict",
    "TargetImmutable",
    "LifetimeTooLong",
    "SpecInvalid",
)
STALLING_LATER = ("KeyNotFound", "ClientRejected", "WriteDenied", "QuotaExceeded")


def error(reason: str) -> CredentialError:
    made: CredentialError = getattr(errors, reason)("The endpoint answered HTTP 503. Wait.")
    return made


def told(
    told_of: Situation, previous: list[dict[str, Any]] | None = None
) -> dict[str, dict[str, Any]]:
    return {each["type"]: each for each in conditions(told_of, previous or ())}


def before(
    status: str, reason: str, *, message: str = "As it was.", kind: str = "RefreshHealthy"
) -> list[dict[str, Any]]:
    """One condition as it stands in the API since a minute."""
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "observedGeneration": 1,
            "lastTransitionTime": format_time(NOW - 60),
        }
    ]


def failing(reason: str, since: float = NOW, **changes: Any) -> Situation:
    return situation(error=error(reason), error_since=since, **changes)


def row(
    sentence: str,
    told_of: Situation,
    expected: str,
    previous: list[dict[str, Any]] | None = None,
) -> Any:
    return pytest.param(told_of, previous, expected, id=sentence)


WAITING = situation(pending_change=True)
SUSPENDED = situation(suspended=True)


@pytest.mark.parametrize(
    # `expected` as the contract has its table: Ready | RefreshHealthy | Reconciling | Stalled
    ("told_of", "previous", "expected"),
    [
        row(
            "first issue under way",
            situation(token=None),
            "Unknown Pending | Unknown Pending | True | False",
        ),
        row("on schedule", situation(), "True TokenIssued | True TokenIssued | False | False"),
        row(
            "on schedule a second before the expiry",
            situation(now=NOW + 299),
            "True TokenIssued | True TokenIssued | False | False",
        ),
        row(
            "on schedule again after a failure",
            situation(),
            "True TokenIssued | True TokenIssued | False | False",
            before("False", "ClientRejected"),
        ),
        # Spec or key changed, old token good.
        row(
            "a change, seen for the first time",
            WAITING,
            "True TokenIssued | True TokenIssued | True | False",
        ),
        row(
            "a change, healthy before",
            WAITING,
            "True TokenIssued | True AsBefore | True | False",
            before("True", "AsBefore"),
        ),
        row(
            "a change, failing before",
            WAITING,
            "True TokenIssued | False ClientRejected | True | False",
            before("False", "ClientRejected"),
        ),
        row(
            "a change, suspended before",
            WAITING,
            "True TokenIssued | True TokenIssued | True | False",
            before("Unknown", "Suspended"),
        ),
        # Failures, by kind.
        *(
            row(f"{reason} {when}", told_of, f"{ready} | False {reason} | False | False")
            for reason in HEALING
            for when, told_of, ready in (
                ("before a first token", failing(reason, token=None), f"False {reason}"),
                ("before the expiry", failing(reason), ISSUED),
                ("after the expiry", failing(reason, token=EXPIRED), "False TokenExpired"),
                ("for hours", failing(reason, NOW - 36000), ISSUED),
            )
        ),
        *(
            row(f"{reason} {when}", told_of, f"{ready} | False {reason} | False | True")
            for reason in STALLING
            for when, told_of, ready in (
                ("before a first token", failing(reason, token=None), f"False {reason}"),
                ("before the expiry", failing(reason), ISSUED),
                ("after the expiry", failing(reason, token=EXPIRED), "False TokenExpired"),
            )
        ),
        *(
            row(f"{reason} {when}", told_of, f"{ready} | False {reason} | True | {stalled}")
            for reason in STALLING_LATER
            for when, told_of, ready, stalled in (
                ("before a first token", failing(reason, token=None), f"False {reason}", False),
                ("before the expiry", failing(reason), ISSUED, False),
                ("after the expiry", failing(reason, token=EXPIRED), "False TokenExpired", False),
                ("for five minutes but a second", failing(reason, NOW - 299), ISSUED, False),
                ("for five minutes", failing(reason, NOW - 300), ISSUED, True),
                (
                    "for five minutes before a first token",
                    failing(reason, NOW - 300, token=None),
                    f"False {reason}",
                    True,
                ),
            )
        ),
        row(
            "a failure while a change waits",
            failing("EndpointUnavailable", pending_change=True),
            "True TokenIssued | False EndpointUnavailable | False | False",
        ),
        # Short lives.
        row(
            "LifetimeTooShort",
            situation(lifetime_too_short=True),
            "True TokenIssued | False LifetimeTooShort | False | False",
        ),
        row(
            "LifetimeTooShort and a failure besides",
            failing("RateLimited", lifetime_too_short=True),
            "True TokenIssued | False RateLimited | False | False",
        ),
        # Suspended.
        row(
            "Suspended before the expiry",
            SUSPENDED,
            "True Suspended | True TokenIssued | False | False",
            before("True", "TokenIssued"),
        ),
        row(
            "Suspended after the expiry",
            situation(suspended=True, token=EXPIRED),
            "False TokenExpired | True TokenIssued | False | False",
            before("True", "TokenIssued"),
        ),
        row(
            "Suspended while failing",
            failing("TargetConflict", suspended=True),
            "True Suspended | False TargetConflict | False | False",
            before("False", "TargetConflict"),
        ),
        row(
            "Suspended while a change waits",
            situation(suspended=True, pending_change=True),
            "True Suspended | True TokenIssued | False | False",
            before("True", "TokenIssued"),
        ),
        row(
            "Suspended from the beginning",
            situation(suspended=True, token=None),
            "False Suspended | Unknown Suspended | False | False",
        ),
        row(
            "resumed",
            situation(),
            "True TokenIssued | True TokenIssued | False | False",
            before("Unknown", "Suspended"),
        ),
        # Beyond the table: nobody was there, or it was suspended, until the token had expired.
        row(
            "expired while no operator ran",
            situation(token=EXPIRED),
            "False TokenExpired | Unknown Pending | True | False",
            before("True", "TokenIssued"),
        ),
        row(
            "expired this very second",
            situation(now=NOW + 300),
            "False TokenExpired | Unknown Pending | True | False",
        ),
    ],
)
def test_the_conditions_tell(
    told_of: Situation, previous: list[dict[str, Any]] | None, expected: str
) -> None:
    found = told(told_of, previous)
    ready, healthy = (
        f"{found[kind]['status']} {found[kind]['reason']}" for kind in ("Ready", "RefreshHealthy")
    )
    reconciling, stalled = (found[kind]["status"] for kind in ("Reconciling", "Stalled"))
    assert f"{ready} | {healthy} | {reconciling} | {stalled}" == expected


@pytest.mark.parametrize(
    ("told_of", "reason"),
    [
        pytest.param(situation(token=None), "Pending", id="the first issue"),
        pytest.param(situation(), "TokenIssued", id="on schedule"),
        pytest.param(situation(pending_change=True), "Pending", id="a change"),
        pytest.param(situation(token=EXPIRED), "Pending", id="a late issue"),
        pytest.param(failing("KeyInvalid"), "KeyInvalid", id="a failure"),
        pytest.param(failing("KeyInvalid", suspended=True), "Suspended", id="suspended"),
    ],
)
def test_reconciling_and_stalled_give_the_same_reason(told_of: Situation, reason: str) -> None:
    found = told(told_of)
    assert found["Reconciling"]["reason"] == found["Stalled"]["reason"] == reason


def test_every_failure_stands_in_the_table() -> None:
    reasons = {
        each.reason
        for each in vars(errors).values()
        if isinstance(each, type) and hasattr(each, "reason")
    }
    assert reasons == {*HEALING, *STALLING, *STALLING_LATER}


def test_stalled_stands_before_reconciling_for_kstatus() -> None:
    kinds = [each["type"] for each in conditions(situation())]
    assert kinds == ["Ready", "RefreshHealthy", "Stalled", "Reconciling"]


SITUATIONS = st.builds(
    situation,
    token=st.sampled_from([None, token(), EXPIRED]),
    suspended=st.booleans(),
    pending_change=st.booleans(),
    error=st.none() | st.sampled_from([*HEALING, *STALLING, *STALLING_LATER]).map(error),
    error_since=st.floats(min_value=NOW - 1000, max_value=NOW),
    lifetime_too_short=st.booleans(),
    note=st.sampled_from(["", "A note."]),
)
PREVIOUS = st.lists(
    st.builds(
        lambda kind, status: before(status, "Before", kind=kind)[0],
        st.sampled_from(KINDS),
        st.sampled_from(["True", "False", "Unknown"]),
    ),
    unique_by=lambda each: each["type"],
)


@given(SITUATIONS, PREVIOUS)
def test_all_four_are_always_there_and_ready_is_never_true_of_an_expired_token(
    told_of: Situation, previous: list[dict[str, Any]]
) -> None:
    found = told(told_of, previous)
    assert sorted(found) == sorted(KINDS)
    assert (found["Ready"]["status"] == "True") is told_of.live
    assert all(each["reason"] for each in found.values())
    assert TOKEN not in repr(found)


@given(SITUATIONS, PREVIOUS)
def test_a_condition_keeps_its_transition_time_while_its_status_stays(
    told_of: Situation, previous: list[dict[str, Any]]
) -> None:
    was = {each["type"]: each for each in previous}
    for kind, condition in told(told_of, previous).items():
        stays = kind in was and was[kind]["status"] == condition["status"]
        since = NOW - 60 if stays else NOW
        assert condition["lastTransitionTime"] == format_time(since)
        assert condition["observedGeneration"] == told_of.generation


@given(SITUATIONS)
def test_what_was_told_is_told_again_the_same(told_of: Situation) -> None:
    once = conditions(told_of)
    assert conditions(told_of, once) == once


def test_a_condition_without_a_transition_time_gets_one() -> None:
    previous = before("True", "TokenIssued", kind="Ready")
    del previous[0]["lastTransitionTime"]
    assert told(situation(), previous)["Ready"]["lastTransitionTime"] == format_time(NOW)


@pytest.mark.parametrize("missing", ["status", "reason"])
def test_a_condition_that_is_half_there_is_not_kept(missing: str) -> None:
    previous = before("True", "TokenIssued")
    del previous[0][missing]
    kept = told(situation(suspended=True), previous)["RefreshHealthy"]
    assert (kept["status"], kept["reason"]) == ("Unknown", "Suspended")


@pytest.mark.parametrize(
    ("told_of", "kind", "message"),
    [
        pytest.param(
            situation(),
            "Ready",
            "The Secret holds a token that is valid until 2026-11-23T12:05:00Z.",
            id="until when a token is valid",
        ),
        pytest.param(
            situation(),
            "RefreshHealthy",
            "Tokens are requested and stored on schedule.",
            id="that all is well",
        ),
        pytest.param(
            situation(note="spec.refresh.beforeExpirySeconds was clamped."),
            "RefreshHealthy",
            "Tokens are requested and stored on schedule. "
            "spec.refresh.beforeExpirySeconds was clamped.",
            id="what the author should know though all is well",
        ),
        pytest.param(
            failing("EndpointUnavailable"),
            "RefreshHealthy",
            "Since 2026-11-23T12:00:00Z: The endpoint answered HTTP 503. Wait. "
            "Readers hold a valid token until 2026-11-23T12:05:00Z.",
            id="since when, what, what to do, and until when readers are safe",
        ),
        pytest.param(
            failing("KeyInvalid"),
            "Stalled",
            "Since 2026-11-23T12:00:00Z: The endpoint answered HTTP 503. Wait. "
            "Readers hold a valid token until 2026-11-23T12:05:00Z.",
            id="the same where a person must act",
        ),
        pytest.param(
            failing("EndpointUnavailable", token=EXPIRED),
            "Ready",
            "The token in the Secret expired at 2026-11-23T11:59:59Z. "
            "Since 2026-11-23T12:00:00Z: The endpoint answered HTTP 503. Wait.",
            id="when a token expired, and why there is no other",
        ),
        pytest.param(
            situation(token=EXPIRED),
            "RefreshHealthy",
            "A new token is being requested.",
            id="that a late issue is under way",
        ),
        pytest.param(
            situation(token=None),
            "Ready",
            "The first token is being requested.",
            id="that a first issue is under way",
        ),
        pytest.param(
            failing("KeyNotFound", token=None),
            "Ready",
            "Since 2026-11-23T12:00:00Z: The endpoint answered HTTP 503. Wait.",
            id="why there was never a token",
        ),
        pytest.param(
            situation(suspended=True, token=None),
            "RefreshHealthy",
            "Set spec.suspend to false to resume.",
            id="how to resume",
        ),
    ],
)
def test_a_message_says(told_of: Situation, kind: str, message: str) -> None:
    assert told(told_of)[kind]["message"] == message


def test_a_short_life_is_reported_with_what_to_do() -> None:
    message = told(situation(lifetime_too_short=True))["RefreshHealthy"]["message"]
    assert "Ask for a longer life, or lower PROPAGATION_SECONDS" in message


@pytest.mark.parametrize(
    "told_of",
    [
        pytest.param(situation(suspended=True), id="suspended"),
        pytest.param(situation(pending_change=True), id="a change"),
    ],
)
def test_what_is_as_before_keeps_its_message(told_of: Situation) -> None:
    kept = told(told_of, before("False", "RateLimited"))["RefreshHealthy"]
    assert (kept["message"], kept["lastTransitionTime"]) == ("As it was.", format_time(NOW - 60))
