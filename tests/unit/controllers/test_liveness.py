"""Whatever of the process dies is noticed: it ends, is answered with 503, or heals by itself.

A standing event loop is in tests/unit/adapters/test_web.py and tests/system/test_liveness.py, a
standing watch in test_watch.py.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from redox_operator.domain.credential import Key
from tests.support.fake_cluster import CREDENTIALS, SECRETS
from tests.support.fake_token_endpoint import unavailable
from tests.support.simulation import EHR, Simulation

NOTICED_WITHIN = 90.0


def live(sim: Simulation) -> list[str]:
    async def ask() -> list[str]:
        return sim.operator.health.liveness()

    return sim.loop.run_until_complete(ask())


def loops(sim: Simulation) -> dict[str, asyncio.Task[None]]:
    return sim.operator._supervisor._tasks


def names() -> list[str]:
    with Simulation() as sim:
        sim.advance(1)
        return sorted(loops(sim))


@pytest.mark.parametrize("name", names())
def test_a_loop_that_ends_ends_the_process(sim: Simulation, ehr: Key, name: str) -> None:
    loops(sim)[name].cancel()
    assert sim.loop.run_until_complete(sim._process) == 1


async def forever(*_: Any, **__: Any) -> Any:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    "dead",
    [
        pytest.param("target", id="a run that reads a target without end"),
        pytest.param("key", id="a key that is read without end"),
        pytest.param("parser", id="a key that is checked without end"),
    ],
)
def test_work_that_never_ends_is_answered_with_503(sim: Simulation, ehr: Key, dead: str) -> None:
    secrets = sim.operator._reconciler.writer.secrets
    match dead:
        case "target":
            sim.operator._reconciler.writer.secrets = Replaced(secrets, read_target=forever)
            sim.edit_secret({"data": {"access_token": "eA=="}})
        case "key":
            sim.operator._reconciler.keys.secrets = Replaced(secrets, read_private_key=forever)
        case "parser":
            sim.keys.parse = forever  # type: ignore[method-assign]
    assert live(sim) == []
    sim.until(lambda: live(sim) != [], within=110 + NOTICED_WITHIN, every=1)
    assert sim.expiry() > sim.clock.true_time, "it is noticed while the token lives"


class Replaced:
    """A port of which some methods are others."""

    def __init__(self, port: object, **methods: Any) -> None:
        self._port, self._methods = port, methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._port, name)


def test_a_request_that_never_ends_is_cut_off_and_made_anew(sim: Simulation, ehr: Key) -> None:
    (endpoint, *_) = sim.file.endpoints
    sim.redox.delays[endpoint.token_url] = 10_000
    sim.advance(120)
    sim.redox.delays.clear()
    sim.until(lambda: sim.token() != "token-1", within=40)
    assert sim.expiry() > sim.clock.true_time
    assert live(sim) == []


def test_watches_that_stay_silent_though_they_are_restarted_end_the_process(
    sim: Simulation, ehr: Key
) -> None:
    sim.cluster.delivery = lambda: ()
    for number in range(30):
        if sim._process.done():
            break
        # Only lists find this.
        sim.cluster.change(CREDENTIALS, *EHR, {"metadata": {"labels": {"n": str(number)}}})
        sim.loop.run_until_complete(asyncio.sleep(60))
    assert sim._process.result() == 1
    assert sim.now - 1000 > 600, "a kubelet restarts it at once"


def test_watches_that_miss_one_change_in_many_are_no_reason_to_end(
    sim: Simulation, ehr: Key
) -> None:
    told = sim.cluster.delivery
    for number in range(60):
        sim.cluster.delivery = (lambda: ()) if number % 2 else told
        sim.cluster.change(CREDENTIALS, *EHR, {"metadata": {"labels": {"n": str(number)}}})
        sim.advance(60)
    assert live(sim) == []
    assert sim.ready() == "True"


@pytest.mark.parametrize(
    "trouble",
    ["redox", "cluster", "watched secrets", "clock forward", "clock back", "thaw", "suspended VM"],
)
def test_trouble_of_others_is_still_answered_with_200(
    sim: Simulation, ehr: Key, trouble: str
) -> None:
    match trouble:
        case "redox":
            sim.redox.refuse = unavailable
        case "cluster":
            sim.cluster.fail()
        case "watched secrets":
            sim.cluster.fail(resource=SECRETS)
        case "clock forward":
            sim.clock.step = 600
        case "clock back":
            sim.clock.step = -600
        case "thaw":
            sim.loop.jump(120)
        case "suspended VM":
            sim.clock.suspended += 600
    for _ in range(60):
        sim.advance(10)
        assert live(sim) == []
