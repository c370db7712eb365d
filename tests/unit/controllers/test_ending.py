"""How a process ends: soon, and without beginning anything."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from redox_operator.controllers.operator import STATUS_TIMEOUT, STOP_TIMEOUT
from tests.support.replicas import LEASE_NAME, LEASE_NAMESPACE, LEASES, Replica, Replicas
from tests.support.simulation import EHR


def holder(sim: Replicas) -> str:
    lease = sim.cluster.get(LEASES, LEASE_NAMESPACE, LEASE_NAME)
    assert lease is not None
    return str(lease["spec"]["holderIdentity"])


def ends_slowly(replica: Replica, name: str, seconds: float) -> None:
    """Let one of the tasks take its time when it is cancelled, as a thread does."""

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(seconds)

    supervisor = replica.operator._supervisor
    supervisor._tasks[name] = replica._sim.loop.create_task(slow())


def test_the_watches_end_while_the_last_writes_do() -> None:
    with Replicas() as sim:
        sim.create()
        sim.until(lambda: sim.ready(EHR) == "True", within=20)
        leader = sim.leader
        ends_slowly(leader, "watch", 1.0)
        sim.advance(1)
        sim.cluster.fail(delay=1000)
        sim.edit_secret({"data": {"access_token": "eA=="}})
        sim.advance(1)
        begun = sim.now
        assert leader.stop() == 0
        # Beside these, only the Lease is given up: a second at most.
        assert sim.now - begun <= STOP_TIMEOUT + STATUS_TIMEOUT + 1 + 0.1


def test_a_standby_that_ends_takes_no_lease_while_it_waits_for_its_last_answers() -> None:
    with Replicas() as sim:
        sim.create()
        sim.until(lambda: sim.ready(EHR) == "True", within=20)
        leader, standby = sim.leader, sim.standby
        ends_slowly(standby, "endpoint queues", 8.0)
        sim.advance(1)
        standby.stop_asked.set()
        sim.advance(0.1)
        assert leader.stop() == 0
        for _ in range(300):
            sim.advance(0.05)
            assert holder(sim) == ""
        assert standby.task.done()


def lose_the_lease(replica: Replica) -> None:
    assert replica.operator._leadership is not None
    replica.operator._leadership._leads_until = float("-inf")


def test_what_a_former_leader_may_not_write_any_more_is_no_failed_write(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Replicas() as sim:
        sim.create()
        sim.until(lambda: sim.ready(EHR) == "True", within=20)
        leader, lost = sim.leader, list[float]()
        before = leader.metrics.secret_writes.copy()
        writer: Any = leader.operator._reconciler.writer

        async def read(*what: Any) -> None:
            await writer.read(*what)
            lose_the_lease(leader)
            lost.append(sim.now)

        leader.operator._reconciler.writer = Replaced(writer, read=read)  # type: ignore[assignment]
        caplog.clear()
        sim.edit_secret({"data": {"access_token": "eA=="}})
        sim.until(lambda: bool(lost), within=5)
        sim.advance(0.1)
        assert leader.metrics.secret_writes == before
        assert warnings(caplog) == []
        (record,) = leader.operator.overview.records
        assert record.write_failure is None


def test_a_status_that_a_former_leader_may_not_write_any_more_is_no_failed_write(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Replicas() as sim:
        sim.create()
        sim.until(lambda: sim.ready(EHR) == "True", within=20)
        leader, lost = sim.leader, list[float]()
        reporter: Any = leader.operator._reconciler.reporter

        def report(*what: Any) -> float | None:
            retry: float | None = reporter.report(*what)
            if not lost:
                lose_the_lease(leader)
                lost.append(sim.now)
            return retry

        leader.operator._reconciler.reporter = Replaced(reporter, report=report)  # type: ignore[assignment]
        caplog.clear()
        sim.edit(suspend=True)
        sim.until(lambda: bool(lost), within=5)
        sim.advance(0.1)
        assert warnings(caplog) == []
        sim.until(lambda: sim.condition("Ready") == ("True", "Suspended"), within=30)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


class Replaced:
    """An object of which some methods are others."""

    def __init__(self, original: object, **methods: Any) -> None:
        self._original, self._methods = original, methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._original, name)
