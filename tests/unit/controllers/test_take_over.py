"""Several replicas, of which one works: what the others know, and what happens when it ends."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from redox_operator.domain.credential import Key
from tests.support.replicas import Replicas
from tests.unit.controllers.replica_fleet import TAKE_OVER, Fleet, samples, told


@pytest.fixture
def sim() -> Iterator[Replicas]:
    with Replicas() as made:
        yield made


@pytest.fixture
def fleet(sim: Replicas) -> Fleet:
    return Fleet(sim)


def test_one_replica_works_and_the_other_knows_as_much(fleet: Fleet) -> None:
    sim = fleet.sim
    fleet.pass_time(200)
    assert sim.standby.line.writes() == []
    read = {each.resource for each in sim.standby.line.log if each.verb == "get"}
    assert read == {"leases"}
    assert samples(sim.standby) == samples(sim.leader)
    assert (told(sim.leader).leader, told(sim.standby).leader) == (True, False)
    for replica in sim.replicas:
        assert replica.operator.health.readiness() == []
        assert replica.operator.health.liveness() == []


def test_a_standby_knows_of_a_target_that_was_created_edited_and_deleted(sim: Replicas) -> None:
    sim.advance(3)
    sim.redox.hangs = True
    key = sim.create()
    sim.advance(3)
    assert [each.expires_at for each in told(sim.standby).credentials] == [None]
    sim.redox.hangs = False
    sim.until(lambda: sim.ready(key) == "True", within=30)
    sim.advance(1)
    assert [each.expires_at for each in told(sim.standby).credentials] == [sim.expiry(key)]
    sim.leader.freeze()
    sim.delete_secret(key)
    sim.advance(1)
    (standby,) = (each for each in sim.replicas if not each.process.stopped)
    assert [each.expires_at for each in told(standby).credentials] == [None]


def test_a_standby_is_told_by_its_list_what_its_watch_lost(fleet: Fleet) -> None:
    sim = fleet.sim
    sim.cluster.delivery = lambda: ()
    sim.advance(175)
    assert samples(sim.standby) == samples(sim.leader)


def test_after_a_kill_the_standby_works_within_twenty_seconds(fleet: Fleet) -> None:
    sim = fleet.sim
    gone, successor = sim.leader, sim.standby
    for _ in range(3):
        fleet.pass_time(30)
    begun, requests = sim.now, len(sim.requests)
    gone.kill()
    assert sim.until(lambda: successor.leads, within=TAKE_OVER) > 10
    stored = fleet.stored
    fleet.pass_time(300)
    assert len(sim.requests) - requests == fleet.stored - stored
    assert sim.requests[-1].at > begun


def test_a_take_over_requests_and_writes_nothing_before_it_is_due(sim: Replicas) -> None:
    fleet = Fleet(sim, credentials=300)
    gone, successor = sim.leader, sim.standby
    begun = sim.now
    gone.kill()
    fleet.pass_time(60)
    assert successor.leads
    assert sim.redox.between(begun) == []
    assert successor.line.writes() == []
    assert max(told(successor).overdue.values()) == 0


def test_who_takes_over_looks_at_the_most_urgent_first(sim: Replicas) -> None:
    keys = []
    for number in range(8):
        keys.append(sim.create(f"c{number}"))
        sim.advance(3)
    random.shuffle(keys)
    sim.advance(5)
    successor = sim.standby
    sim.leader.kill()
    sim.until(lambda: successor.leads, within=TAKE_OVER)
    sim.advance(2)
    targets = [
        str(each.name).removesuffix("-token")
        for each in successor.line.log
        if each.verb == "get" and str(each.name).endswith("-token")
    ]
    assert targets == sorted(targets, key=lambda name: sim.expiry(Key("clinic", name)))
    assert len(targets) == len(keys)


def test_after_a_stop_the_standby_works_within_three_seconds(fleet: Fleet) -> None:
    sim = fleet.sim
    fleet.pass_time(100)
    gone, successor = sim.leader, sim.standby
    begun = sim.now
    assert gone.stop() == 0
    assert sim.now - begun < 1
    assert sim.until(lambda: successor.leads, within=3) < 3
    fleet.pass_time(300)
    assert gone.line.writes(begun + 1) == []


def test_a_stop_lets_a_write_finish_before_the_lease_is_given_up(sim: Replicas) -> None:
    sim.advance(3)
    sim.cluster.latency = 1.0
    key = sim.create()
    gone = sim.leader
    sim.until_asked("create", "secrets", within=30)
    begun = sim.now
    assert gone.stop() == 0
    assert sim.now - begun < 5
    assert sim.token(key) == "token-1"
    sim.cluster.latency = 0.004
    sim.advance(60)
    assert sim.ready(key) == "True"
    assert len(sim.requests) == 1


def test_a_stop_ends_in_time_though_the_api_server_hangs(fleet: Fleet) -> None:
    sim = fleet.sim
    sim.delete_secret(fleet.keys[0])
    sim.cluster.fail(delay=1000)
    sim.advance(1)
    begun = sim.now
    assert sim.leader.stop() == 0
    assert sim.now - begun <= 5


def test_a_rolling_upgrade_makes_no_refresh_late_and_costs_no_request_but_those_in_flight(
    fleet: Fleet,
) -> None:
    sim = fleet.sim
    fleet.pass_time(85)
    requests, stored, in_flight = len(sim.requests), fleet.stored, 0
    for old in list(sim.replicas):
        new = sim.add()
        sim.until(lambda new=new: new.operator.health.readiness() == [], within=10)
        in_flight += fleet.in_flight(old) if old.leads else 0
        assert old.stop() == 0
        fleet.pass_time(5)
    fleet.pass_time(200)
    assert {replica.name for replica in sim.replicas if replica.runs} == {"replica-3", "replica-4"}
    assert len(sim.requests) - requests <= fleet.stored - stored + in_flight


@pytest.mark.parametrize(
    ("whose", "step"),
    [
        ("leader", -600.0),
        ("leader", -120.0),
        ("leader", 120.0),
        ("leader", 600.0),
        ("standby", -290.0),
        ("standby", -120.0),
        ("standby", 120.0),
        ("standby", 290.0),
    ],
)
def test_a_take_over_between_clocks_that_differ_makes_no_refresh_late(
    fleet: Fleet, whose: str, step: float
) -> None:
    sim = fleet.sim
    getattr(sim, whose).clock.step = step
    fleet.pass_time(130)
    sim.leader.kill()
    fleet.pass_time(300)
    assert len(sim.leaders) == 1


def test_thirty_kills_at_random_moments_cost_at_most_the_requests_in_flight(
    sim: Replicas,
) -> None:
    fleet = Fleet(sim, credentials=60)
    draw = random.Random(4)
    sim.cluster.latency, sim.redox.delay = 0.2, 0.5
    in_flight = 0
    requests, stored = len(sim.requests), fleet.stored
    for _ in range(30):
        fleet.pass_time(draw.randrange(5, 60))
        sim.advance(draw.random())
        in_flight += fleet.in_flight(sim.leader)
        sim.leader.kill()
        sim.add()
        fleet.pass_time(TAKE_OVER)
        assert len(sim.leaders) == 1
    assert in_flight > 5
    assert len(sim.requests) - requests - (fleet.stored - stored) <= in_flight


def test_overdue_work_after_a_take_over_has_a_minute(sim: Replicas) -> None:
    key = sim.create()
    sim.advance(10)
    successor = sim.standby
    sim.keys.delay = 10_000
    sim.advance(200)
    sim.leader.kill()
    sim.until(lambda: successor.leads, within=TAKE_OVER)
    sim.advance(55)
    assert successor.operator.health.liveness() == []
    sim.advance(20)
    assert len(successor.operator.health.liveness()) == 1
    assert sim.exists(key)
