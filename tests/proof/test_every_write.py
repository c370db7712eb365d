"""Writes of which the operator does not learn what became of them, one at a time."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.proof.scenarios import LASTS, Scenario, assert_quiet, begun, each_scenario
from tests.support.cluster_faults import Fault, Request, unavailable

TIMEOUT = 10.0


@dataclass(slots=True)
class NthWrite(Fault):
    """Meets one write: the first that is sent has number 0."""

    number: int = 0
    seen: int = 0

    def matches(self, request: Request) -> bool:
        """Whether this is it."""
        if not request.is_write or request.resource == "events":
            return False
        self.seen += 1
        return self.seen == self.number + 1


def writes_of(scenario: Scenario) -> int:
    with begun(scenario) as (sim, _):
        before = sim.now
        sim.advance(LASTS)
        return len(sim.cluster.writes(before))


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"lost": True}, id="it takes effect and its answer is lost"),
        pytest.param({"lost": False}, id="it never arrives"),
        pytest.param({"lost": True, "delay": 14.0}, id="it takes effect when nobody waits for it"),
    ],
)
@each_scenario
def test_a_write_of_unknown_outcome_costs_no_request_and_is_put_right(
    scenario: Scenario, how: dict[str, float]
) -> None:
    for number in range(writes_of(scenario)):
        with begun(scenario) as (sim, witness):
            before = len(sim.requests)
            sim.cluster.client_timeout = TIMEOUT
            fault = NthWrite(unavailable, number=number, **how)  # type: ignore[arg-type]
            sim.cluster.faults.append(fault)
            sim.advance(40)
            assert fault.seen > number
            assert len(sim.requests) - before == scenario.due, f"write {number}"
            witness.unsettle()
            assert_quiet(sim, 15)
