"""A token endpoint that is away: what the promise allows for, and what goes far beyond."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from redox_operator.domain.breaker import Cause
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import US
from tests.support.fake_token_endpoint import Away, TokenRequest, rejected
from tests.support.simulation import Simulation

BUDGET = 75.0
MOUNTED = 102.0
"""P + S: what a stored token must outlive every moment by."""


def crowd(sim: Simulation, count: int, namespaces: int = 1) -> list[Key]:
    """Credentials that are on schedule, each with a client ID of its own."""
    keys = [
        sim.create(f"c{number}", f"n{number % namespaces}", clientId=f"c{number}")
        for number in range(count)
    ]
    sim.advance(250)
    assert all(sim.ready(key) == "True" for key in keys)
    return keys


def advance_to_a_refresh(sim: Simulation, number: int = 0, before: float = 0.01) -> None:
    """Until a moment before the next refreshes' so-manieth starts."""
    samples = sim.operator.overview.snapshot().credentials
    starts = sorted(each.next_refresh for each in samples if each.next_refresh is not None)
    sim.advance(starts[number] - before - sim.clock.true_time)


def held_by(sim: Simulation) -> frozenset[Cause]:
    queue = sim.operator._endpoints.get("US")
    assert queue is not None
    return queue.held_by


def within_rate(requests: list[TokenRequest]) -> bool:
    """Whether no stretch of time had more requests than the bucket allows."""
    times = [request.at for request in requests]
    return all(
        later - begun + 1 <= US.burst + US.requests_per_second * (times[later] - times[begun]) + 1
        for begun in range(len(times))
        for later in range(begun, len(times), 3)
    )


@pytest.mark.parametrize("way", [pytest.param(way, id=way.value) for way in Away])
@pytest.mark.parametrize(
    ("count", "namespaces"),
    [
        pytest.param(1, 1, id="of a single credential"),
        pytest.param(3, 1, id="of three"),
        pytest.param(40, 4, id="of forty in four namespaces"),
    ],
)
def test_an_outage_of_a_minute_from_the_worst_moment_is_bridged_for_every_refresh(
    sim: Simulation, way: Away, count: int, namespaces: int
) -> None:
    keys = crowd(sim, count, namespaces)
    advance_to_a_refresh(sim)
    sim.metrics.latenesses.clear()
    sim.redox.away = way
    sim.advance(60)
    sim.redox.away = None
    sim.advance(20)
    assert 50 < max(sim.metrics.latenesses) < BUDGET - 4
    remaining = [sim.expiry(key) - sim.clock.true_time for key in keys]
    assert min(remaining) > MOUNTED


@pytest.mark.parametrize("number", range(3))
def test_the_outage_may_begin_at_the_refresh_of_any_of_them(sim: Simulation, number: int) -> None:
    crowd(sim, 3)
    advance_to_a_refresh(sim, number, before=4.0)
    sim.metrics.latenesses.clear()
    sim.redox.away = Away.HANGING
    sim.advance(60)
    sim.redox.away = None
    sim.advance(20)
    assert max(sim.metrics.latenesses) < BUDGET - 4


@pytest.mark.parametrize(
    ("way", "count"),
    [
        pytest.param(way, 500 if way is Away.HANGING else 150, id=way.value)
        for way in Away
        # Each way holds with 500; all of them together take half a minute.
    ],
)
def test_an_endpoint_that_was_away_for_ten_minutes_has_all_tokens_renewed_at_the_rate(
    sim: Simulation, way: Away, count: int
) -> None:
    keys = crowd(sim, count, namespaces=5)
    expiries = {str(key.name): sim.expiry(key) for key in keys}
    sim.redox.away = way
    begun = sim.now
    opened = sim.until(lambda: Cause.BREAKER in held_by(sim), within=40, every=1) + begun
    sim.advance(begun + 600 - sim.now)

    probes = [request.at for request in sim.redox.between(opened)]
    assert 50 <= len(probes) <= 60
    assert min(later - earlier for earlier, later in pairwise(probes)) >= 10 - 1e-6
    assert held_by(sim) == {Cause.BREAKER}
    assert not any(sim.redox.is_live(str(sim.token(key))) for key in keys)

    returned = sim.now
    sim.redox.away = None
    sim.until(lambda: not held_by(sim), within=10.5)
    served = sim.until(
        lambda: all(sim.redox.is_live(str(sim.token(key))) for key in keys), within=60, every=0.5
    )
    assert served < (count - US.burst) / US.requests_per_second + 3

    after = sim.redox.between(returned)
    assert len(after) == count
    assert len({request.jti for request in sim.requests}) == len(sim.requests)
    assert within_rate(after)
    # Who probed last has a request under way, which another one joins.
    probing = {each.client_id for each in sim.redox.between(returned - 15, returned)}
    for namespace in range(5):
        in_order = [
            expiries[each.client_id]
            for each in after[1:]
            if int(each.client_id[1:]) % 5 == namespace and each.client_id not in probing
        ]
        assert in_order == sorted(in_order)


@pytest.mark.parametrize("outage", [600, 613, 627])
def test_after_a_long_outage_the_next_probe_finds_the_endpoint_and_all_follow(
    sim: Simulation, outage: float
) -> None:
    keys = crowd(sim, 4)
    sim.redox.away = Away.UNAVAILABLE
    sim.advance(outage)
    sim.redox.away = None
    sim.until(lambda: all(sim.ready(key) == "True" for key in keys), within=10.5)


