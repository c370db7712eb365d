"""Objects are JSON dictionaries; what is stored is never changed in place."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def clone(value: Any) -> Any:
    """Copy dictionaries and lists all the way down; scalars are shared."""
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clone(item) for item in value]
    return value


def key_of(namespace: str | None, name: str) -> str:
    """Return the key of an object within its resource; keys sort as etcd's do."""
    return f"{namespace or ''}/{name}"


def name_of(obj: Object) -> str:
    """Return `metadata.name`, or nothing when it is absent."""
    return str(obj.get("metadata", {}).get("name") or "")


def namespace_of(obj: Object) -> str:
    """Return `metadata.namespace`, empty for an object of the cluster."""
    return str(obj.get("metadata", {}).get("namespace") or "")


def same_json(first: Any, second: Any) -> bool:
    """Compare as JSON does: `1` and `1.0` are equal, `1` and `true` are not."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(
            same_json(item, second[key]) for key, item in first.items()
        )
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same_json, first, second))
    return bool(first == second)
