"""A fail-over with large keys and little processor. `benchmarks.kills`: with 1,000 credentials."""

from __future__ import annotations

from pathlib import Path

import pytest

from redox_operator.domain.refresh import Margins
from tests.support.known_keys import rsa_4096
from tests.support.proof import Proof
from tests.support.slow_run import fail_over

pytestmark = pytest.mark.parametrize(
    "api_server", [pytest.param("real", marks=pytest.mark.controlplane)], indirect=True
)

KEYS = 4
"""Different ones; each is checked in a child process, which takes the longest here."""


def test_a_fail_over_with_a_fifth_of_a_core_and_rsa_4096_makes_nothing_late(
    api_server: tuple[Path, Path],
) -> None:
    margins = Margins(propagation=15, safety=2, retry_budget=50)
    with Proof(
        api_server, "slow-core", 40, lifetime=90, margins=margins, keys=rsa_4096(KEYS)
    ) as proof:
        # Every token is due 20 to 30 s after it was issued.
        fail_over(proof, watch=20)
        verdict = proof.verdict()

    assert verdict.least_left >= margins.mounted
    assert verdict.requests >= 2 * proof.count
    assert verdict.backward == []
    assert verdict.untimely == []
    # An attempt that such a process leaves unanswered for 5 s is joined by another.
    assert len(verdict.wasted) <= proof.count / 5
    assert verdict.unready == {}
