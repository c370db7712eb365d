"""One replica works at a time, and another begins soon after it ends, however it ends."""

from __future__ import annotations

import asyncio

import pytest

from redox_operator.domain.errors import Forbidden
from redox_operator.domain.lease import DURATION, RENEW_DEADLINE, Lease, may_take
from tests.support.virtual_time import run
from tests.unit.controllers.leases import FakeLeases, Replica

LEASE = Lease("1", "other", DURATION, 0)


@pytest.mark.parametrize(
    ("lease", "unchanged", "may"),
    [
        pytest.param(None, 0, True, id="there is none"),
        pytest.param(Lease("1", "", 1, 0), 0, True, id="nobody holds it"),
        pytest.param(Lease("1", "me", DURATION, 0), 0, True, id="it is one's own"),
        pytest.param(LEASE, DURATION - 0.1, False, id="another's was renewed not long ago"),
        pytest.param(LEASE, DURATION, True, id="another's was not renewed in its duration"),
    ],
)
def test_a_lease_may_be_taken_when(lease: Lease | None, unchanged: float, may: bool) -> None:
    assert may_take(lease, "me", unchanged) is may


def test_the_first_replica_leads_and_the_second_waits() -> None:
    async def scenario() -> None:
        leases = FakeLeases()
        first = Replica(leases, "first").start()
        await asyncio.sleep(1)
        second = Replica(leases, "second").start()
        await asyncio.sleep(60)
        assert (first.leadership.leads, second.leadership.leads) == (True, False)
        assert (first.told, second.told) == (["start"], [])

    run(scenario())


def test_after_a_kill_the_other_leads_within_twenty_seconds() -> None:
    async def scenario() -> None:
        leases = FakeLeases()
        first = Replica(leases, "first").start()
        await asyncio.sleep(1)
        second = Replica(leases, "second").start()
        await asyncio.sleep(30.5)
        first.kill()
        await asyncio.sleep(DURATION - 3)
        assert not second.leadership.leads
        await asyncio.sleep(20 - (DURATION - 3))
        assert second.leadership.leads

    run(scenario())


def test_after_an_orderly_end_the_other_leads_within_two_seconds() -> None:
    async def scenario() -> None:
        leases = FakeLeases()
        first = Replica(leases, "first").start()
        await asyncio.sleep(1)
        second = Replica(leases, "second").start()
        await asyncio.sleep(30)
        await first.end()
        assert first.told == ["start", "stop"]
        await asyncio.sleep(2.1)
        assert second.leadership.leads

    run(scenario())


@pytest.mark.parametrize("how", ["away", "hangs"])
def test_a_leader_that_cannot_renew_stops_before_another_begins(how: str) -> None:
    async def scenario() -> None:
        leases = FakeLeases()
        replica = Replica(leases, "first").start()
        await asyncio.sleep(10)
        setattr(leases, how, True)
        await asyncio.sleep(RENEW_DEADLINE - 3)
        assert replica.leadership.leads
        await asyncio.sleep(3.1)
        assert not replica.leadership.leads
        setattr(leases, how, False)
        # A request that hangs is cut off after ten seconds at the latest.
        await asyncio.sleep(11)
        assert replica.leadership.leads
        assert replica.told == ["start", "stop", "start"]

    run(scenario())


def test_a_leader_that_stood_still_does_not_lead_when_it_wakes() -> None:
    async def scenario() -> None:
        replica = Replica(FakeLeases(), "first").start()
        await asyncio.sleep(5)
        assert replica.leadership.leads
        replica.clock.suspended += 60
        assert not replica.leadership.leads

    run(scenario())


def test_a_leader_renews_every_two_seconds_without_reading() -> None:
    async def scenario() -> None:
        leases = FakeLeases()
        Replica(leases, "first").start()
        await asyncio.sleep(60)
        assert leases.writes in (29, 30, 31)
        assert leases.reads == 1

    run(scenario())


