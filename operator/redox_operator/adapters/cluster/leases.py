"""The Lease that says which replica works (coordination.k8s.io/v1)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from redox_operator.adapters.cluster.connection import MERGE_PATCH, Connection
from redox_operator.domain.errors import NotFound
from redox_operator.domain.lease import DURATION, Lease

FIELD_MANAGER = "redox-operator"
_RELEASED_DURATION = 1
"""Seconds: a Lease that nobody holds must have some."""


class Leases:
    """One Lease, by its name."""

    def __init__(self, connection: Connection, namespace: str, name: str) -> None:
        self._connection = connection
        self._namespace = namespace
        self._name = name

    async def read(self) -> Lease | None:
        """The Lease, or None where there is none. Raises a `ClusterError`."""
        try:
            return _parsed(await self._connection.request("get", "leases", self._path))
        except NotFound:
            return None

    async def write(self, seen: Lease | None, holder: str) -> Lease:
        """Make `holder` the holder, of the Lease as it was seen and of no other.

        An empty holder gives it up, to whoever asks first. What others wrote on the object, labels
        say, stays.

        Raises `Conflict` where another replica was first, `NotFound` where the Lease or its
        namespace is gone, or another `ClusterError`.
        """
        query = {"fieldManager": FIELD_MANAGER}
        if seen is None:
            body = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self._name, "namespace": self._namespace},
                "spec": _spec(seen, holder),
            }
            collection = self._path.rpartition("/")[0]
            return _parsed(
                await self._connection.request(
                    "create", "leases", collection, query=query, body=body
                )
            )
        patch = {
            "metadata": {"resourceVersion": seen.resource_version},
            "spec": _spec(seen, holder),
        }
        return _parsed(
            await self._connection.request(
                "patch", "leases", self._path, query=query, body=patch, content_type=MERGE_PATCH
            )
        )

    @property
    def _path(self) -> str:
        prefix = "/apis/coordination.k8s.io/v1/namespaces"
        return f"{prefix}/{self._namespace}/leases/{self._name}"


def _spec(seen: Lease | None, holder: str) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    renewed = seen is not None and seen.holder == holder
    transitions = 0 if seen is None else seen.transitions
    if holder and not renewed and seen is not None:
        transitions += 1
    return {
        "holderIdentity": holder,
        "leaseDurationSeconds": DURATION if holder else _RELEASED_DURATION,
        "acquireTime": seen.acquire_time or now if seen is not None and renewed else now,
        "renewTime": now,
        "leaseTransitions": transitions,
    }


def _parsed(body: dict[str, Any]) -> Lease:
    spec = body.get("spec") or {}
    return Lease(
        resource_version=body["metadata"]["resourceVersion"],
        holder=spec.get("holderIdentity") or "",
        duration_seconds=spec.get("leaseDurationSeconds") or DURATION,
        transitions=spec.get("leaseTransitions") or 0,
        acquire_time=spec.get("acquireTime") or "",
    )
