"""Listing RedoxCredentials and writing their status."""

from __future__ import annotations

from typing import Any

from redox_operator.adapters.cluster.connection import MERGE_PATCH, METADATA, Connection
from redox_operator.domain.credential import GROUP, PLURAL, VERSION, Key

FIELD_MANAGER = "redox-operator"
PAGE = 500


class Credentials:
    """The RedoxCredentials of the cluster."""

    def __init__(self, connection: Connection, label_selector: str | None = None) -> None:
        self._connection = connection
        self._label_selector = label_selector

    async def list(self, namespace: str | None) -> tuple[list[dict[str, Any]], str]:
        """All objects, and the revision of the list.

        Reads without a resourceVersion, so that a cache that fell behind cannot answer. Raises
        `NotFound` where the CustomResourceDefinition is missing.
        """
        scope = "" if namespace is None else f"/namespaces/{namespace}"
        query = {"limit": str(PAGE)}
        if self._label_selector:
            query["labelSelector"] = self._label_selector
        items: list[dict[str, Any]] = []
        while True:
            page = await self._connection.request(
                "list", PLURAL, f"/apis/{GROUP}/{VERSION}{scope}/{PLURAL}", query=query
            )
            items += page.get("items") or ()
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                return items, metadata.get("resourceVersion", "")
            query["continue"] = metadata["continue"]

    async def patch_status(self, key: Key, uid: str, patch: dict[str, Any]) -> str | None:
        """Merge a patch into the status of this very object; its resourceVersion afterwards.

        Raises `NotFound` where it is gone, `Conflict` where another object has its name.
        """
        answer = await self._connection.request(
            "patch",
            f"{PLURAL}/status",
            f"/apis/{GROUP}/{VERSION}/namespaces/{key.namespace}/{PLURAL}/{key.name}/status",
            query={"fieldManager": FIELD_MANAGER},
            body={"metadata": {"uid": uid}, **patch},
            content_type=MERGE_PATCH,
            accept=METADATA,
        )
        version: str | None = (answer.get("metadata") or {}).get("resourceVersion")
        return version
