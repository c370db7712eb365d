"""Which watches are silent, when they begin anew, and when that was in vain."""

from __future__ import annotations

from typing import Any

import pytest

from redox_operator.controllers.watch_signs import (
    HOPELESS_AFTER,
    MIN_RESTARTS,
    QUIET_AFTER,
    TELL_WITHIN,
    WatchSigns,
)

LATE = TELL_WITHIN + 0.1


def metadata(name: str = "ehr", version: str = "7") -> dict[str, Any]:
    return {"namespace": "clinic", "name": name, "resourceVersion": version}


def signs() -> WatchSigns:
    """Of two watches that just began."""
    made = WatchSigns()
    made.begin(["redoxcredentials", "secrets"], 0.0)
    return made


def test_a_watch_that_does_not_tell_what_a_list_found_is_silent() -> None:
    made = signs()
    made.expect("secrets", "clinic/ehr", "7", 0.0)
    assert made.silent(TELL_WITHIN) == []
    assert made.silent(LATE) == ["secrets"]


@pytest.mark.parametrize(
    ("expected", "told", "silent"),
    [
        pytest.param("7", {"version": "7"}, False, id="this version"),
        pytest.param("7", {"version": "9"}, False, id="a later version"),
        pytest.param("7", {"version": "6"}, True, id="an earlier version"),
        pytest.param("7", {"version": "8", "deleted": True}, False, id="that it is gone"),
        pytest.param(None, {"version": "8", "deleted": True}, False, id="the deletion"),
        pytest.param(None, {"version": "8"}, False, id="another object of the name"),
        pytest.param("7", {"version": "7", "name": "other"}, True, id="another object"),
    ],
)
def test_a_watch_that_tells_within_seconds_is_not_silent(
    expected: str | None, told: dict[str, Any], silent: bool
) -> None:
    made = signs()
    made.expect("secrets", "clinic/ehr", expected, 0.0)
    deleted = told.pop("deleted", False)
    made.told("secrets", metadata(**told), deleted=deleted, listed=False)
    assert made.silent(LATE) == (["secrets"] if silent else [])


def test_a_watch_of_which_nothing_comes_is_silent_and_anything_is_a_sign() -> None:
    made = signs()
    made.heard("secrets", 100.0)
    made.answered("redoxcredentials", 503, 100.0)
    assert made.silent(QUIET_AFTER + 99) == []
    made.heard("secrets", 200.0)
    assert made.silent(QUIET_AFTER + 101) == ["redoxcredentials"]


@pytest.mark.parametrize("status", [0, 401, 403, 404, 429, 500, 503])
def test_a_watch_that_the_api_server_keeps_from_telling_is_not_silent(status: int) -> None:
    made = signs()
    made.expect("secrets", "clinic/ehr", "7", 0.0)
    made.answered("secrets", status, 1.0)
    assert made.silent(LATE) == []
    made.answered("secrets", 200, 20.0)
    assert made.silent(60.0) == [], "it lists first, which tells of everything"


def test_restarts_come_less_and_less_often_and_are_in_vain_after_ten_minutes() -> None:
    made, now, restarts = signs(), 0.0, 0
    earliest = now
    while not made.hopeless(now):
        made.expect("secrets", "clinic/ehr", "7", now)
        now += 60.0
        if made.silent(now) and now >= earliest:
            earliest = now + made.restarted()
            restarts += 1
        assert now < 3600
    assert now > HOPELESS_AFTER
    assert MIN_RESTARTS <= restarts <= 5


def test_one_event_shows_that_restarts_helped_and_a_list_does_not() -> None:
    made = signs()
    for now in (0.0, 300.0, 600.0, 900.0):
        made.expect("secrets", "clinic/ehr", "7", now)
        assert "secrets" in made.silent(now + LATE)
        made.restarted()
        made.told("secrets", metadata(), deleted=False, listed=True)
    assert made.hopeless(1000.0) == ["secrets"]
    made.told("secrets", metadata(), deleted=False, listed=False)
    assert made.hopeless(1000.0) == []


def test_refusals_are_what_somebody_must_act_on() -> None:
    made = signs()
    made.answered("secrets", 403, 0.0)
    made.answered("redoxcredentials", 503, 0.0)
    assert made.refused == {"secrets": 403}
