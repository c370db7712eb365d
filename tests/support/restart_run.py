"""An operator that ends and begins again with everything as it was."""

from __future__ import annotations

import time
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from tests.support.kubernetes_api import polls
from tests.support.operator_process import OperatorProcess
from tests.support.proof import Proof

CREDENTIALS = "/apis/redox-operator.dev/v1alpha1/redoxcredentials"


@dataclass(frozen=True, slots=True)
class RestartRun:
    """What the second life did while nothing was due, and what it plans."""

    ready_seconds: float
    """From its start until it knew every credential."""
    requests: int
    writes: float
    """Creates and patches of any kind that it sent to the API server."""
    changed: int
    """Credentials and targets that are not as they were."""
    plans_moved: float
    """The most by which any planned refresh differs from the first life's plan, in seconds."""


def restart(proof: Proof, operator: OperatorProcess) -> RestartRun:
    """Kill it and start it again; nothing may be due in the meantime."""
    plans, objects, requests = _plans(operator), _objects(proof), len(proof.redox.requests())
    operator.kill()
    started = time.monotonic()
    operator.launch()
    for _ in polls(120, 0.2):
        if operator.metric("ready") == proof.count:
            break
    ready = time.monotonic() - started
    # What it would do wrongly comes at once; a status or an Event may follow a moment later.
    time.sleep(3)
    after = _plans(operator)
    later = _objects(proof)
    writes = sum(
        operator.metric("kubernetes_requests_total", verb=verb) for verb in ("create", "patch")
    )
    return RestartRun(
        ready_seconds=ready,
        requests=len(proof.redox.requests()) - requests,
        writes=writes,
        changed=sum(later.get(name) != version for name, version in objects.items()),
        plans_moved=max(abs(after.get(name, 0) - plan) for name, plan in plans.items()),
    )


def _plans(operator: OperatorProcess) -> dict[tuple[str, str], float]:
    """When each credential is refreshed next, in seconds since the epoch."""
    families = text_string_to_metric_families(operator.exposition())
    return {
        (sample.labels["namespace"], sample.labels["name"]): sample.value
        for family in families
        for sample in family.samples
        if sample.name == "redox_operator_next_refresh_timestamp_seconds"
    }


def _objects(proof: Proof) -> dict[tuple[str, str], str]:
    """The resourceVersion of each credential and each target."""
    wanted, versions = set(proof.fleet.namespaces), dict[tuple[str, str], str]()
    for item in proof.admin.get(CREDENTIALS)["items"]:
        metadata = item["metadata"]
        if metadata["namespace"] in wanted:
            versions[metadata["namespace"], metadata["name"]] = metadata["resourceVersion"]
    for target, written in proof.ledger.writes(proof.fleet.namespaces).items():
        versions[target] = str(written[-1].resource_version)
    return versions
