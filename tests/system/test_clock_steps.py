"""The wall clock of the operator's machine is set by ten minutes while it works."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from redox_operator.domain.refresh import Margins
from tests.support.faked_clock import FakedClock
from tests.support.kubernetes_api import polls
from tests.support.proof import Proof, check_alive

pytestmark = pytest.mark.parametrize(
    "api_server", [pytest.param("real", marks=pytest.mark.controlplane)], indirect=True
)

LIFETIME = 40
MARGINS = Margins(propagation=5, safety=2, retry_budget=20)
"""Refreshed after 10 to 13 s."""
ROUND = 16
"""Seconds in which every token is refreshed at least once."""
WORKERS = 5
"""Requests under way at once, and so the most that a wrong clock may spoil."""


def test_clocks_that_are_set_by_ten_minutes_make_nothing_late_and_no_herd(
    api_server: tuple[Path, Path],
) -> None:
    with (
        FakedClock.start() as fast,
        FakedClock.start() as slow,
        Proof(api_server, "fast", 20, lifetime=LIFETIME, margins=MARGINS) as ahead,
        Proof(api_server, "slow", 20, lifetime=LIFETIME, margins=MARGINS) as behind,
    ):
        steps = ((ahead, fast, 600), (behind, slow, -600))
        operators = [
            proof.operator(environment=clock.environment, WORKERS=str(WORKERS))
            for proof, clock, _ in steps
        ]
        for proof, _, _ in steps:
            proof.settle()
        for sign in (1, 0):
            for _, clock, step in steps:
                clock.set(sign * step)
            for _ in polls(ROUND, 1):
                for operator in operators:
                    check_alive(operator)
        for (proof, _, step), operator in zip(steps, operators, strict=True):
            assert operator.log().count("the clock was set by") == 2
            _check(proof, spoilt=2 * WORKERS if step > 0 else WORKERS)


def _check(proof: Proof, spoilt: int) -> None:
    """`spoilt` requests may be too early, or be refused for their times.

    A step forward may be a machine that slept, so what looks expired is requested; the first
    answer tells.
    """
    now, verdict = time.time(), proof.verdict()
    assert proof.ledger.longest(proof.fleet.namespaces, now) <= LIFETIME - MARGINS.mounted
    refused = [each for each in proof.redox.requests() if each["outcome"] != "issued"]
    assert len(refused) <= spoilt, refused
    assert len(verdict.untimely) <= spoilt, verdict.untimely
    assert verdict.requests >= 3 * proof.count
    assert verdict.repeated_jti == 0
    assert verdict.unready == {}
