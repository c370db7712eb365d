"""Uniqueness in lists that are maps or sets (`x-kubernetes-list-type`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from redox_sandbox.kubernetes.field_errors import FieldError, duplicate
from redox_sandbox.kubernetes.objects import Object


def list_faults(value: Any, schema: Object, path: str = "") -> Iterator[FieldError]:
    """Yield every element of a map- or set-like list whose key or value was there before."""
    if isinstance(value, list):
        yield from _repeated(value, schema, path)
        items = schema.get("items") or {}
        for index, item in enumerate(value):
            yield from list_faults(item, items, f"{path}[{index}]")
    elif isinstance(value, dict):
        properties = schema.get("properties") or {}
        additional = schema.get("additionalProperties")
        for key, item in value.items():
            inner = properties.get(key, additional if isinstance(additional, dict) else None)
            if inner:
                yield from list_faults(item, inner, f"{path}.{key}" if path else key)


def _repeated(value: list[Any], schema: Object, path: str) -> Iterator[FieldError]:
    kind = schema.get("x-kubernetes-list-type")
    if kind not in ("map", "set"):
        return
    keys = schema.get("x-kubernetes-list-map-keys") or []
    seen: set[str] = set()
    for index, item in enumerate(value):
        if kind == "map":
            if not isinstance(item, dict):
                continue
            item = {key: item[key] for key in keys if key in item}
        identity = json.dumps(item, sort_keys=True)
        if identity in seen:
            yield duplicate(f"{path}[{index}]", item)
        seen.add(identity)
