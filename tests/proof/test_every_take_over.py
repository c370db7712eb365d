"""Two replicas, of which the leader ends, freezes or is told to stop before each of its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from redox_operator.domain.refresh import Margins
from redox_operator.domain.timestamps import parse_time
from tests.proof.profiles import IS_LONG
from tests.proof.scenarios import LASTS, assert_well
from tests.proof.witness import Witness
from tests.support.replicas import Replica, Replicas

TAKE_OVER = 20.0
STRIDE = 1 if IS_LONG else 2
"""One of so many steps is tried: the long proof tries all."""


def leading(sim: Replicas) -> Replica:
    """The leader, as soon as there is one."""
    sim.until(lambda: bool(sim.leaders), within=TAKE_OVER, every=0.5)
    return sim.leader


def at_a_first_issue(sim: Replicas) -> Replica:
    leader = leading(sim)
    leader.process.steps = 0
    sim.create()
    return leader


def at_a_refresh(sim: Replicas) -> Replica:
    sim.create()
    sim.until(lambda: sim.ready() == "True", within=TAKE_OVER, every=0.5)
    due = parse_time(sim.status()["nextRefreshTime"])
    assert due is not None
    sim.advance(due - sim.clock.true_time - 0.2)
    leader = leading(sim)
    leader.process.steps = 0
    return leader


def at_an_election(sim: Replicas) -> Replica:
    sim.create()
    leader = sim.replicas[0]
    leader.process.steps = 0
    return leader


@contextmanager
def two_replicas(prepare: Callable[[Replicas], Replica]) -> Iterator[tuple[Replicas, Replica]]:
    with Replicas() as sim:
        witness = Witness(sim)
        leader = prepare(sim)
        yield sim, leader
        assert witness.violations == []
        assert_well(sim)
        assert left(sim) >= Margins().mounted


def left(sim: Replicas) -> float:
    return sim.redox.dies_at[str(sim.token())] - sim.clock.true_time


def steps_of(prepare: Callable[[Replicas], Replica]) -> range:
    with two_replicas(prepare) as (sim, leader):
        sim.advance(2 * LASTS)
        return range(0, leader.process.steps, STRIDE)


@contextmanager
def before_step(
    prepare: Callable[[Replicas], Replica], step: int
) -> Iterator[tuple[Replicas, Replica, int]]:
    """Two replicas, the leader before one of its steps, and how many requests were sent so far."""
    with two_replicas(prepare) as (sim, leader):
        before = len(sim.requests)
        assert sim.loop.run_to(leader.process, step, within=20)
        yield sim, leader, before


each_moment = pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(at_a_first_issue, id="first issue"),
        pytest.param(at_a_refresh, id="refresh"),
        pytest.param(at_an_election, id="election"),
    ],
)


@each_moment
def test_when_the_leader_is_killed_before_any_step_the_other_takes_over(
    prepare: Callable[[Replicas], Replica],
) -> None:
    for step in steps_of(prepare):
        with before_step(prepare, step) as (sim, leader, before):
            leader.kill()
            sim.advance(TAKE_OVER)
            assert len(sim.leaders) == 1, f"killed before step {step}"
            sim.advance(LASTS)
            assert len(sim.requests) - before <= 2


@each_moment
def test_a_leader_that_freezes_before_any_step_does_no_harm_when_it_goes_on(
    prepare: Callable[[Replicas], Replica],
) -> None:
    for step in steps_of(prepare):
        with before_step(prepare, step) as (sim, leader, before):
            leader.freeze()
            sim.advance(TAKE_OVER + LASTS)
            assert len(sim.leaders) == 1, f"frozen before step {step}"
            leader.thaw()
            sim.advance(LASTS)
            assert len(sim.leaders) == 1, f"frozen before step {step}"
            assert len(sim.requests) - before <= 2


@each_moment
def test_a_leader_that_is_told_to_stop_before_any_step_hands_over_at_once(
    prepare: Callable[[Replicas], Replica],
) -> None:
    for step in steps_of(prepare):
        with before_step(prepare, step) as (sim, leader, before):
            leader.thaw()
            begun = sim.now
            assert leader.stop() == 0
            assert sim.now - begun < 5, f"told to stop before step {step}"
            sim.until(lambda: bool(sim.leaders), within=6, every=0.1)
            sim.advance(LASTS + 2)
            assert len(sim.requests) - before <= 2
