"""Strategic merge patch for built-in kinds: a merge patch that knows which lists are keyed.

Enough of it for kubectl: keyed and set-like lists of the kinds served here, and the directives
`$patch`, `$deleteFromPrimitiveList/…`, `$setElementOrder/…` and `$retainKeys`. Lists that are
not named below are replaced.
"""

from __future__ import annotations

from typing import Any

_KEYS = {
    "ownerReferences": "uid",
    "secrets": "name",
    "imagePullSecrets": "name",
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "conditions": "type",
}
_SETS = ("finalizers",)
_DELETE = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


def merge(document: Any, patch: Any) -> Any:
    """Return the patched document; neither argument changes."""
    if not isinstance(patch, dict):
        return patch
    match patch.get("$patch"):
        case "replace":
            return {key: value for key, value in patch.items() if key != "$patch"}
        case "delete":
            return {}
        case _:
            pass
    result = dict(document) if isinstance(document, dict) else {}
    retained = patch.get("$retainKeys")
    if isinstance(retained, list):
        result = {key: value for key, value in result.items() if key in retained}
    for key, value in patch.items():
        if key.startswith(_DELETE):
            name = key.removeprefix(_DELETE)
            result[name] = [item for item in result.get(name) or [] if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = _member(key, result.get(key), value)
    _order(result, patch)
    return result


def _member(name: str, current: Any, value: Any) -> Any:
    if isinstance(value, list) and isinstance(current, list):
        if name in _SETS:
            return [*value, *(item for item in current if item not in value)]
        if name in _KEYS:
            return _keyed(_KEYS[name], current, value)
    return merge(current if isinstance(value, dict) else None, value)


def _keyed(key: str, current: list[Any], patch: list[Any]) -> list[Any]:
    if any(item.get("$patch") == "replace" for item in patch if isinstance(item, dict)):
        return [item for item in patch if item.get("$patch") != "replace"]
    known = {item.get(key) for item in current}
    deleted = {item.get(key) for item in patch if item.get("$patch") == "delete"}
    patches = {item.get(key): item for item in patch if item.get(key) not in deleted}
    merged = [
        merge(item, patches.get(item.get(key), {}))
        for item in current
        if item.get(key) not in deleted
    ]
    # Elements that the patch names come first, in its order, as the real server merges them.
    added = [merge({}, item) for name, item in patches.items() if name not in known]
    return [*added, *merged]


def _order(result: dict[str, Any], patch: dict[str, Any]) -> None:
    for directive, order in patch.items():
        name = directive.removeprefix(_ORDER)
        items = result.get(name)
        if not directive.startswith(_ORDER) or not isinstance(items, list):
            continue
        key = _KEYS.get(name)

        def identity(item: Any, key: str | None = key) -> Any:
            return item.get(key) if key and isinstance(item, dict) else item

        wanted = [identity(item) for item in order]
        items.sort(
            key=lambda item: (
                wanted.index(identity(item)) if identity(item) in wanted else len(wanted)
            )
        )
