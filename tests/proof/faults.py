"""What goes wrong with the endpoint and the API server, one step at a time.

Each step keeps the books of the premise: what it does counts against the retry budget, or lies
outside of what is promised.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from redox_operator.domain.credential import Key
from redox_operator.domain.refresh import is_too_short
from tests.proof.witness import Witness
from tests.support.mortal_simulation import MortalSimulation

LONGEST_WAIT = 330.0
"""Seconds: a rejected client waits up to 300 for its next attempt, a held endpoint as long."""
HOPELESS_AFTER = 1200.0
"""Seconds: ten minutes of silence, and what passes until something shows that it is over."""
RECOVERY = 1800.0
"""Seconds until a rate that was halved again and again suffices."""
LONGEST_LIFETIME = 86400.0


@dataclass
class World:
    """The simulation, and what the steps change."""

    sim: MortalSimulation
    witness: Witness
    down: bool = False
    silent_until: float = float("-inf")
    """Boot clock until when a watch may be silent."""
    number: int = 0

    def fresh(self) -> str:
        self.number += 1
        return str(self.number)

    @property
    def may_end(self) -> bool:
        """Whether a watch was silent for so long that the process ends, for another to start."""
        return self.sim.now < self.silent_until + HOPELESS_AFTER

    @property
    def is_clear(self) -> bool:
        """Whether status tells in time and by a clock that is right."""
        cluster = self.sim.cluster
        return not (self.down or cluster.faults or cluster.behind or cluster.latency > 1)


Step = Callable[[World, Key], None]


def start_over(world: World) -> None:
    """Nothing is amiss from here on."""
    sim, premise = world.sim, world.witness.premise
    sim.cluster.heal()
    sim.cluster.latency, sim.cluster.behind = 0.004, 0.0
    sim.cluster.client_timeout = float("inf")
    sim.redox.refuse, sim.redox.hangs, sim.redox.delay = (lambda _: None), False, 0.05
    for trouble in ("endpoint", "cluster"):
        premise.end(trouble)
    premise.come_back("limited", after=RECOVERY)
    premise.come_back("rejected", after=LONGEST_WAIT)


def heal(world: World, _: Key) -> None:
    world.witness.unsettle()
    start_over(world)


# The endpoint.


def endpoint_is(refuse: object) -> Step:
    def step(world: World, _: Key) -> None:
        world.witness.premise.begin("endpoint")
        world.sim.redox.refuse = refuse  # type: ignore[assignment]

    return step


def endpoint_says(refuse: object, cause: str) -> Step:
    """It answers what no retry of ours may overrule."""

    def step(world: World, _: Key) -> None:
        world.witness.premise.leave(cause)
        world.sim.redox.refuse = refuse  # type: ignore[assignment]

    return step


def endpoint_hangs(world: World, _: Key) -> None:
    world.witness.premise.begin("endpoint")
    world.sim.redox.hangs = True


def endpoint_is_slow(world: World, _: Key) -> None:
    world.witness.premise.begin("endpoint")
    world.sim.redox.delay = 9.0


def lifetime(seconds: float) -> Step:
    def step(world: World, _: Key) -> None:
        premise = world.witness.premise
        premise.come_back("lifetime", after=LONGEST_WAIT)
        if is_too_short(seconds, premise.margins) or seconds > LONGEST_LIFETIME:
            premise.leave("lifetime")
        world.sim.redox.lifetime = seconds

    return step


# The API server.


def cluster_fails(**how: object) -> Step:
    def step(world: World, _: Key) -> None:
        world.witness.unsettle()
        world.witness.premise.begin("cluster")
        world.sim.cluster.fail(**how)  # type: ignore[arg-type]

    return step


def cluster_is_slow(world: World, _: Key) -> None:
    world.witness.unsettle()
    world.witness.premise.begin("cluster")
    world.sim.cluster.latency = 3.0


def answers_come_late(world: World, _: Key) -> None:
    """A client has given up when its request takes effect."""
    world.witness.unsettle()
    world.witness.premise.begin("cluster")
    world.sim.cluster.client_timeout = 10.0
    world.sim.cluster.fail(lost=True, delay=14.0, times=5)


def reads_are_stale(world: World, _: Key) -> None:
    world.witness.unsettle()
    world.witness.premise.begin("cluster")
    world.sim.cluster.behind = 25.0


def watch_is(*delays: tuple[float, ...]) -> Step:
    def step(world: World, _: Key) -> None:
        world.witness.unsettle()
        world.silent_until = (
            float("inf") if () in delays else min(world.silent_until, world.sim.now)
        )
        world.sim.cluster.delivery = lambda: random.choice(delays)

    return step
