"""An operator beside very many Secrets that are none of its business."""

from __future__ import annotations

import hashlib
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.support.kubernetes_api import KubernetesAPI, Object
from tests.support.ledger import SELECTOR
from tests.support.operator_process import OperatorProcess
from tests.support.operator_rbac import NAMESPACE, SERVICE_ACCOUNT
from tests.support.proof import Proof

OPERATOR = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
NAMESPACES = 5
SIZE = 2048
"""Bytes of data in each Secret, random so that nothing compresses it."""


@dataclass(frozen=True, slots=True)
class Life:
    """An operator from its start until all its credentials were served."""

    ready_seconds: float
    rss_mib: float


def live(proof: Proof, operator: OperatorProcess) -> Life:
    """Start it and let it come to rest."""
    started = time.monotonic()
    operator.launch()
    ready = time.monotonic() - started
    proof.settle()
    # What follows the last token, Events and a sweep, is over by then: memory is compared at rest.
    time.sleep(2)
    return Life(ready, operator.rss_mib())


def gather(admin: KubernetesAPI, count: int) -> None:
    """Create so many foreign Secrets."""
    draw = random.Random(count)
    for number in range(NAMESPACES):
        name = f"crowd-{number}"
        admin.create("/api/v1/namespaces", {"metadata": {"name": name}})

    def create(number: int) -> None:
        text = draw.randbytes(SIZE // 2).hex()
        manifest = {"metadata": {"name": f"s-{number}"}, "stringData": {"value": text}}
        admin.create(f"/api/v1/namespaces/crowd-{number % NAMESPACES}/secrets", manifest)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(count)))


def digests(admin: KubernetesAPI) -> dict[str, str]:
    """A digest of each Secret of the crowd, all of its bytes."""
    found = {}
    for number in range(NAMESPACES):
        more = ""
        while True:
            path = f"/api/v1/namespaces/crowd-{number}/secrets"
            page = admin.get(path, limit=500, **{"continue": more})
            for item in page["items"]:
                whole = json.dumps(item, sort_keys=True).encode()
                found[f"{number}/{item['metadata']['name']}"] = hashlib.sha256(whole).hexdigest()
            more = page["metadata"].get("continue", "")
            if not more:
                break
    return found


class Audit:
    """Who asked for Secrets, as the API server itself wrote down."""

    def __init__(self, directory: Path) -> None:
        self._log = directory / "audit.log"
        policy = directory / "audit.json"
        rule = {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets"]}]}
        content: Object = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [rule]}
        policy.write_text(json.dumps(content))
        self.apiserver_args = (
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self._log}",
        )

    def of_the_operator(self) -> list[dict[str, Any]]:
        """Its requests for Secrets: verb, requestURI, objectRef and more."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [each for each in lines if each["user"]["username"] == OPERATOR]


def unasked(audit: Audit, proof: Proof) -> list[str]:
    """Requests for Secrets beyond the fleet's own and beyond lists and watches of targets."""
    own, found = set(proof.fleet.namespaces), []
    for each in audit.of_the_operator():
        if each["verb"] in ("list", "watch"):
            allowed = f"labelSelector={SELECTOR}" in unquote(each["requestURI"])
        else:
            allowed = each["objectRef"]["namespace"] in own
        if not allowed:
            found.append(f"{each['verb']} {each['requestURI']}")
    return found
