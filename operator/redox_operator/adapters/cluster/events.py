"""Posting Events (events.k8s.io/v1): transitions, as `kubectl describe` shows them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from redox_operator.adapters.cluster.connection import Connection
from redox_operator.domain.credential import API_VERSION, KIND, Key

_MAX_NOTE = 1024
_CONTROLLER = "redox-operator.dev/redox-operator"


class Events:
    """The Events of the cluster."""

    def __init__(self, connection: Connection, instance: str) -> None:
        self._connection = connection
        self._instance = instance[:128]

    async def post(self, key: Key, uid: str, *, warning: bool, reason: str, note: str) -> None:
        """Create one Event about a credential."""
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{key.name[:200]}.{secrets.token_hex(8)}",
                "namespace": key.namespace,
            },
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "action": "Refresh",
            "note": note[:_MAX_NOTE],
            "reportingController": _CONTROLLER,
            "reportingInstance": self._instance,
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "namespace": key.namespace,
                "name": key.name,
                "uid": uid,
            },
        }
        path = f"/apis/events.k8s.io/v1/namespaces/{key.namespace}/events"
        await self._connection.request("create", "events", path, body=body)
