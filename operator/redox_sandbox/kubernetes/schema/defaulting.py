"""Set the defaults of a structural schema, and drop nulls that it does not allow."""

from __future__ import annotations

from typing import Any

from redox_sandbox.kubernetes.objects import Object, clone


def default(value: Any, schema: Object) -> None:
    """Set defaults in place.

    A null in a field that is not nullable counts as absent: it takes the default, or goes.
    """
    if isinstance(value, list):
        items = schema.get("items") or {}
        for item in value:
            default(item, items)
    elif isinstance(value, dict):
        _default_object(value, schema)


def _default_object(value: Object, schema: Object) -> None:
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    for key, inner in properties.items():
        absent = key not in value or (value[key] is None and not inner.get("nullable"))
        if absent and "default" in inner:
            value[key] = clone(inner["default"])
    for key in list(value):
        inner = properties.get(key, additional if isinstance(additional, dict) else None)
        if inner is None:
            continue
        if value[key] is None and not inner.get("nullable"):
            del value[key]
        else:
            default(value[key], inner)
