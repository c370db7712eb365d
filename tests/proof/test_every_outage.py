"""An outage as long as the retry budget allows for, at any moment of a token's life.

No token ever has less than P + S left in the API, so no reader that is P late finds less than S.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redox_operator.domain.errors import ResponseInvalid
from redox_operator.domain.refresh import Margins, jitter
from redox_operator.domain.timestamps import parse_time
from tests.proof.profiles import drawn
from tests.proof.witness import Witness
from tests.support.cluster_faults import denied
from tests.support.fake_cluster import SECRETS
from tests.support.fake_token_endpoint import unavailable
from tests.support.mortal_simulation import MortalSimulation

AWAY = 60.0
"""Seconds: the part of B in which someone may be away."""
LEAST_EARLY = next(
    number for number in itertools.count(2) if jitter(300, 123, f"uid-{number}") < 0.1
)
"""A UID whose refresh is not spread to an earlier time, which would help."""

Change = Callable[[MortalSimulation], object]


def _endpoint(**how: object) -> Change:
    def change(sim: MortalSimulation) -> None:
        for name, value in how.items():
            setattr(sim.redox, name, value)

    return change


def _cluster(**how: object) -> Change:
    return lambda sim: sim.cluster.fail(**how)  # type: ignore[arg-type]


def _freeze(sim: MortalSimulation) -> None:
    sim.process.stopped = True


def _stale(sim: MortalSimulation) -> None:
    sim.cluster.behind = 40.0


OUTAGES: dict[str, Change] = {
    "the endpoint does not answer": _endpoint(refuse=unavailable),
    "the endpoint answers nonsense": _endpoint(refuse=lambda _: ResponseInvalid("x", status=200)),
    "the endpoint hangs": _endpoint(hangs=True),
    "the endpoint is slow": _endpoint(delay=14.0),
    "the API server is away": _cluster(),
    "nothing can be read": _cluster(verb="get"),
    "nothing can be written": _cluster(verb="patch"),
    "writes are denied": _cluster(error=denied, resource=SECRETS, verb="patch"),
    "answers are lost": _cluster(lost=True),
    "reads are stale": _stale,
    "the process is dead": MortalSimulation.kill,
    "the process stands still": _freeze,
}


def heal(sim: MortalSimulation, outage: str) -> None:
    """All is as before; a process that was killed is started again, a frozen one goes on."""
    _endpoint(refuse=lambda _: None, hangs=False, delay=0.05)(sim)
    sim.cluster.heal()
    sim.cluster.behind = 0.0
    if outage == "the process is dead":
        sim.start()
    sim.loop.let_go(sim.process)


def left(sim: MortalSimulation) -> float:
    """Seconds that the stored token has left by the endpoint's own clock."""
    return sim.redox.dies_at[str(sim.token())] - sim.clock.true_time


def least_left(sim: MortalSimulation, seconds: float) -> float:
    """The least that a stored token has left in this time."""
    least = left(sim)
    for _ in range(round(2 * seconds)):
        sim.advance(0.5)
        least = min(least, left(sim))
    return least


@pytest.mark.parametrize("outage", OUTAGES)
@drawn(4)
@given(offset=st.floats(-90, 30))
@example(offset=-0.1)
@example(offset=-5.0)
@example(offset=0.06)
def test_readers_notice_nothing_of_an_outage_of_a_minute(outage: str, offset: float) -> None:
    """`offset`: seconds from the start of a refresh to that of the outage."""
    with MortalSimulation() as sim:
        witness = Witness(sim)
        # The key's Secret takes the UID before.
        sim.cluster._uids = LEAST_EARLY - 2
        sim.create()
        sim.advance(3)
        due = parse_time(sim.status()["nextRefreshTime"])
        assert due is not None
        sim.advance(max(0.0, due - sim.clock.true_time + offset))
        OUTAGES[outage](sim)
        least = least_left(sim, AWAY)
        heal(sim, outage)
        assert min(least, least_left(sim, 200)) >= Margins().mounted
        assert witness.violations + sim.redox.violations == []
        assert sim.condition("Ready") == ("True", "TokenIssued")
        assert sim.healthy() == ("True", "TokenIssued")
