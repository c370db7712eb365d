"""`metadata.managedFields`: who wrote an object, by which operation, and when.

Only server-side apply records the fields; an update is recorded with an empty set (see __init__).
"""

from __future__ import annotations

from typing import Any

from redox_sandbox.kubernetes.objects import Object


def manager_of(field_manager: str | None, user_agent: str) -> str:
    """Return the manager's name: the given one, else the product in the User-Agent."""
    return field_manager or user_agent.partition("/")[0] or "unknown"


def entry_of(metadata: Object, manager: str, operation: str, subresource: str) -> Object | None:
    """Find the entry of a manager, operation and subresource."""
    for entry in metadata.get("managedFields", []):
        if (entry.get("manager"), entry.get("operation"), entry.get("subresource", "")) == (
            manager,
            operation,
            subresource,
        ):
            return dict(entry)
    return None


def record(
    metadata: Object,
    *,
    manager: str,
    operation: str,
    subresource: str,
    api_version: str,
    time: str,
    fields: Any = None,
) -> None:
    """Put the entry of this write in place of the manager's earlier one."""
    entry: Object = {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields if fields is not None else {},
    }
    if subresource:
        entry["subresource"] = subresource
    identity = (manager, operation, subresource)
    kept = [
        other
        for other in metadata.get("managedFields", [])
        if (other.get("manager"), other.get("operation"), other.get("subresource", "")) != identity
    ]
    metadata["managedFields"] = [*kept, entry]
