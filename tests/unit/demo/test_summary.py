"""The verdict at the end, and the lines on the way."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from demo.progress import changes, is_proved
from demo.state import Readings, Row, Status, Totals
from demo.summary import problems, table, totals
from tests.unit.demo.snapshots import NOW, readings, row, snapshot


def test_nothing_is_wrong_where_each_credential_was_renewed_and_used() -> None:
    assert problems(snapshot(), renewals=True) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param(
            {"readings": readings(calls_failed=3, last_failure="FHIR answered 401")},
            "rsa-pem: 3 calls with the mounted token failed, the last: FHIR answered 401",
            id="a FHIR call failed",
        ),
        pytest.param(
            {"readings": readings(data_model_failed=1, last_failure="the Data Model answered 500")},
            "rsa-pem: 1 calls with the mounted token failed, the last: the Data Model answered 500",
            id="a Data Model call failed",
        ),
        pytest.param(
            {"readings": readings(stale_reads=2)},
            "rsa-pem: an expired token was read 2 times",
            id="an expired token was read",
        ),
        pytest.param(
            {"issued": 0, "status": Status("False", "KeyInvalid", "Write a PEM.")},
            "rsa-pem: no token was issued (Ready=False KeyInvalid Write a PEM.)",
            id="no token was issued",
        ),
        pytest.param(
            {"issued": 1, "status": Status("True", "EndpointUnavailable", "Since 12:00.")},
            "rsa-pem: its token was not renewed (Ready=True EndpointUnavailable Since 12:00.)",
            id="the token was not renewed",
        ),
        pytest.param(
            {"readings": readings(tokens_used=1)},
            "rsa-pem: the renewed token did not reach the reader",
            id="the renewed token stayed out of the mount",
        ),
        pytest.param(
            {"readings": readings(data_model_ok=1)},
            "rsa-pem: the Data Model was not called with both tokens",
            id="the Data Model was not called with the renewed token",
        ),
    ],
)
def test_what_was_promised_and_not_seen_is_a_problem(changes: dict[str, Any], problem: str) -> None:
    assert problems(snapshot(row(**changes), row("jwk")), renewals=True) == [problem]


@pytest.mark.parametrize(
    ("counted", "problem"),
    [
        pytest.param(Totals(refused=2), "the sandbox refused 2 token requests", id="refusals"),
        pytest.param(Totals(repeated_jti=1), "1 assertions were sent twice", id="repeats"),
    ],
)
def test_what_the_sandbox_counts_against_the_operator_is_a_problem(
    counted: Totals, problem: str
) -> None:
    assert problems(snapshot(totals=counted), renewals=True) == [problem]


def test_a_demo_ended_early_by_a_person_need_not_have_renewed() -> None:
    fresh = row(issued=1, readings=readings(tokens_used=1, data_model_ok=1))

    assert problems(snapshot(fresh), renewals=False) == []
    assert not is_proved(snapshot(fresh))


def test_it_is_proved_when_every_credential_is() -> None:
    assert is_proved(snapshot(row(), row("jwk")))
    assert not is_proved(snapshot(row(), row("jwk", issued=1)))


def test_the_table_ends_in_totals() -> None:
    shown = io.StringIO()
    jwk = row("jwk", readings=readings(least_remaining=31.0))
    Console(width=80, file=shown).print(table(snapshot(row(), jwk)))
    lines = shown.getvalue().strip().splitlines()

    assert lines[-1].split() == ["total", "4", "2", "24", "4", "0", "31", "s"]
    assert max(map(len, lines)) <= 80


def test_the_totals_are_those_of_sandbox_and_operator() -> None:
    assert totals(snapshot()) == (
        "30 s; 8 token requests, 0 refused; 8 Secret writes; 0 stale reads"
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        pytest.param(
            row(status=Status()),
            row(),
            ["rsa-pem: Ready=True (TokenIssued)"],
            id="a condition changes",
        ),
        pytest.param(
            row(issued=2),
            row(issued=3),
            ["rsa-pem: renewed, while the token before it had 43 s to live"],
            id="a token is renewed",
        ),
        pytest.param(
            row(readings=readings(tokens_used=1)),
            row(),
            ["rsa-pem: GET Patient?family=Sample: 200, 2 patients (the renewed token, mounted)"],
            id="a renewed token is used",
        ),
        pytest.param(
            row(),
            row(readings=readings(calls_failed=1, last_failure="FHIR answered 401")),
            ["rsa-pem: FHIR answered 401"],
            id="a call fails",
        ),
        pytest.param(
            row(),
            row(readings=readings(stale_reads=1)),
            ["rsa-pem: its mounted directory holds an expired token"],
            id="a stale read",
        ),
        pytest.param(
            row(issued=0, readings=Readings()),
            row(issued=1, readings=Readings()),
            [],
            id="the first issue is told by the condition",
        ),
    ],
)
def test_each_change_is_a_line(before: Row, after: Row, said: list[str]) -> None:
    assert list(changes(snapshot(before), snapshot(after, now=NOW))) == said


def test_what_does_not_answer_is_said_once() -> None:
    silent = snapshot(notices=("the API server does not answer",))

    assert list(changes(snapshot(), silent)) == ["the API server does not answer"]
    assert list(changes(silent, silent)) == []
