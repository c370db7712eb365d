"""Builders of what a demo knows at one moment."""

from __future__ import annotations

from typing import Any

from demo.state import Readings, Row, Snapshot, Status, Totals

NOW = 1_800_000_000.0


def row(name: str = "rsa-pem", **changes: Any) -> Row:
    """A credential that was renewed once and used with both tokens."""
    fields: dict[str, Any] = {
        "key_format": "RSA PEM",
        "status": Status("True", "TokenIssued", "On schedule.", NOW + 43, NOW + 8),
        "issued": 2,
        "readings": readings(),
    }
    return Row(name, **(fields | changes))


def readings(**changes: Any) -> Readings:
    """A consumer whose calls all succeeded, with two tokens."""
    fields: dict[str, Any] = {
        "calls_ok": 12,
        "data_model_ok": 2,
        "tokens_used": 2,
        "least_remaining": 33.0,
        "oldest_age": 27.0,
        "last_call": "GET Patient?family=Sample: 200, 2 patients",
    }
    return Readings(**(fields | changes))


def snapshot(*rows: Row, **changes: Any) -> Snapshot:
    """A demo of these credentials in which all is well."""
    fields: dict[str, Any] = {
        "now": NOW,
        "elapsed": 30.0,
        "cluster": "a real kube-apiserver v1.37.2, under the RBAC of deploy/",
        "hint": ("export KUBECONFIG=/srv/checkout/.demo/kubeconfig", "kubectl get rxc -n demo"),
        "rows": rows or (row(),),
        "totals": Totals(token_requests=8, secret_writes=8),
    }
    return Snapshot(**(fields | changes))
