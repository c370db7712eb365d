"""Several replicas, of which one works: what happens when it stands still or is cut off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from redox_operator.controllers.operator import Options
from tests.support.cluster_faults import denied
from tests.support.replicas import Replicas
from tests.unit.controllers.replica_fleet import TAKE_OVER, Fleet, samples, times, told


@pytest.fixture
def sim() -> Iterator[Replicas]:
    with Replicas() as made:
        yield made


@pytest.fixture
def fleet(sim: Replicas) -> Fleet:
    return Fleet(sim)


def test_a_leader_that_stood_still_does_nothing_when_it_wakes(fleet: Fleet) -> None:
    sim = fleet.sim
    fleet.pass_time(95)
    frozen, successor = sim.leader, sim.standby
    frozen.freeze()
    fleet.pass_time(60)
    assert successor.leads
    thawed_at = sim.now
    frozen.thaw()
    fleet.pass_time(300)
    assert successor.leads
    assert frozen.line.writes(thawed_at) == []
    assert samples(frozen) == samples(successor)
    assert frozen.operator.health.liveness() == []


@pytest.mark.parametrize("verb", ["get", "patch"])
def test_a_leader_that_stood_still_within_a_repair_writes_nothing_more_when_it_wakes(
    fleet: Fleet, verb: str
) -> None:
    sim, key = fleet.sim, fleet.keys[0]
    frozen, successor = sim.leader, sim.standby
    sim.cluster.latency = 1.0
    sim.edit_secret({"data": {"access_token": "eA=="}}, key)
    sim.until_asked(verb, "secrets")
    frozen.freeze()
    sim.cluster.latency = 0.004
    sim.advance(60)
    assert successor.leads
    assert sim.token(key) != "x"
    thawed_at = sim.now
    frozen.thaw()
    fleet.pass_time(60)
    assert frozen.line.writes(thawed_at) == []


def test_a_lone_replica_that_stood_still_works_on_when_it_wakes() -> None:
    with Replicas(count=1) as sim:
        fleet = Fleet(sim)
        fleet.pass_time(60)
        sim.leader.freeze()
        sim.advance(25)
        sim.replicas[0].thaw()
        sim.edit_secret({"data": {"access_token": "eA=="}}, fleet.keys[0])
        sim.advance(5)
        assert sim.token(fleet.keys[0]) != "x"
        requests, stored = len(sim.requests), fleet.stored
        fleet.pass_time(200)
        assert len(sim.requests) - requests == fleet.stored - stored


def test_a_replica_that_led_before_believes_what_is_stored_and_not_what_it_remembers(
    fleet: Fleet,
) -> None:
    sim, key = fleet.sim, fleet.keys[0]
    first, second, before = sim.leader, sim.standby, sim.token(key)
    sim.redox.rejected_clients.add("client-2")
    sim.edit(key, clientId="client-2")
    sim.advance(80)
    assert sim.healthy(key) == ("False", "ClientRejected")
    first.freeze()
    sim.redox.rejected_clients.clear()
    sim.until(lambda: second.leads, within=TAKE_OVER)
    sim.until(lambda: sim.token(key) != before, within=5)
    token = sim.token(key)
    first.thaw()
    sim.advance(5)
    second.stop()
    begun = sim.now
    sim.until(lambda: first.leads, within=3)
    sim.advance(10)
    assert sim.token(key) == token
    assert sim.healthy(key) == ("True", "TokenIssued")
    assert [each for each in first.line.writes(begun) if str(each.name).startswith("c0")] == []


def test_a_leader_that_is_cut_off_stops_and_another_works(fleet: Fleet) -> None:
    sim = fleet.sim
    fleet.pass_time(90)
    alone, successor = sim.leader, sim.standby
    alone.cut_off()
    fleet.pass_time(12)
    assert not alone.leads
    fleet.pass_time(18)
    assert successor.leads
    alone.reconnect()
    fleet.pass_time(300)
    assert successor.leads
    assert samples(alone) == samples(successor)
    assert alone.operator.health.readiness() == []


def test_while_the_api_server_is_away_for_all_the_held_token_is_kept_for_its_return(
    sim: Replicas,
) -> None:
    sim.advance(3)
    leader = sim.leader
    sim.redox.delay = 2.0
    key = sim.create()
    sim.until(lambda: len(sim.requests) == 1, within=5)
    sim.cluster.fail()
    sim.advance(14)
    assert sim.leaders == []
    sim.cluster.heal()
    sim.until(lambda: sim.ready(key) == "True", within=20)
    assert len(sim.requests) == 1 + (sim.leader is not leader)


@pytest.mark.parametrize("seconds", [20, 40, 60])
def test_no_refresh_is_late_though_the_api_server_is_away_for_all(
    fleet: Fleet, seconds: int
) -> None:
    sim = fleet.sim
    first_due = min(each.next_refresh or 0.0 for each in told(sim.leader).credentials)
    fleet.pass_time(first_due - sim.clock.true_time)
    sim.cluster.fail()
    fleet.pass_time(seconds)
    sim.cluster.heal()
    fleet.pass_time(200)
    assert len(sim.leaders) == 1


def test_without_a_right_on_the_lease_every_replica_says_so_and_stays_alive(sim: Replicas) -> None:
    sim.cluster.fail(denied, resource="leases")
    sim.advance(200)
    for replica in sim.replicas:
        (fault,) = replica.operator.health.readiness()
        assert "the Lease may not be read or written" in fault
        assert replica.operator.health.liveness() == []
    sim.cluster.heal()
    sim.advance(3)
    assert sim.leader.operator.health.readiness() == []


def test_replicas_that_watch_no_targets_take_over_as_well() -> None:
    with Replicas(options=Options(watch_secrets=False)) as sim:
        fleet = Fleet(sim)
        frozen, successor = sim.leader, sim.standby
        assert times(successor) == times(frozen)
        frozen.freeze()
        begun = sim.now
        fleet.pass_time(60)
        assert sim.redox.between(begun) == []
        frozen.thaw()
        fleet.pass_time(200)
        assert times(frozen) == times(successor)
        assert all(each.ready for each in told(frozen).credentials)
