"""The Lease of an API server that is slow, or that another writes as it likes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from redox_operator.domain.lease import DURATION, Lease, may_take
from tests.support.virtual_time import run
from tests.unit.controllers.leases import FakeLeases, Replica


@dataclass
class SlowLeases(FakeLeases):
    """Each answer takes a while."""

    seconds: float = 0.01

    async def _answer(self) -> None:
        await asyncio.sleep(self.seconds)


@pytest.mark.parametrize("seconds", [3.5, 4.9])
def test_a_leader_keeps_the_lease_though_each_request_takes_up_to_five_seconds(
    seconds: float,
) -> None:
    async def scenario() -> None:
        leases = SlowLeases(seconds=seconds)
        replica = Replica(leases, "first").start()
        await asyncio.sleep(60)
        for _ in range(300):
            await asyncio.sleep(0.7)
            assert replica.leadership.leads
        assert replica.told == ["start"]

    run(scenario())


def test_there_is_a_leader_now_and_then_though_each_request_takes_eight_seconds() -> None:
    async def scenario() -> None:
        leases = SlowLeases(seconds=8.0)
        replicas = [Replica(leases, name).start() for name in ("first", "second")]
        led = 0
        for _ in range(1000):
            await asyncio.sleep(0.3)
            leading = [replica.leadership.leads for replica in replicas]
            assert sum(leading) <= 1
            led += sum(leading)
        assert led > 100

    run(scenario())


def test_an_api_server_that_grows_slow_costs_leadership_once_at_most() -> None:
    async def scenario() -> None:
        leases = SlowLeases()
        replica = Replica(leases, "first").start()
        await asyncio.sleep(20)
        leases.seconds = 4.5
        await asyncio.sleep(300)
        assert replica.leadership.leads
        assert replica.told in (["start"], ["start", "stop", "start"])

    run(scenario())


def test_one_renewal_that_hangs_costs_no_leadership() -> None:
    async def scenario() -> None:
        leases = SlowLeases()
        replica = Replica(leases, "first").start()
        await asyncio.sleep(20)
        leases.seconds = 3600
        await asyncio.sleep(2.5)
        leases.seconds = 0.01
        await asyncio.sleep(30)
        assert replica.told == ["start"]

    run(scenario())


def test_a_lease_that_names_a_duration_without_end_is_taken_all_the_same() -> None:
    forever = Lease("1", "somebody", 10**9, 0)
    assert not may_take(forever, "me", DURATION - 0.1)
    assert may_take(forever, "me", DURATION)
