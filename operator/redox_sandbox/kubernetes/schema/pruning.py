"""Remove what a structural schema does not specify."""

from __future__ import annotations

from typing import Any

from redox_sandbox.kubernetes.objects import Object

_RESOURCE_FIELDS = ("apiVersion", "kind", "metadata")
PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"


def prune(value: Any, schema: Object, path: str = "", *, root: bool = True) -> list[str]:
    """Remove unspecified fields in place; return their paths.

    `root` marks an object with `apiVersion`, `kind` and `metadata` of its own, which always stay.
    """
    dropped: list[str] = []
    if isinstance(value, list):
        items = schema.get("items") or {}
        for index, item in enumerate(value):
            dropped += prune(item, items, f"{path}[{index}]", root=bool(items.get(EMBEDDED)))
    elif isinstance(value, dict):
        dropped += _prune_object(value, schema, path, root)
    return dropped


def _prune_object(value: Object, schema: Object, path: str, root: bool) -> list[str]:
    dropped: list[str] = []
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    for key in list(value):
        if root and key in _RESOURCE_FIELDS:
            continue
        where = f"{path}.{key}" if path else key
        inner = properties.get(key)
        if inner is None and isinstance(additional, dict):
            inner = additional
        if inner is not None:
            dropped += prune(value[key], inner, where, root=bool(inner.get(EMBEDDED)))
        elif not schema.get(PRESERVE) and additional is not True:
            del value[key]
            dropped.append(where)
    return dropped
