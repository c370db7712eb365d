"""Thousands of Secrets that are none of the operator's business. `benchmarks.crowd`: 20,000."""

from __future__ import annotations

from pathlib import Path

import pytest

from redox_operator.domain.refresh import Margins
from tests.support.crowd_run import Audit, digests, gather, live, unasked
from tests.support.proof import Proof, own_api_server

pytestmark = pytest.mark.controlplane

CROWD = 2000


def test_two_thousand_foreign_secrets_are_neither_read_nor_changed_nor_held(
    tmp_path: Path,
) -> None:
    audit = Audit(tmp_path)
    with (
        own_api_server(apiserver_args=audit.apiserver_args) as kubeconfigs,
        Proof(kubeconfigs, "few", 10, lifetime=300, margins=Margins(), namespaces=1) as proof,
    ):
        alone = proof.operator(launch=False)
        before = live(proof, alone)
        alone.stop()
        gather(proof.admin, CROWD)
        crowd = digests(proof.admin)
        crowded = proof.operator(launch=False)

        after = live(proof, crowded)
        proof.admin.delete(f"/api/v1/namespaces/{proof.fleet.namespaces[0]}/secrets/c-0-token")
        proof.ledger.wait_for(proof.fleet.targets, proof.margins.mounted, 20)

        assert digests(proof.admin) == crowd
        assert len(crowd) >= CROWD
        assert unasked(audit, proof) == []
        assert audit.of_the_operator() != []
        # 4 MiB of others' data; a cache of them would be several times that.
        assert after.rss_mib < before.rss_mib + 8
        assert after.ready_seconds < before.ready_seconds + 5
