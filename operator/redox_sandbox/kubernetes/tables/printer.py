"""Columns from a CustomResourceDefinition's `additionalPrinterColumns`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.tables.columns import NAME, Column
from redox_sandbox.kubernetes.tables.durations import human_duration, parse_time
from redox_sandbox.kubernetes.tables.json_path import PathError, find

_AGE: Object = {
    "name": "Age",
    "type": "date",
    "jsonPath": ".metadata.creationTimestamp",
    # The words of the definition that the real server adds when a version has no columns.
    "description": (
        "CreationTimestamp is a timestamp representing the server time when this object was "
        "created. It is not guaranteed to be set in happens-before order across separate "
        "operations. Clients may not set this value. It is represented in RFC3339 form and is in "
        "UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
        "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
        "#metadata"
    ),
}


def printer_columns(definitions: list[Object] | None) -> tuple[Column, ...]:
    """Return the columns of a version; Name comes first, Age alone when none are given."""
    return (NAME, *(_column(definition) for definition in definitions or [_AGE]))


def _column(definition: Object) -> Column:
    path, kind = definition["jsonPath"], definition["type"]

    def cell(obj: Object, now: datetime) -> Any:
        try:
            found = find(path, obj)
        except PathError:
            return None
        return _shown(kind, found[0], now) if found else None

    described = f"Custom resource definition column (in JSONPath format): {path}"
    return Column(
        definition["name"],
        cell,
        kind,
        definition.get("format", ""),
        definition.get("description") or described,
        definition.get("priority", 0),
    )


def _shown(kind: str, value: Any, now: datetime) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case "string":
            return _text(value)
        case "integer":
            return int(value) if number else None
        case "number":
            return value if number else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date" if isinstance(value, str):
            moment = parse_time(value)
            return human_duration(now - moment) if moment else "<invalid>"
    return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
