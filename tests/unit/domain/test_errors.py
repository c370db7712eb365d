"""The error tree: what is drawn is what is defined, and each failure says how it goes on."""

from __future__ import annotations

import inspect
import re

import pytest

from redox_operator.domain import errors
from redox_operator.domain.errors import (
    ClientRejected,
    ConfigurationError,
    CredentialError,
    EndpointUnavailable,
    Forbidden,
    KeyNotFound,
    RateLimited,
    RedoxOperatorError,
    Retry,
    Stalls,
)

DEFINED = {
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, RedoxOperatorError)
}
FAILURES = sorted((each for each in DEFINED if hasattr(each, "reason")), key=lambda e: e.__name__)


def drawn() -> dict[str, str | None]:
    """Each class of the drawing with the one above it."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"(|[│ ]*[├└]── )([A-Z]\w+)( {2,}|$)", line)
        if found is None:
            continue
        depth = len(found[1]) // 4
        parents[found[2]] = path[depth - 1] if depth else None
        path[depth:] = [found[2]]
    return parents


def test_the_drawn_tree_is_the_tree_of_the_classes() -> None:
    classes = {
        each.__name__: None if each is RedoxOperatorError else each.__base__.__name__
        for each in DEFINED
    }
    assert drawn() == classes


@pytest.mark.parametrize("error", FAILURES)
def test_every_failure_has_a_docstring_a_reason_a_stall_and_a_retry(
    error: type[CredentialError],
) -> None:
    assert error.__doc__
    # A kind of another failure is told as that one.
    named = error if "reason" in vars(error) else error.__base__
    assert error.reason == named.__name__
    assert isinstance(error.stalls, Stalls)
    assert isinstance(error.retry, Retry)


NEVER, LATER, NOW = Stalls.NEVER, Stalls.LATER, Stalls.NOW


@pytest.mark.parametrize(
    ("name", "stalls", "retry"),
    [
        ("EndpointUnavailable", NEVER, Retry.BACKOFF),
        ("RateLimited", NEVER, Retry.BACKOFF),
        ("ResponseInvalid", NEVER, Retry.BACKOFF),
        ("KeyInvalid", NOW, Retry.LOOK),
        ("EndpointUnknown", NOW, Retry.CHANGE),
        ("NotAllowed", NOW, Retry.CHANGE),
        ("TargetConflict", NOW, Retry.LOOK),
        ("TargetImmutable", NOW, Retry.LOOK),
        ("LifetimeTooLong", NOW, Retry.REJECTED),
        ("SpecInvalid", NOW, Retry.CHANGE),
        ("KeyNotFound", LATER, Retry.LOOK),
        ("ClientRejected", LATER, Retry.REJECTED),
        ("WriteDenied", LATER, Retry.LOOK),
        ("NamespaceGone", LATER, Retry.CHANGE),
        ("TargetTooLarge", LATER, Retry.CHANGE),
        ("QuotaExceeded", LATER, Retry.LOOK),
    ],
)
def test_a_failure_stalls_and_is_tried_again_as_the_contract_says(
    name: str, stalls: Stalls, retry: Retry
) -> None:
    error = getattr(errors, name)
    assert (error.stalls, error.retry) == (stalls, retry)


def test_every_failure_stands_in_that_table() -> None:
    (table,) = [
        mark.args[1]
        for mark in test_a_failure_stalls_and_is_tried_again_as_the_contract_says.pytestmark
    ]
    assert sorted(row[0] for row in table) == [each.__name__ for each in FAILURES]


def test_faults_of_the_configuration_are_reported_together() -> None:
    error = ConfigurationError(["WORKERS: write a number.", "LOG_FORMAT: write json or text."])
    assert str(error) == "WORKERS: write a number.\nLOG_FORMAT: write json or text."
    assert len(error.faults) == 2


def test_a_failure_shows_its_message_and_nothing_else() -> None:
    error = KeyNotFound("The Secret ehr-redox-key does not exist. Create it.")
    assert str(error) == error.message == "The Secret ehr-redox-key does not exist. Create it."


def test_a_failed_request_keeps_what_the_answer_told() -> None:
    error = EndpointUnavailable("HTTP 503.", status=503, date=1.0, retry_after=30.0)
    assert (error.status, error.date, error.retry_after) == (503, 1.0, 30.0)


def test_a_rate_limit_is_an_answer_429_and_keeps_the_limit() -> None:
    error = RateLimited("HTTP 429.", retry_after=5.0, limit=7500)
    assert (error.status, error.retry_after, error.limit) == (429, 5.0, 7500)


def test_a_rejection_keeps_the_registered_code_and_whether_the_key_is_unknown() -> None:
    error = ClientRejected("HTTP 401.", status=401, code="invalid_client")
    assert (error.code, error.public_key_not_found) == ("invalid_client", False)


def test_a_forbidden_request_tells_a_quota_from_a_terminating_namespace() -> None:
    assert Forbidden("no", quota=True).quota
    assert Forbidden("no", terminating=True).terminating
    assert Forbidden("no").status == 403
