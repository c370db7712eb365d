"""Several replicas, of which one works: what happens when it ends, stands still or is cut off."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from redox_operator.adapters.metrics import Snapshot
from redox_operator.controllers.operator import Options
from redox_operator.domain.credential import Key
from redox_operator.domain.refresh import Margins
from tests.support.cluster_faults import denied
from tests.support.fake_cluster import SECRETS, Object
from tests.support.replicas import Replica, Replicas
from tests.unit.controllers.witness import Witness

MARGINS = Margins()
NEEDED = MARGINS.propagation + MARGINS.safety
"""Seconds that a stored token has left at any moment, for every reader to be safe."""
TAKE_OVER = 20.0


class Fleet:
    """Two replicas with credentials on schedule, and a look at each second that passes."""

    def __init__(self, sim: Replicas, credentials: int = 20) -> None:
        self.sim, self.witness = sim, Witness(sim)
        self.keys = [sim.create(f"c{number}") for number in range(credentials)]
        sim.until(lambda: all(sim.ready(key) == "True" for key in self.keys), within=60, every=1)
        self.stored = 0
        """Tokens that were stored, by the changes of the targets."""
        judge = sim.cluster.before_change
        sim.cluster.before_change = lambda *change: (judge(*change), self._count(*change))[0]

    def pass_time(self, seconds: float) -> None:
        """Let time pass; never does a stored token come near its end, or its expiry go back."""
        for _ in range(round(seconds)):
            self.sim.advance(1)
            assert len(self.sim.leaders) <= 1
            assert min(map(self.left, self.keys)) >= NEEDED
            assert self.witness.violations == []

    def left(self, key: Key) -> float:
        """Seconds that the stored token has left, in truth."""
        return self.sim.redox.dies_at[str(self.sim.token(key))] - self.sim.clock.true_time

    def in_flight(self, leader: Replica) -> int:
        """Credentials whose token was requested and is not stored."""
        overview = leader.operator.overview
        asking = {
            key
            for key in self.keys
            for queue in overview.observer.endpoints
            if queue.is_asking(key)
        }
        held = {
            record.key
            for record in overview.records
            if record.token is not None and record.token.value != self.sim.token(record.key)
        }
        return len(asking | held)

    def _count(self, resource: str, before: Object | None, after: Object | None) -> None:
        if resource == SECRETS and before is not None and after is not None:
            self.stored += before["data"]["access_token"] != after["data"]["access_token"]


@pytest.fixture
def sim() -> Iterator[Replicas]:
    with Replicas() as made:
        yield made


@pytest.fixture
def fleet(sim: Replicas) -> Fleet:
    return Fleet(sim)


def told(replica: Replica) -> Snapshot:
    return replica.operator.overview.snapshot()


def samples(replica: Replica) -> list[object]:
    return sorted(told(replica).credentials, key=lambda sample: sample.name)


def times(replica: Replica) -> list[tuple[float, float]]:
    """Of each credential, to the second: status knows no fractions."""
    return sorted(
        (each.expires_at or 0, int(each.next_refresh or 0)) for each in told(replica).credentials
    )


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
