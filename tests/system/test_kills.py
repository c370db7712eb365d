"""Processes that end in the middle of their work, and what the next one makes of it.

`benchmarks.kills` does the same more often.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from redox_operator.domain.refresh import Margins
from tests.support.kill_run import Replicas, harm_leaders, is_leading, kill_single
from tests.support.kubernetes_api import polls
from tests.support.proof import Proof

pytestmark = pytest.mark.parametrize(
    "api_server", [pytest.param("real", marks=pytest.mark.controlplane)], indirect=True
)

SINGLE = {"lifetime": 60, "margins": Margins(propagation=10, safety=2, retry_budget=25)}
"""Refreshed after 17 to 23 s; a process may be away for 25 s."""
ELECTED = {"lifetime": 90, "margins": Margins(propagation=15, safety=2, retry_budget=40)}
"""Refreshed after 25 to 33 s; a take-over may last 40 s, where the Lease asks for 20."""


def test_a_replica_that_is_killed_at_random_wastes_no_more_than_was_under_way(
    api_server: tuple[Path, Path],
) -> None:
    with Proof(api_server, "kills", 60, **SINGLE) as proof:
        run = kill_single(proof, 20, seed=1)
        proof.settle()
        verdict = proof.verdict()

    assert verdict.unready == {}
    assert verdict.backward == []
    assert verdict.untimely == []
    assert verdict.unexplained(run.faults) == []
    assert verdict.requests <= verdict.stored + len(run.faults)
    assert verdict.repeated_jti == 0


def test_leaders_that_are_killed_and_frozen_leave_no_reader_with_a_stale_token(
    api_server: tuple[Path, Path],
) -> None:
    with Proof(api_server, "leaders", 60, **ELECTED) as proof:
        replicas = Replicas(proof)
        replicas.launch()
        proof.settle()
        run = harm_leaders(proof, replicas, kills=2, freezes=(20,), seed=2)
        for _ in polls(20, 0.2):
            if sum(map(is_leading, replicas.operators)) == 1:
                break
        assert sum(map(is_leading, replicas.operators)) == 1
        proof.settle()
        verdict = proof.verdict()

    assert verdict.unready == {}
    assert verdict.least_left >= proof.margins.mounted
    assert verdict.backward == []
    assert verdict.too_early(run.thaws) == []
    assert verdict.unexplained(run.faults) == []
    assert max(run.take_overs) < 25, run.take_overs
    assert verdict.repeated_jti == 0
