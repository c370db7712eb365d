"""Lists in pages that fit into memory, however large the objects are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from redox_operator.adapters.cluster.connection import Connection
from redox_operator.domain.errors import Invalid

PAGE = 100
"""Objects of a page, where they are not large."""


async def pages(
    connection: Connection,
    resource: str,
    path: str,
    *,
    label_selector: str | None = None,
    accept: str = "application/json",
) -> AsyncIterator[dict[str, Any]]:
    """Each page of a list; a page that is too large is asked for anew with half of the objects.

    Reads without a resourceVersion, so that a cache that fell behind cannot answer. Raises a
    `ClusterError`: `Invalid` where a single object is too large.
    """
    query, limit = dict[str, str](), PAGE
    if label_selector:
        query["labelSelector"] = label_selector
    while True:
        query["limit"] = str(limit)
        try:
            page = await connection.request("list", resource, path, query=query, accept=accept)
        except Invalid as error:
            if not error.too_large or limit == 1:
                raise
            limit //= 2
            continue
        yield page
        more = (page.get("metadata") or {}).get("continue")
        if not more:
            return
        # The next objects may be small again.
        query["continue"], limit = more, min(PAGE, 2 * limit)
