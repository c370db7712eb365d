"""Hours of random faults, edits and restarts, during which nothing forbidden may happen.

Afterwards the world heals, and everything must come back by itself and then be quiet.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redox_operator.controllers.operator import Options
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import CANADA, US
from tests.proof.faults import Step, World, start_over
from tests.proof.profiles import drawn
from tests.proof.steps import CLOCKS, STEPS, ask_for_refresh, restart, set_clock
from tests.proof.witness import Witness
from tests.support.mortal_simulation import MortalSimulation

NAMES = ("a", "b", "c")
ENDPOINTS = (
    replace(US, requests_per_second=0.5, burst=4),
    replace(CANADA, requests_per_second=0.5, burst=4),
)
HEALED_WITHIN = 330.0
"""Seconds: a rejected client waits up to 300, a held endpoint as long."""
PAUSES = (0.03, 0.5, 4.0, 15.0, 45.0, 110.0, 250.0)
NOBODY = Key("", "")

Plan = list[tuple[str, str, float]]


def plans(steps: dict[str, Step]) -> st.SearchStrategy[Plan]:
    moments = st.tuples(
        st.sampled_from(sorted(steps)), st.sampled_from(NAMES), st.sampled_from(PAUSES)
    )
    return st.lists(moments, min_size=5, max_size=40)


def live_through(
    plan: Plan, *, watch_secrets: bool = True, clocks: bool = False, seed: int | None = None
) -> None:
    with MortalSimulation(Options(watch_secrets=watch_secrets), ENDPOINTS) as sim:
        if seed is not None:
            sim.loop.shuffle = random.Random(seed)
        world = World(sim, Witness(sim))
        for name in NAMES:
            sim.create(name)
        sim.create("taken")
        world.witness.add_foreign("taken-token")
        world.witness.add_foreign("other")
        world.witness.add_foreign("a-token", "elsewhere")
        sim.advance(5)
        for step, name, pause in plan:
            {**STEPS, **CLOCKS}[step](world, Key("clinic", name))
            rest = pause
            while rest > 0:
                sim.loop.run_until_complete(asyncio.sleep(min(rest, 10.0)))
                rest -= 10.0
                if sim.is_ending and not world.down:
                    assert world.may_end, "the process ended by itself"
                    restart(world, NOBODY)
                if clocks or not world.is_clear:
                    # What is told may be late, or true by a clock that is wrong.
                    world.witness.unsettle()
                world.witness.look(ENDPOINTS, running=not world.down)
        come_back(world)


def come_back(world: World) -> None:
    """Heal the world; everything is well again in time, and then nothing but the cadence."""
    sim = world.sim
    start_over(world)
    set_clock(0)(world, NOBODY)
    sim.cluster.delivery = lambda: (0.01,)
    sim.redox.lifetime = 300
    for name in NAMES:
        sim.write_key("k1", name)
        key = Key("clinic", name)
        if not sim.exists(key):
            sim.create(name, key=None)
        sim.edit(key, endpoint="US", suspend=False)
        ask_for_refresh(world, key)
    if world.down:
        restart(world, NOBODY)
    sim.advance(HEALED_WITHIN)
    world.witness.look(ENDPOINTS)
    for name in NAMES:
        key = Key("clinic", name)
        assert sim.condition("Ready", key) == ("True", "TokenIssued")
        assert sim.healthy(key) == ("True", "TokenIssued")
        assert sim.redox.is_live(str(sim.token(key)))
        assert sim.status(key)["observedGeneration"] == sim.generation(key)
    begun = sim.now
    for _ in range(60):
        sim.advance(10)
        world.witness.look(ENDPOINTS)
    requests = sim.redox.between(begun)
    assert 3 * 600 / 123 - 3 <= len(requests) <= 3 * 600 / 93 + 3
    assert abs(len(sim.cluster.writes(begun)) - 2 * len(requests)) <= 2


@pytest.mark.parametrize("watch_secrets", [True, False], ids=["watching", "not watching"])
@drawn(8)
@given(plan=plans(STEPS))
def test_nothing_forbidden_happens_and_all_comes_back(plan: Plan, watch_secrets: bool) -> None:
    live_through(plan, watch_secrets=watch_secrets)


@drawn(8)
@given(plan=plans({**STEPS, **CLOCKS}))
def test_nothing_forbidden_happens_though_the_clock_is_set(plan: Plan) -> None:
    live_through(plan, clocks=True)


@drawn(8)
@given(plan=plans(STEPS), seed=st.integers(0, 2**32))
def test_nothing_forbidden_happens_in_whatever_order_the_ready_steps_run(
    plan: Plan, seed: int
) -> None:
    live_through(plan, seed=seed)
