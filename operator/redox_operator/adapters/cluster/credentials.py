"""Listing RedoxCredentials and writing their status."""

from __future__ import annotations

from typing import Any

from redox_operator.adapters.cluster.connection import MERGE_PATCH, METADATA, Connection
from redox_operator.adapters.cluster.pages import pages
from redox_operator.domain.credential import GROUP, PLURAL, VERSION, Key

FIELD_MANAGER = "redox-operator"


class Credentials:
    """The RedoxCredentials of the cluster."""

    def __init__(self, connection: Connection, label_selector: str | None = None) -> None:
        self._connection = connection
        self._label_selector = label_selector

    async def list(self, namespace: str | None) -> tuple[list[dict[str, Any]], str]:
        """All objects, and the revision of the list.

        Raises `NotFound` where the CustomResourceDefinition is missing.
        """
        scope = "" if namespace is None else f"/namespaces/{namespace}"
        path = f"/apis/{GROUP}/{VERSION}{scope}/{PLURAL}"
        items, revision = list[dict[str, Any]](), ""
        async for page in pages(
            self._connection, PLURAL, path, label_selector=self._label_selector
        ):
            items += page.get("items") or ()
            revision = (page.get("metadata") or {}).get("resourceVersion", "")
        return items, revision

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
