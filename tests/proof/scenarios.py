"""Stretches of a credential's life that the proof goes through again and again, with a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from redox_operator.domain.endpoint import BUILT_IN
from redox_operator.domain.timestamps import parse_time
from tests.proof.witness import Witness
from tests.support.fake_cluster import CREDENTIALS
from tests.support.manifests import credential_manifest
from tests.support.mortal_simulation import MortalSimulation
from tests.support.simulation import EHR, Simulation

LASTS = 4.0
"""Seconds until each is over where nothing fails."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What there is before, what happens, and the requests that are due for it."""

    prepare: Callable[[MortalSimulation], None]
    happen: Callable[[MortalSimulation], object]
    due: int


def nothing(_: MortalSimulation) -> None:
    """Nothing."""


def served(sim: MortalSimulation) -> None:
    """A credential on schedule."""
    sim.create()
    sim.advance(3)
    assert sim.ready() == "True"


def nearly_due(sim: MortalSimulation) -> None:
    """A credential whose refresh is due in a moment."""
    served(sim)
    due = parse_time(sim.status()["nextRefreshTime"])
    assert due is not None
    sim.advance(due - sim.clock.true_time - 0.2)
    assert len(sim.requests) == 1


def served_without_garbage_collection(sim: MortalSimulation) -> None:
    """What is deleted now leaves its Secret behind, as a restored backup does."""
    sim.cluster.collects_garbage_after = 1e6
    served(sim)


def recreate(sim: MortalSimulation) -> None:
    """The same name, another UID: the Secret is adopted."""
    sim.delete()
    sim.cluster.create(CREDENTIALS, *EHR, spec=credential_manifest()["spec"])


SCENARIOS = {
    "first issue": Scenario(nothing, lambda sim: sim.create(), due=1),
    "refresh": Scenario(nearly_due, nothing, due=1),
    "refresh with another key": Scenario(nearly_due, lambda sim: sim.write_key("k2"), due=1),
    "repair of an edit": Scenario(
        served, lambda sim: sim.edit_secret({"data": {"access_token": "eA=="}}), due=0
    ),
    "repair of a deletion": Scenario(served, lambda sim: sim.delete_secret(), due=0),
    "another client": Scenario(served, lambda sim: sim.edit(clientId="client-2"), due=1),
    "another endpoint": Scenario(served, lambda sim: sim.edit(endpoint="Canada"), due=1),
    "a label": Scenario(served, lambda sim: sim.edit(target={"labels": {"a": "b"}}), due=0),
    "a wish for a fresh token": Scenario(served, lambda sim: sim.ask_for_refresh("now"), due=1),
    "adoption": Scenario(served_without_garbage_collection, recreate, due=0),
    "nothing": Scenario(served, nothing, due=0),
}

each_scenario = pytest.mark.parametrize(
    "scenario", [pytest.param(each, id=name) for name, each in SCENARIOS.items()]
)


@contextmanager
def begun(scenario: Scenario) -> Iterator[tuple[MortalSimulation, Witness]]:
    """A world in which the scenario has just happened; what may never be is looked for after."""
    with MortalSimulation() as sim:
        witness = Witness(sim)
        witness.add_foreign("other")
        scenario.prepare(sim)
        sim.process.steps = 0
        scenario.happen(sim)
        yield sim, witness
        witness.look(BUILT_IN)
        assert_well(sim)


def steps_of(scenario: Scenario) -> int:
    """How many steps the process takes until the scenario is over."""
    with begun(scenario) as (sim, _):
        before = len(sim.requests)
        sim.advance(LASTS)
        assert len(sim.requests) - before == scenario.due
        return sim.process.steps


def assert_well(sim: Simulation) -> None:
    """What was wanted is there, and told."""
    body, secret = sim.cluster.get(CREDENTIALS, *EHR), sim.secret()
    assert body is not None
    assert secret is not None
    assert sim.redox.is_live(str(sim.token()))
    assert sim.condition("Ready") == ("True", "TokenIssued")
    assert sim.healthy() == ("True", "TokenIssued")
    assert sim.condition("Reconciling") == ("False", "TokenIssued")
    assert sim.condition("Stalled") == ("False", "TokenIssued")
    assert sim.status()["observedGeneration"] == sim.generation()
    owners = secret["metadata"]["ownerReferences"]
    assert [each["uid"] for each in owners] == [body["metadata"]["uid"]]
    wanted = (body["spec"].get("target") or {}).get("labels") or {}
    assert wanted.items() <= secret["metadata"]["labels"].items()


def assert_quiet(sim: MortalSimulation, seconds: float = 60.0) -> None:
    """Nothing more is requested or written until the next refresh."""
    due = parse_time(sim.status()["nextRefreshTime"])
    assert due is not None
    begun_at = sim.now
    sim.advance(min(seconds, max(0.0, due - sim.clock.true_time - 1)))
    assert sim.redox.between(begun_at) == []
    assert sim.cluster.writes(begun_at) == []