def test_a_renewal_that_took_effect_without_an_answer_costs_no_leadership() -> None:
    async def scenario() -> None:
        leases = FakeLeases()
        replica = Replica(leases, "first").start()
        await asyncio.sleep(10)
        leases.deaf = True
        await asyncio.sleep(2.5)
        leases.deaf = False
        for _ in range(30):
            await asyncio.sleep(0.5)
            assert replica.leadership.leads
        assert replica.told == ["start"]

    run(scenario())


def test_an_end_in_the_middle_of_a_renewal_gives_the_lease_up_all_the_same() -> None:
    async def scenario() -> None:
        leases = FakeLeases()
        replica = Replica(leases, "first").start()
        await asyncio.sleep(9)
        before, leases.deaf = leases.writes, True
        await asyncio.sleep(2.5)
        assert leases.writes == before + 1
        replica.kill()
        leases.deaf = False
        await replica.leadership.release()
        assert leases.lease is not None
        assert leases.lease.holder == ""

    run(scenario())


def test_an_end_does_not_wait_for_an_api_server_that_hangs() -> None:
    async def scenario() -> None:
        leases = FakeLeases()
        replica = Replica(leases, "first").start()
        await asyncio.sleep(9)
        leases.hangs = True
        begun = asyncio.get_running_loop().time()
        await replica.end()
        assert asyncio.get_running_loop().time() - begun <= 1

    run(scenario())


def test_a_standby_that_ends_leaves_the_lease_alone() -> None:
    async def scenario() -> None:
        leases = FakeLeases()
        first = Replica(leases, "first").start()
        await asyncio.sleep(1)
        second = Replica(leases, "second").start()
        await asyncio.sleep(9)
        await second.end()
        await asyncio.sleep(10)
        assert first.leadership.leads

    run(scenario())


def test_a_gap_that_nobody_filled_is_told_though_it_is_over_at_once() -> None:
    async def scenario() -> None:
        replica = Replica(FakeLeases(), "first").start()
        await asyncio.sleep(5)
        replica.clock.suspended += 12
        await asyncio.sleep(3)
        assert replica.told == ["start", "stop", "start"]

    run(scenario())


def test_a_replica_is_told_when_another_has_led_since_it_did() -> None:
    async def scenario() -> None:
        leases = FakeLeases()
        first = Replica(leases, "first").start()
        await asyncio.sleep(5)
        leases.lease = Lease("x", "second", DURATION, 1)
        await asyncio.sleep(3)
        assert first.told == ["start", "stop", "superseded"]
        leases.lease = Lease("y", "", 1, 1)
        await asyncio.sleep(3)
        assert first.told == ["start", "stop", "superseded", "start"]

    run(scenario())


def test_a_lease_that_was_deleted_is_created_anew() -> None:
    async def scenario() -> None:
        leases = FakeLeases()
        replica = Replica(leases, "first").start()
        await asyncio.sleep(5)
        leases.lease = None
        await asyncio.sleep(5)
        assert replica.leadership.leads
        assert leases.lease is not None
        assert replica.told == ["start", "stop", "superseded", "start"]

    run(scenario())


def test_what_the_api_server_refuses_is_said_until_it_does_not() -> None:
    async def scenario() -> None:
        leases = FakeLeases(away=True, error=Forbidden("403"))
        replica = Replica(leases, "first").start()
        await asyncio.sleep(5)
        assert "see deploy/'s RBAC" in replica.leadership.refused
        leases.away = False
        await asyncio.sleep(3)
        assert replica.leadership.refused == ""
        assert replica.leadership.leads

    run(scenario())


def test_two_replicas_never_lead_at_once_though_the_api_server_comes_and_goes() -> None:
    async def scenario() -> None:
        leases = FakeLeases()
        replicas = [Replica(leases, name).start() for name in ("first", "second", "third")]
        led = 0
        for turn in range(400):
            leases.away = turn % 40 in range(20, 33)
            await asyncio.sleep(0.7)
            leading = sum(replica.leadership.leads for replica in replicas)
            assert leading <= 1
            led += leading
        assert led > 150

    run(scenario())