def test_all_is_told_of_an_endpoint_that_is_away(sim: Simulation) -> None:
    keys = crowd(sim, 20)
    sim.redox.away = Away.HANGING
    sim.advance(400)
    assert {sim.healthy(key) for key in keys} == {("False", "EndpointUnavailable")}
    assert {sim.condition("Ready", key) for key in keys} == {("False", "TokenExpired")}
    us = next(iter(sim.operator.overview.snapshot().endpoints))
    assert us.held_by == {"breaker"}
    assert us.queue_depths["first"] >= 18
    assert us.queue_depths["refresh"] == 0
    assert sim.operator.overview.snapshot().overdue["endpoint"] == 20
    sim.redox.away = None
    sim.advance(30)
    assert {sim.healthy(key) for key in keys} == {("True", "TokenIssued")}
    assert next(iter(sim.operator.overview.snapshot().endpoints)).held_by == set()


def test_a_429_during_an_outage_shows_beside_it_and_both_end_with_a_good_answer(
    sim: Simulation,
) -> None:
    crowd(sim, 20)
    sim.redox.away = Away.REFUSED
    sim.until(lambda: Cause.BREAKER in held_by(sim), within=40)
    queue = sim.operator._endpoints.get("US")
    assert queue is not None
    queue.hold(30, halve=True)
    assert held_by(sim) == {Cause.BREAKER, Cause.RATE}
    sim.redox.away = None
    begun = sim.now
    sim.advance(29)
    assert sim.redox.between(begun) == []
    sim.advance(5)
    assert held_by(sim) == frozenset()


def test_an_endpoint_that_moves_is_asked_at_once(sim: Simulation) -> None:
    keys = crowd(sim, 20)
    sim.redox.away = Away.REFUSED
    sim.advance(400)
    sim.redox.away = None
    moved = replace(US, token_url="https://new.example/t", audience="https://new.example/t")
    sim.file.change(moved)
    sim.until(lambda: all(sim.ready(key) == "True" for key in keys), within=12)


def test_whom_another_server_rejected_is_served_at_the_whole_rate_by_the_right_one(
    sim: Simulation,
) -> None:
    sim.redox.refuse = lambda request: rejected() if request.url == US.token_url else None
    keys = [sim.create(f"c{number}", clientId=f"c{number}") for number in range(60)]
    sim.advance(150)
    moved = replace(US, token_url="https://new.example/t", audience="https://new.example/t")
    sim.file.change(moved)
    sim.until(lambda: all(sim.ready(key) == "True" for key in keys), within=12)


def test_credentials_that_fail_for_their_own_sake_hold_up_no_probe_of_others(
    sim: Simulation,
) -> None:
    bad = [sim.create(f"b{number}", "bad", clientId="bad") for number in range(30)]
    sim.advance(60)
    good = [sim.create(f"g{number}", "good", clientId="good") for number in range(10)]
    sim.advance(100)
    assert all(sim.ready(key) == "True" for key in (*bad, *good))
    sim.redox.hanging_clients = {"bad"}
    sim.metrics.latenesses.clear()
    sim.advance(600)
    assert all(sim.healthy(key) == ("True", "TokenIssued") for key in good)
    assert len(sim.metrics.latenesses) >= 40
    assert max(sim.metrics.latenesses) < 12


def test_a_machine_that_was_suspended_catches_up_without_a_herd(sim: Simulation) -> None:
    keys = crowd(sim, 300, namespaces=3)
    sim.clock.suspended += 600
    begun = sim.now
    sim.until(
        lambda: all(sim.redox.is_live(str(sim.token(key))) for key in keys), within=45, every=0.5
    )
    sim.advance(20)
    assert within_rate(sim.redox.between(begun))
    assert len(sim.redox.between(begun)) == 300


def test_a_process_that_stood_still_catches_up_without_a_herd(sim: Simulation) -> None:
    keys = crowd(sim, 300, namespaces=3)
    sim.loop.jump(150)
    begun = sim.now
    sim.advance(40)
    assert all(sim.redox.is_live(str(sim.token(key))) for key in keys)
    assert within_rate(sim.redox.between(begun))


@pytest.mark.parametrize("seconds", [20.0, 60.0])
def test_requests_that_were_lost_while_the_process_stood_still_count_against_nobody(
    sim: Simulation, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    sim.redox.hangs = True
    keys = [sim.create(f"c{number}", f"n{number % 2}") for number in range(8)]
    sim.advance(2)
    assert len(sim.requests) == len(keys)
    sim.redox.hangs, sim.redox.delay = False, 1.0
    sim.loop.jump(seconds)
    sim.advance(0.5)
    queue = sim.operator._endpoints.get("US")
    assert queue is not None
    assert (queue.trouble, queue.held_by) == (None, frozenset())
    sim.advance(3)
    assert all(sim.ready(key) == "True" for key in keys)
    assert all(reason == "TokenIssued" for key in keys for reason in sim.events.reasons(key))
    assert "no token" not in caplog.text
    assert "unexpectedly" not in caplog.text
