"""A process that ends, freezes or is told to stop before each of its steps.

A step is what runs between two awaits. The steps of a scenario are counted, and the scenario is
gone through once for each.
"""

from __future__ import annotations

import random

import pytest

from redox_operator.domain.endpoint import BUILT_IN
from tests.proof.scenarios import Scenario, assert_quiet, begun, each_scenario, steps_of
from tests.support.mortal_simulation import MortalSimulation

RESTARTED = 6.0
"""Seconds in which all is well again after a restart."""


def spent_since(sim: MortalSimulation, before: int) -> int:
    return len(sim.requests) - before


@each_scenario
def test_a_process_that_is_killed_before_any_step_leaves_nothing_that_the_next_cannot_mend(
    scenario: Scenario,
) -> None:
    for step in range(steps_of(scenario)):
        with begun(scenario) as (sim, witness):
            before = len(sim.requests)
            assert sim.run_to(step)
            sim.kill()
            sim.start()
            witness.restarted()
            sim.advance(RESTARTED)
            assert spent_since(sim, before) <= scenario.due + 1, f"killed before step {step}"
            assert_quiet(sim, 15)


@each_scenario
def test_what_a_killed_process_sent_may_arrive_when_the_next_one_is_at_work(
    scenario: Scenario,
) -> None:
    for step in range(steps_of(scenario)):
        with begun(scenario) as (sim, witness):
            before = len(sim.requests)
            sim.cluster.latency = 1.5
            if sim.run_to(step, within=20):
                sim.kill()
                sim.cluster.latency = 0.1
                sim.start()
                witness.restarted()
            sim.advance(25)
            assert spent_since(sim, before) <= scenario.due + 1, f"killed before step {step}"
            assert_quiet(sim, 15)


@each_scenario
def test_a_process_that_is_told_to_stop_before_any_step_stops_in_time_and_cleanly(
    scenario: Scenario,
) -> None:
    for step in range(steps_of(scenario)):
        with begun(scenario) as (sim, witness):
            before = len(sim.requests)
            assert sim.run_to(step)
            sim.loop.let_go(sim.process)
            begun_at = sim.now
            assert sim.stop() == 0
            assert sim.now - begun_at < 5, f"told to stop before step {step}"
            sent = len(sim.requests), len(sim.cluster.log)
            sim.advance(2)
            assert (len(sim.requests), len(sim.cluster.log)) == sent
            sim.start()
            witness.restarted()
            sim.advance(RESTARTED)
            assert spent_since(sim, before) <= scenario.due + 1, f"told to stop before step {step}"
            assert_quiet(sim, 15)


@each_scenario
def test_a_process_that_freezes_before_any_step_does_no_harm_when_another_has_taken_over(
    scenario: Scenario,
) -> None:
    for step in range(steps_of(scenario)):
        with begun(scenario) as (sim, witness):
            frozen = sim.process
            assert sim.run_to(step)
            sim.start()
            witness.restarted()
            sim.advance(60)
            sim.loop.let_go(frozen)
            for _ in range(4):
                sim.advance(5)
                witness.look(BUILT_IN)


@each_scenario
def test_a_process_that_is_killed_again_and_again_gets_there(scenario: Scenario) -> None:
    draw = random.Random(4)
    for _ in range(10):
        with begun(scenario) as (sim, witness):
            before, kills = len(sim.requests), 0
            for _ in range(8):
                if sim.run_to(sim.process.steps + draw.randrange(60), within=2):
                    kills += 1
                    sim.kill()
                    sim.start()
                    witness.restarted()
            sim.advance(RESTARTED)
            assert spent_since(sim, before) <= scenario.due + kills
            assert_quiet(sim, 15)


@pytest.mark.parametrize("seed", range(4))
@each_scenario
def test_the_ready_steps_may_run_in_any_order(scenario: Scenario, seed: int) -> None:
    for number in range(5):
        with begun(scenario) as (sim, _):
            before = len(sim.requests)
            sim.loop.shuffle = random.Random(5 * seed + number)
            sim.advance(RESTARTED)
            assert spent_since(sim, before) == scenario.due
            assert_quiet(sim, 15)
