"""Server-side apply, in a basic form: who applied a field owns it.

Owned fields are tries in the form of `fieldsV1`: `f:name` for a member, `k:{…}` for an element of a
list that is a map, `v:…` for one of a set. Only appliers own fields here; the real server also lets
plain updates take ownership.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redox_sandbox.kubernetes.kinds.strategy import Strategy
from redox_sandbox.kubernetes.objects import Object, clone, same_json

_IDENTITY = ("apiVersion", "kind")
_METADATA_IDENTITY = ("name", "namespace", "resourceVersion", "uid", "managedFields")
# Lists of built-in kinds, and of all metadata, that are merged by key.
_KEYED = {
    "ownerReferences": ["uid"],
    "containers": ["name"],
    "initContainers": ["name"],
    "volumes": ["name"],
    "env": ["name"],
    "conditions": ["type"],
    "secrets": ["name"],
    "imagePullSecrets": ["name"],
}


@dataclass(eq=False)
class ApplyConflict(Exception):
    """Fields with another value belong to others: pairs of manager and field."""

    conflicts: list[tuple[str, str]]


def owned_fields(document: Object, strategy: Strategy) -> Object:
    """Return the fields that an applied document claims."""
    content = {key: value for key, value in document.items() if key not in _IDENTITY}
    metadata = content.pop("metadata", None)
    if isinstance(metadata, dict):
        kept = {k: v for k, v in metadata.items() if k not in _METADATA_IDENTITY}
        if kept:
            content["metadata"] = kept
    return _fields(content, _schema(strategy))


def apply(
    live: Object,
    document: Object,
    strategy: Strategy,
    fields: Object,
    mine: Object,
    others: list[Object],
    *,
    force: bool,
) -> Object:
    """Return the live object with the document applied.

    `mine` are the fields that the manager applied before, `others` the entries of other managers;
    with `force` fields are taken out of the latter in place.

    Raises:
        ApplyConflict: another applier owns a field whose value would change.
    """
    schema = _schema(strategy)
    merged: Object = _merge(live, document, schema)
    appliers = [entry for entry in others if entry["operation"] == "Apply"]
    conflicts = []
    for path in _leaves(fields):
        if same_json(_at(live, path), _at(merged, path)):
            continue
        for entry in appliers:
            if _owns(entry["fieldsV1"], path):
                conflicts.append((entry["manager"], _shown(path)))
                if force:
                    _disown(entry["fieldsV1"], path)
    if conflicts and not force:
        raise ApplyConflict(conflicts)
    for path in _leaves(mine):
        if not _owns(fields, path) and not any(_owns(e["fieldsV1"], path) for e in appliers):
            _remove(merged, path)
    return merged


def _schema(strategy: Strategy) -> Object:
    schema: Object | None = getattr(strategy, "schema", None)
    return schema or {}


def _inner(schema: Object, name: str) -> Object:
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    inner: Object = properties.get(name, additional if isinstance(additional, dict) else {})
    if name in _KEYED and "x-kubernetes-list-type" not in inner:
        return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": _KEYED[name]}
    if name == "finalizers":
        return {"x-kubernetes-list-type": "set"}
    return inner


def _element(item: Any, schema: Object) -> str | None:
    match schema.get("x-kubernetes-list-type"):
        case "map" if isinstance(item, dict):
            keys = {k: item.get(k) for k in sorted(schema.get("x-kubernetes-list-map-keys", []))}
            return f"k:{json.dumps(keys, separators=(',', ':'))}"
        case "set":
            return f"v:{json.dumps(item, separators=(',', ':'))}"
        case _:
            return None


def _fields(value: Any, schema: Object) -> Object:
    if isinstance(value, dict) and schema.get("x-kubernetes-map-type") != "atomic":
        return {f"f:{name}": _fields(item, _inner(schema, name)) for name, item in value.items()}
    result: Object = {}
    for item in value if isinstance(value, list) else ():
        element = _element(item, schema)
        if element is not None:
            inner = _fields(item, schema.get("items") or {})
            result[element] = {".": {}, **inner} if element.startswith("k:") else {}
    return result


def _merge(live: Any, applied: Any, schema: Object) -> Any:
    if isinstance(live, dict) and isinstance(applied, dict):
        if schema.get("x-kubernetes-map-type") == "atomic":
            return clone(applied)
        merged = {k: _merge(live.get(k), v, _inner(schema, k)) for k, v in applied.items()}
        return {**live, **merged}
    if isinstance(live, list) and isinstance(applied, list):
        elements = {_element(item, schema): item for item in live}
        if None not in elements or not live:
            for item in applied:
                element = _element(item, schema)
                if element is None:
                    return clone(applied)
                elements[element] = _merge(elements.get(element), item, schema.get("items") or {})
            return list(elements.values())
    return clone(applied)


def _leaves(fields: Object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for step, inner in fields.items():
        if step == ".":
            yield path
        elif inner:
            yield from _leaves(inner, (*path, step))
        else:
            yield (*path, step)


def _owns(fields: Object, path: tuple[str, ...]) -> bool:
    for step in path:
        if step not in fields:
            return False
        fields = fields[step]
    return not fields or "." in fields


def _disown(fields: Object, path: tuple[str, ...]) -> None:
    trail = [fields]
    for step in path[:-1]:
        trail.append(trail[-1][step])
    trail[-1].pop(path[-1], None)
    for parent, step in zip(reversed(trail[:-1]), reversed(path[:-1]), strict=True):
        if not parent[step]:
            del parent[step]


def _step(value: Any, step: str) -> Any:
    kind, _, text = step.partition(":")
    if kind == "f":
        return value.get(text) if isinstance(value, dict) else None
    for item in value if isinstance(value, list) else ():
        if _is_element(item, kind, text):
            return item
    return None


def _is_element(item: Any, kind: str, text: str) -> bool:
    wanted = json.loads(text)
    if kind == "v":
        return same_json(item, wanted)
    return isinstance(item, dict) and all(item.get(key) == wanted[key] for key in wanted)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        value = _step(value, step)
    return value


def _remove(value: Any, path: tuple[str, ...]) -> None:
    parent = _at(value, path[:-1])
    kind, _, text = path[-1].partition(":")
    if kind == "f" and isinstance(parent, dict):
        parent.pop(text, None)
    elif isinstance(parent, list):
        parent[:] = [item for item in parent if not _is_element(item, kind, text)]


def _shown(path: tuple[str, ...]) -> str:
    shown = ""
    for step in path:
        kind, _, text = step.partition(":")
        if kind == "f":
            shown += f".{text}"
        elif kind == "k":
            keys = json.loads(text)
            shown += "[" + ",".join(f"{k}={json.dumps(v)}" for k, v in keys.items()) + "]"
        else:
            shown += f"[={text}]"
    return shown
