"""Tokens, single use of assertions, rate limit and log: what they keep and what they drop."""

from __future__ import annotations

import pytest

from redox_sandbox.redox.journal import MAX_ENTRIES, Journal, Outcome
from redox_sandbox.redox.rate_limit import RateLimit
from redox_sandbox.redox.replays import MAX_SIGHTINGS, SIGHTING_SECONDS, Replays, Sightings
from redox_sandbox.redox.tokens import MEMORY_SECONDS, Kind, Standing, Tokens


def standing(tokens: Tokens, token: str, now: float) -> Standing:
    return tokens.look_up(token, now)[0]


def test_a_token_is_opaque_and_lives_exactly_its_lifetime() -> None:
    tokens = Tokens()

    token = tokens.issue("app", Kind.API_KEY, 300, 0)

    assert len(token) >= 43
    assert standing(tokens, token, 299.9) is Standing.LIVE
    assert standing(tokens, token, 300) is Standing.EXPIRED
    assert standing(tokens, "other", 0) is Standing.UNKNOWN


def test_revoking_kills_only_the_live_tokens_of_one_client() -> None:
    tokens = Tokens()
    old = tokens.issue("app", Kind.API_KEY, 10, 0)
    live = tokens.issue("app", Kind.API_KEY, 300, 0)
    other = tokens.issue("other", Kind.API_KEY, 300, 0)

    assert tokens.revoke("app", 20) == 1
    assert tokens.revoke("app", 20) == 0
    assert standing(tokens, old, 20) is Standing.EXPIRED
    assert standing(tokens, live, 20) is Standing.REVOKED
    assert standing(tokens, other, 20) is Standing.LIVE
    assert tokens.live(20) == 1


def test_dead_tokens_are_forgotten() -> None:
    tokens = Tokens()
    for number in range(1000):
        tokens.issue(f"app-{number % 7}", Kind.API_KEY, 300, number)

    tokens.issue("app", Kind.API_KEY, 300, 999 + 300 + MEMORY_SECONDS)

    assert len(tokens) == 1


def test_a_token_issued_again_lives_anew() -> None:
    tokens = Tokens()
    tokens.issue("app", Kind.API_KEY, 300, 0, "same")
    tokens.issue("other", Kind.API_KEY, 300, 400, "same")

    tokens.issue("app", Kind.API_KEY, 300, 600)

    assert standing(tokens, "same", 600) is Standing.LIVE
    assert tokens.revoke("app", 600) == 1


def test_a_jti_is_used_up_per_issuer_until_its_end() -> None:
    replays = Replays()

    assert replays.spend("app", "j", until=300, now=0)
    assert not replays.spend("app", "j", until=300, now=299)
    assert replays.spend("other", "j", until=300, now=299)
    assert replays.spend("app", "j", until=600, now=300)


def test_used_up_jti_are_forgotten_after_their_end() -> None:
    replays = Replays()
    for number in range(1000):
        replays.spend("app", str(number), until=number + 300, now=number)

    replays.spend("app", "last", until=5000, now=2000)

    assert len(replays) == 1


def test_repeated_jti_are_counted_for_a_quarter_of_an_hour() -> None:
    sightings = Sightings()

    sightings.see("app", "j", 0)
    sightings.see("other", "j", 0)
    sightings.see("app", "j", SIGHTING_SECONDS - 1)
    sightings.see("app", "j", SIGHTING_SECONDS + 1)

    assert sightings.repeated == 1


def test_sightings_do_not_grow_without_bound() -> None:
    sightings = Sightings()
    for number in range(MAX_SIGHTINGS + 1):
        sightings.see("app", str(number), 0)

    sightings.see("app", "0", 0)
    sightings.see("app", "9", 0)

    assert sightings.repeated == 1


def test_the_rate_limit_is_a_rolling_window_per_address() -> None:
    limit = RateLimit(2)

    assert [limit.admit("a", now) for now in (0, 100, 200)] == [True, True, False]
    assert limit.admit("b", 200)
    assert [limit.admit("a", now) for now in (300, 301, 400)] == [True, False, True]


def test_a_rate_limit_of_zero_is_none() -> None:
    limit = RateLimit(0)

    assert all(limit.admit("a", 0) for _ in range(100))


def test_the_log_is_bounded_and_the_totals_count_on() -> None:
    journal = Journal()
    for number in range(MAX_ENTRIES + 5):
        entry = journal.open(0, 0, client_id="app", jti=str(number))
        journal.settle(entry, Outcome.ISSUED, known=True)

    shown = journal.requests()

    assert len(shown["requests"]) == MAX_ENTRIES
    assert shown["requests"][0]["jti"] == "5"
    assert shown["counts"] == {"issued": MAX_ENTRIES + 5}


def test_strangers_are_counted_in_the_totals_only() -> None:
    journal = Journal()
    journal.settle(journal.open(0, 0, client_id="stranger"), Outcome.REFUSED, "who", known=False)

    stats = journal.stats()

    assert stats["clients"] == {}
    assert stats["totals"] == {"refused": 1}


def test_an_outcome_is_settled_once() -> None:
    journal = Journal()
    entry = journal.open(0, 0, client_id="app")

    journal.settle(entry, Outcome.FAULT, "hang", known=True)
    journal.settle(entry, Outcome.ABANDONED, known=True)

    assert journal.stats()["totals"] == {"fault": 1}


@pytest.mark.parametrize("field", ["client_id", "key_id", "jti"])
def test_long_names_are_cut_in_the_log(field: str) -> None:
    journal = Journal()

    journal.open(0, 0, **{field: "x" * 1000})

    assert "x" * 257 not in str(journal.requests())
