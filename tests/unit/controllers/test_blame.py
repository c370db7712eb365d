"""Whom liveness blames: not the process for slow keys of a tenant, nor for webhooks of others."""

from __future__ import annotations

import pytest

from redox_operator.domain.credential import Key
from tests.support.simulation import Simulation


def live(sim: Simulation) -> list[str]:
    async def ask() -> list[str]:
        return sim.operator.health.liveness()

    return sim.loop.run_until_complete(ask())


def test_a_key_that_waits_for_many_slow_ones_is_not_the_processs_fault(
    sim: Simulation, ehr: Key
) -> None:
    sim.keys.delay = 0.01
    sim.keys.delays["clinic"] = 10_000
    for number in range(300):
        sim.advance(1)
        # The parser is at work: every few seconds it settles one of another namespace.
        if number % 20 == 0:
            sim.create(f"c{number}", namespace="ward")
        assert live(sim) == []


def test_a_parser_that_settles_nothing_for_a_minute_is(sim: Simulation, ehr: Key) -> None:
    sim.keys.delay = 10_000
    took = sim.until(lambda: live(sim) != [], within=300, every=1)
    assert took < 108 + 90
    assert [fault.partition(" by ")[0] for fault in live(sim)] == ["a refresh is overdue"]


@pytest.mark.parametrize(
    ("verb", "code", "unanswered"),
    [
        pytest.param("patch", "error", True, id="no answer to a write"),
        pytest.param("list", "error", True, id="no answer to a read"),
        *(
            pytest.param("patch", code, True, id=f"{code} to a write")
            for code in ("429", "502", "503", "504")
        ),
        pytest.param("get", "500", True, id="500 to a read"),
        pytest.param("create", "500", False, id="500 to a creation, as by a webhook"),
        pytest.param("patch", "500", False, id="500 to a patch, as by a webhook"),
        pytest.param("patch", "403", False, id="a denial"),
        pytest.param("get", "200", False, id="an answer"),
    ],
)
def test_the_api_server_counts_as_away_by(
    sim: Simulation, verb: str, code: str, unanswered: bool
) -> None:
    sim.advance(100)
    sim.operator.health.note_request(verb, code)
    assert (sim.operator.health.unanswered_at == sim.now) is unanswered


def test_a_webhook_that_fails_for_one_hides_no_watch_that_is_dead_for_all(
    sim: Simulation, ehr: Key
) -> None:
    sim.advance(100)
    sim.operator._watch.set_alive(False, sim.now)
    for _ in range(7):
        sim.operator.health.note_request("patch", "500")
        sim.advance(10)
    assert [fault.partition(" for ")[0] for fault in live(sim)] == ["a watch has been dead"]
