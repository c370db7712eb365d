"""After everything else ran at DEBUG: no token, assertion or key stands anywhere but in its place.

The name of this module sorts before the others', so it brings its own traffic, failures included.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.support.bench import Bench
from tests.support.keys import jwk, rsa_pem
from tests.support.kubernetes_api import polls
from tests.support.operator_process import OperatorProcess

JWT = re.compile(r"eyJ[\w-]{20,}\.[\w-]+\.[\w-]+")


def test_nothing_secret_is_logged_reported_or_measured(
    own_bench: Bench, own_operator: OperatorProcess, tmp_path: Path
) -> None:
    pem, private = rsa_pem(number=20), jwk("P-256", number=20)
    own_bench.credential("pem", key=pem)
    own_bench.credential("jwk", key=private)
    own_bench.credential("broken", key=pem)
    own_bench.key_secret("broken", pem.replace("PRIVATE", "PUBLIC"))
    tokens = {own_bench.wait_secret("pem-token")["access_token"]}
    tokens.add(own_bench.wait_secret("jwk-token")["access_token"])
    for fault in ({"fault": "status", "status": 500}, {"fault": "garbage"}, {"fault": "reset"}):
        own_bench.redox.set_faults([{**fault, "clientId": f"{own_bench.namespace}-pem"}])
        own_bench.annotate("pem", str(fault)[:60])
        for _ in polls(3):
            pass
    own_bench.redox.clear_faults()
    before = own_bench.token("pem-token")
    tokens.add(own_bench.wait_secret("pem-token", other_than="", seconds=5)["access_token"])
    tokens.add(before)

    evidence = _evidence(own_bench, own_operator)

    secrets = {"a token": tokens, "a PEM": _lines(pem), "a JWK": {private["d"], private["x"]}}
    for what, values in secrets.items():
        for value in values:
            for where, text in evidence.items():
                assert value not in text, f"{what} stands in {where}"
    for where, text in evidence.items():
        assert not JWT.search(text), f"an assertion stands in {where}"


def _evidence(bench: Bench, operator: OperatorProcess) -> dict[str, str]:
    events = f"/apis/events.k8s.io/v1/namespaces/{bench.namespace}/events"
    targets = [bench.secret(f"{name}-token")["metadata"] for name in ("pem", "jwk")]
    return {
        "the log": operator.log(),
        "the metrics": operator.exposition(),
        "Events": _text(bench.admin.get(events)),
        "credentials": _text(bench.admin.get(bench.credentials)),
        "metadata of targets": _text(targets),
        "the log of Redox": bench.redox.log,
    }


def _text(value: Any) -> str:
    return json.dumps(value)


def _lines(pem: str) -> set[str]:
    return {line for line in pem.splitlines() if len(line) == 64}
