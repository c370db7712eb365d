"""What comes late: a status of an earlier process, an answer that a watch has overtaken."""

from __future__ import annotations

import logging

import pytest

from redox_operator.domain.credential import Key
from redox_operator.domain.errors import ClusterError, Conflict
from redox_operator.domain.timestamps import parse_time
from tests.support.fake_cluster import CREDENTIALS
from tests.support.mortal_simulation import MortalSimulation
from tests.support.simulation import EHR, Simulation

PENDING = {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "Pending"}]}


def conflict() -> ClusterError:
    return Conflict("The API server answered 409.", status=409)


def test_a_status_that_somebody_else_wrote_is_put_right_soon(sim: Simulation, ehr: Key) -> None:
    sim.cluster.change(CREDENTIALS, *ehr, {"status": PENDING})
    sim.until(lambda: sim.ready() == "True", within=12)
    assert len(sim.requests) == 1


def test_who_writes_the_status_again_and_again_is_not_answered_as_often(
    sim: Simulation, ehr: Key
) -> None:
    begun = sim.now
    for _ in range(60):
        sim.cluster.change(CREDENTIALS, *ehr, {"status": PENDING})
        sim.advance(0.5)
    assert len(sim.cluster.writes(begun)) <= 4


def test_an_answer_that_a_watch_has_overtaken_is_not_taken_for_the_newest_state() -> None:
    with MortalSimulation() as sim:
        sim.cluster.latency = 1.0
        sim.create()
        # Written after ours and told before our answer comes, half a second later.
        sim.until(lambda: sim.ready() == "True", within=8)
        sim.cluster.change(CREDENTIALS, *EHR, {"status": PENDING})
        sim.until(lambda: sim.ready() == "Unknown", within=1)
        sim.until(lambda: sim.ready() == "True", within=15)


def test_two_processes_with_tokens_that_die_together_do_not_write_over_each_other() -> None:
    with MortalSimulation() as sim:
        sim.redox.delay = 0.5
        sim.create()
        sim.until(lambda: len(sim.requests) == 1, within=2)
        sim.start()
        sim.until(lambda: len(sim.requests) == 2, within=2)
        sim.advance(10)
        begun = sim.now
        sim.advance(60)
        assert sim.cluster.writes(begun) == []


def test_a_target_that_cannot_be_read_is_no_silence_of_the_watch(
    sim: Simulation, ehr: Key, caplog: pytest.LogCaptureFixture
) -> None:
    sim.cluster.fail(verb="get")
    with caplog.at_level(logging.WARNING):
        sim.edit_secret({"metadata": {"labels": {"theirs": "x"}}})
        sim.advance(1200)
    assert "silent" not in caplog.text


def test_what_a_watch_told_stays_told_while_the_target_is_read(
    sim: Simulation, ehr: Key, caplog: pytest.LogCaptureFixture
) -> None:
    sim.cluster.fail(verb="get", delay=9.0)
    with caplog.at_level(logging.WARNING):
        for _ in range(40):
            sim.edit_secret({"metadata": {"labels": {"theirs": f"{sim.now:.0f}"}}})
            sim.advance(31)
    assert "silent" not in caplog.text


def test_tokens_that_die_with_the_stored_one_are_not_asked_for_again_at_once(
    sim: Simulation, ehr: Key
) -> None:
    due = parse_time(sim.status()["nextRefreshTime"])
    assert due is not None
    sim.advance(due - sim.clock.true_time - 0.5)
    sim.redox.lifetime = float(round(sim.expiry() - due))
    sim.cluster.fail(conflict, verb="patch", resource="secrets")
    sim.advance(9)
    assert len(sim.requests) == 2
