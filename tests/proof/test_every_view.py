"""A view of the cluster that is late, wrong or blind: reads from the past, watches that fail."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.proof.scenarios import Scenario, assert_quiet, begun, each_scenario
from tests.support.mortal_simulation import MortalSimulation

LISTED_WITHIN = 60.0 + 6.0
"""Seconds: the list comes every 60, and what it finds is done soon."""


@pytest.mark.parametrize("behind", [0.5, 5.0, 45.0])
@each_scenario
def test_reads_from_the_past_lead_to_nothing_that_the_present_does_not_mend(
    scenario: Scenario, behind: float
) -> None:
    with begun(scenario) as (sim, witness):
        before = len(sim.requests)
        sim.cluster.behind = behind
        for _ in range(8):
            sim.advance(5)
            witness.unsettle()
        sim.cluster.behind = 0.0
        sim.advance(LISTED_WITHIN)
        assert len(sim.requests) - before <= scenario.due + 1
        assert_quiet(sim, 15)


@pytest.mark.parametrize("behind", [0.5, 5.0, 45.0])
@each_scenario
def test_a_process_that_starts_from_reads_of_the_past_does_no_harm(
    scenario: Scenario, behind: float
) -> None:
    with begun(scenario) as (sim, witness):
        sim.advance(0.3)
        sim.kill()
        sim.cluster.behind = behind
        sim.start()
        witness.restarted()
        sim.advance(50)
        sim.cluster.behind = 0.0
        sim.advance(LISTED_WITHIN)


def never(_: MortalSimulation) -> Callable[[], tuple[float, ...]]:
    return lambda: ()


def twice(_: MortalSimulation) -> Callable[[], tuple[float, ...]]:
    return lambda: (0.01, 0.4)


def out_of_order(_: MortalSimulation) -> Callable[[], tuple[float, ...]]:
    delays = itertools.cycle([(0.9,), (0.01,), (0.3,)])
    return lambda: next(delays)


def late(_: MortalSimulation) -> Callable[[], tuple[float, ...]]:
    return lambda: (20.0,)


def every_other(_: MortalSimulation) -> Callable[[], tuple[float, ...]]:
    delays = itertools.cycle([(), (0.01,)])
    return lambda: next(delays)


def once_more_much_later(_: MortalSimulation) -> Callable[[], tuple[float, ...]]:
    return lambda: (0.01, 40.0)


@pytest.mark.parametrize(
    "telling",
    [
        pytest.param(never, id="nothing is told"),
        pytest.param(twice, id="all is told twice"),
        pytest.param(out_of_order, id="out of order"),
        pytest.param(late, id="all is told late"),
        pytest.param(every_other, id="every other change is told"),
        pytest.param(once_more_much_later, id="all is told again much later"),
    ],
)
@each_scenario
def test_what_a_watch_does_not_tell_well_is_found_by_the_next_list(
    scenario: Scenario, telling: Callable[[MortalSimulation], Callable[[], tuple[float, ...]]]
) -> None:
    def blinded(sim: MortalSimulation) -> None:
        scenario.prepare(sim)
        sim.cluster.delivery = telling(sim)

    with begun(Scenario(blinded, scenario.happen, scenario.due)) as (sim, _):
        before = len(sim.requests)
        sim.advance(LISTED_WITHIN)
        assert len(sim.requests) - before <= scenario.due
        assert_quiet(sim, 15)


@pytest.mark.parametrize("after", [0.02, 0.1, 0.5, 2.0])
@each_scenario
def test_a_watch_that_ends_with_an_error_begins_anew_and_finds_what_it_missed(
    scenario: Scenario, after: float
) -> None:
    with begun(scenario) as (sim, _):
        before = len(sim.requests)
        sim.cluster.delivery = lambda: ()
        sim.advance(after)
        sim.operator._watch.restart()
        sim.cluster.delivery = lambda: (0.01,)
        sim.advance(LISTED_WITHIN)
        assert len(sim.requests) - before <= scenario.due
        assert_quiet(sim, 15)
