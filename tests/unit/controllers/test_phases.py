"""When refreshes of many credentials fall: evenly, and as before after a restart."""

from __future__ import annotations

import pytest

from tests.support.simulation import Simulation


def sent(sim: Simulation, begin: float, end: float) -> dict[str, list[float]]:
    """When each client asked, in whole seconds."""
    found: dict[str, list[float]] = {}
    for each in sim.redox.between(begin, end):
        found.setdefault(each.client_id, []).append(round(each.at))
    return found


def test_credentials_of_one_moment_are_spread_over_the_period_after_some_rounds() -> None:
    with Simulation() as sim:
        for number in range(200):
            sim.create(f"c{number}", clientId=f"c{number}")
        sim.advance(1500)
        begun = sim.now
        sim.advance(108)
        tenths = [
            len(sim.redox.between(begun + 10.8 * n, begun + 10.8 * (n + 1))) for n in range(10)
        ]
        assert sum(tenths) == pytest.approx(200, abs=20)
        assert min(tenths) >= 10
        assert max(tenths) <= 32


@pytest.mark.parametrize("after", [0.0, 20.0])
def test_a_restart_leaves_each_refresh_at_its_time(after: float) -> None:
    runs = []
    for restarts in (False, True):
        with Simulation() as sim:
            for number in range(60):
                sim.create(f"c{number}", clientId=f"c{number}")
            sim.advance(700)
            begun = sim.now
            if restarts:
                sim.restart(after)
            else:
                sim.advance(after)
            sim.advance(begun + 100 - sim.now)
            runs.append(sent(sim, begun, begun + 100))
    undisturbed, restarted = runs
    assert undisturbed.keys() == restarted.keys()
    for client, times in undisturbed.items():
        due = times[0] if times[0] >= 1700 + after else 1700 + after
        # The first list, the key and the queue take a moment; the clock of a Secret is in seconds.
        assert restarted[client][0] == pytest.approx(due, abs=3)
