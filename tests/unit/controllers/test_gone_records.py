"""What is deleted while it is looked at leaves nothing to be done."""

from __future__ import annotations

from tests.support.simulation import Simulation


def test_the_key_of_a_credential_that_was_deleted_meanwhile_is_not_read(sim: Simulation) -> None:
    sim.advance(3)
    sim.cluster.latency = 2.0
    key = sim.create()
    sim.until_asked("get", "secrets")
    sim.delete(key)
    sim.advance(20)
    asked = [each.name for each in sim.cluster.log if each.resource == "secrets" and each.name]
    assert asked == [f"{key.name}-token"]
    assert len(sim.operator._workqueue) == 0
    assert sim.requests == []
