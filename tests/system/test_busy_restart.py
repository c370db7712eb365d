"""A restart among hundreds of credentials. `benchmarks.kills` does the same among thousands."""

from __future__ import annotations

from pathlib import Path

import pytest

from redox_operator.domain.refresh import Margins
from tests.support.proof import Proof
from tests.support.restart_run import restart

pytestmark = pytest.mark.parametrize(
    "api_server", [pytest.param("real", marks=pytest.mark.controlplane)], indirect=True
)


def test_a_restart_among_three_hundred_requests_and_writes_nothing_and_moves_no_plan(
    api_server: tuple[Path, Path],
) -> None:
    with Proof(api_server, "restart", 300, lifetime=600, margins=Margins()) as proof:
        operator = proof.operator(WORKERS="40")
        proof.settle(120)

        run = restart(proof, operator)

        assert (run.requests, run.writes, run.changed) == (0, 0, 0)
        assert run.plans_moved < 1
        assert operator.metric("ready") == 300
        assert proof.ledger.backward(proof.fleet.namespaces) == []
