from __future__ import annotations

import asyncio

import pytest

from redox_operator.controllers.operator import Options
from redox_operator.domain.credential import Key
from tests.support.fake_token_endpoint import limited, rejected, unavailable
from tests.support.simulation import Simulation


def live(sim: Simulation) -> list[str]:
    return sim.loop.run_until_complete(_live(sim))


async def _live(sim: Simulation) -> list[str]:
    return sim.operator.health.liveness()


def lost(sim: Simulation) -> None:
    """Let the workqueue forget what it was to do, as a defect would."""
    for record in sim.operator.overview.records:
        sim.operator._workqueue.discard(record.key)


def test_a_process_is_ready_when_its_first_list_is_complete_and_its_watch_runs(
    sim: Simulation,
) -> None:
    assert sim.operator.health.readiness() == [
        "the first list is not complete",
        "not every watch runs",
    ]
    sim.advance(1)
    assert sim.operator.health.readiness() == []


def test_a_process_whose_watch_ended_is_not_ready(sim: Simulation, ehr: Key) -> None:
    sim.operator._watch.restart()
    sim.advance(0.5)
    assert sim.operator.health.readiness() == ["not every watch runs"]
    sim.advance(5)
    assert sim.operator.health.readiness() == []


@pytest.mark.parametrize(
    "trouble",
    [
        "none",
        "endpoint away",
        "endpoint limited",
        "endpoint hangs",
        "client rejected",
        "API server away",
        "API server slow",
        "secrets away",
        "no key",
        "broken key",
        "clock set forward",
        "clock set back",
        "suspended credential",
        "unknown endpoint",
        "too many credentials",
    ],
)
def test_no_trouble_of_others_makes_the_process_unhealthy(
    sim: Simulation, ehr: Key, trouble: str
) -> None:
    match trouble:
        case "endpoint away":
            sim.redox.refuse = unavailable
        case "endpoint limited":
            sim.redox.refuse = limited()
        case "endpoint hangs":
            sim.redox.hangs = True
        case "client rejected":
            sim.redox.refuse = rejected
        case "API server away":
            sim.cluster.fail()
        case "API server slow":
            sim.cluster.latency = 9.0
        case "secrets away":
            sim.cluster.fail(resource="secrets")
        case "no key":
            sim.delete_key()
        case "broken key":
            sim.write_key("broken")
        case "clock set forward":
            sim.clock.step = 600
        case "clock set back":
            sim.clock.step = -600
        case "suspended credential":
            sim.edit(suspend=True)
        case "unknown endpoint":
            sim.edit(endpoint="Mars")
        case "too many credentials":
            (queue, *_) = sim.operator._endpoints
            queue.hold(290, halve=True)
    for _ in range(60):
        sim.advance(10)
        assert live(sim) == []


def test_a_refresh_that_the_process_forgot_is_its_fault_after_a_minute(
    sim: Simulation, ehr: Key
) -> None:
    sim.advance(20)
    lost(sim)
    sim.advance(130)
    assert live(sim) == []
    sim.advance(30)
    assert [fault.partition(" by ")[0] for fault in live(sim)] == ["a refresh is overdue"]


def test_work_that_was_overdue_at_the_start_has_a_minute(sim: Simulation, ehr: Key) -> None:
    sim.kill()
    sim.advance(1000)
    sim.start()
    sim.keys.delay = 1000
    sim.advance(55)
    assert live(sim) == []
    sim.advance(10)
    assert len(live(sim)) == 1


def test_after_a_gap_the_process_has_a_minute(sim: Simulation, ehr: Key) -> None:
    sim.advance(20)
    lost(sim)
    sim.advance(200)
    assert live(sim) != []
    sim.loop.jump(30)
    sim.advance(2)
    assert live(sim) == []
    assert sim.ready() == "True"


def test_one_credential_that_crashes_each_time_is_no_reason_to_restart(
    sim: Simulation, ehr: Key
) -> None:
    plain = sim.operator._reconciler.observer

    class Broken:
        def __getattr__(self, name: str) -> object:
            if name == "observe":
                raise ValueError(name)
            return getattr(plain, name)

    sim.operator._reconciler.observer = Broken()  # type: ignore[assignment]
    sim.advance(400)
    assert live(sim) == []
    assert sim.operator.overview.snapshot().overdue["process"] == 1


def test_a_run_that_does_not_end_is_the_processs_fault(sim: Simulation, ehr: Key) -> None:
    class Hanging:
        async def read(self, *_: object) -> None:
            await asyncio.sleep(10_000)

    sim.operator._reconciler.writer = Hanging()  # type: ignore[assignment]
    sim.edit_secret({"data": {"access_token": "eA=="}})
    sim.advance(55)
    assert live(sim) == []
    sim.advance(10)
    assert any("has waited for" in fault for fault in live(sim))


def test_a_workqueue_that_stands_still_is_the_processs_fault(sim: Simulation, ehr: Key) -> None:
    sim.advance(100)
    sim.operator._workqueue.turned_at = sim.now - 61
    assert live(sim) == ["the workqueue stands still"]


def test_a_watch_that_is_dead_for_a_minute_is_the_processs_fault(sim: Simulation, ehr: Key) -> None:
    sim.advance(100)
    sim.operator._watch.set_alive(False, sim.now)
    sim.advance(55)
    assert live(sim) == []
    sim.advance(10)
    assert [fault.partition(" for ")[0] for fault in live(sim)] == ["a watch has been dead"]


def test_a_watch_that_is_dead_because_the_api_server_is_away_is_not(
    sim: Simulation, ehr: Key
) -> None:
    sim.advance(100)
    sim.cluster.fail()
    sim.operator._watch.set_alive(False, sim.now)
    sim.advance(300)
    assert live(sim) == []


def test_a_task_that_ended_is_the_processs_fault(sim: Simulation, ehr: Key) -> None:
    sim.operator._supervisor._tasks["events"].cancel()
    sim.loop.run_until_complete(_live(sim))
    assert "events ended" in live(sim)


def test_without_a_definition_the_process_is_not_ready_but_alive() -> None:
    with Simulation(Options()) as sim:
        sim.cluster.fail(verb="list")
        sim.advance(300)
        assert live(sim) == []
        assert len(sim.operator.health.readiness()) == 2


def looks(sim: Simulation, seconds: int) -> list[str]:
    faults = []
    for _ in range(seconds):
        sim.advance(1)
        faults += live(sim)
    return faults


def test_what_was_suspended_is_late_from_when_it_is_resumed(sim: Simulation, ehr: Key) -> None:
    sim.edit(ehr, suspend=True)
    sim.advance(230)
    sim.cluster.latency = 4.0
    sim.edit(ehr, suspend=False)
    assert looks(sim, 40) == []
    assert len(sim.requests) == 2


def test_what_was_refused_is_late_from_when_it_is_served(sim: Simulation, ehr: Key) -> None:
    sim.edit(ehr, endpoint="Mars")
    sim.advance(230)
    sim.cluster.latency = 4.0
    sim.edit(ehr, endpoint="US")
    assert looks(sim, 40) == []
    assert len(sim.requests) == 2


def test_a_token_that_is_read_by_a_clock_that_was_set_is_not_late_before(
    sim: Simulation, ehr: Key
) -> None:
    sim.advance(70)
    sim.cluster.latency = 3.0
    sim.clock.step = 600
    sim.edit_secret({"metadata": {"labels": {"theirs": "x"}}})
    assert looks(sim, 40) == []
