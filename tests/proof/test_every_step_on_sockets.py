"""The real adapters between both halves of the sandbox, killed before each step.

A step here is also one of aiohttp's, of httpx's and of TLS: half a request may have been sent.
"""

from __future__ import annotations

import base64
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from redox_sandbox.redox.tokens import Standing
from tests.proof.profiles import IS_LONG
from tests.support.both_halves import BothHalves

# A killed process closes nothing, and its remains are no fault of the code under test.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

LASTS = 3.0
STRIDE = 1 if IS_LONG else 3
"""One of so many steps is tried: the long proof tries all."""
MOST = 400
"""Steps, at most; each is tried in a namespace of its own."""


@pytest.fixture
def halves(tmp_path: Path) -> Iterator[BothHalves]:
    with BothHalves(tmp_path, clients=MOST) as made:
        yield made
    gc.collect()


def is_served(halves: BothHalves, namespace: str) -> bool:
    """Whether there is a token that Redox takes, and whether that is told."""
    path = f"/apis/redox-operator.dev/v1alpha1/namespaces/{namespace}/redoxcredentials/ehr"
    conditions = halves.get(path)["status"].get("conditions", ())
    ready = {each["type"]: each["status"] for each in conditions}.get("Ready")
    secret = halves.get(f"/api/v1/namespaces/{namespace}/secrets/ehr-token")
    token = base64.b64decode(secret.get("data", {}).get("access_token", "")).decode()
    standing, _ = halves.redox.state.tokens.look_up(token, halves.clock.boot)
    return ready == "True" and standing is Standing.LIVE


def steps_of_a_first_issue(halves: BothHalves) -> int:
    namespace = halves.create(0)
    life = halves.start(namespace)
    halves.advance(LASTS)
    assert is_served(halves, namespace)
    assert halves.requests(0) == 1
    steps = life.process.steps
    halves.bury(life)
    return steps


def test_a_process_that_is_killed_before_any_step_leaves_nothing_that_the_next_cannot_mend(
    halves: BothHalves,
) -> None:
    steps = steps_of_a_first_issue(halves)
    assert 50 < steps < MOST
    for step in range(0, steps, STRIDE):
        namespace = halves.create(step + 1)
        killed = halves.start(namespace)
        assert halves.loop.run_to(killed.process, step, within=LASTS + 1)
        killed.kill()
        life = halves.start(namespace)
        halves.advance(LASTS)
        assert is_served(halves, namespace), f"killed before step {step}"
        assert halves.requests(step + 1) <= 2, f"killed before step {step}"
        halves.bury(killed)
        halves.bury(life)


def test_two_processes_that_know_nothing_of_each_other_do_no_harm(halves: BothHalves) -> None:
    """Frozen before each step and let go when another has done the work."""
    for step in range(1, steps_of_a_first_issue(halves), 2 * STRIDE):
        namespace = halves.create(step + 1)
        frozen = halves.start(namespace)
        assert halves.loop.run_to(frozen.process, step, within=LASTS + 1)
        life = halves.start(namespace)
        halves.advance(LASTS)
        halves.loop.let_go(frozen.process)
        halves.advance(LASTS)
        assert is_served(halves, namespace), f"frozen before step {step}"
        assert halves.requests(step + 1) <= 2, f"frozen before step {step}"
        halves.bury(frozen)
        halves.bury(life)
