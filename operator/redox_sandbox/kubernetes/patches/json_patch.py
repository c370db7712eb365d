"""JSON patch (RFC 6902), with the addresses of RFC 6901."""

from __future__ import annotations

from typing import Any

from redox_sandbox.kubernetes.objects import clone, same_json

MAXIMUM_OPERATIONS = 10_000


class PatchConflictError(Exception):
    """An operation does not fit the document; RFC 6902 §5 then rejects the whole patch."""


def apply(document: Any, operations: list[Any]) -> Any:
    """Return the patched document; neither argument changes.

    Raises:
        PatchConflictError: a `test` failed, or an operation cannot be done.
    """
    result = clone(document)
    for operation in operations:
        if not isinstance(operation, dict):
            raise PatchConflictError("an operation is not an object")
        result = _step(result, operation)
    return result


def _step(document: Any, operation: dict[str, Any]) -> Any:
    path = _tokens(operation.get("path"))
    match operation.get("op"):
        case "add":
            return _add(document, path, _value(operation))
        case "remove":
            return _remove(document, path)
        case "replace":
            # kube-apiserver's library lets `replace` create a missing member of an object.
            return _replace(document, path, _value(operation))
        case "move":
            source = _tokens(operation.get("from"))
            moved = _get(document, source)
            return _add(_remove(document, source), path, moved)
        case "copy":
            return _add(document, path, clone(_get(document, _tokens(operation.get("from")))))
        case "test":
            if not same_json(_get(document, path, None), operation.get("value")):
                raise PatchConflictError("test failed")
            return document
        case _:
            raise PatchConflictError("unknown operation")


def _value(operation: dict[str, Any]) -> Any:
    if "value" not in operation:
        raise PatchConflictError("an operation lacks its value")
    return clone(operation["value"])


def _tokens(pointer: Any) -> list[str]:
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise PatchConflictError("a pointer does not start with '/'")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


_ABSENT = object()


def _get(document: Any, path: list[str], default: Any = _ABSENT) -> Any:
    for token in path:
        try:
            document = document[_index(document, token)] if _is_list(document) else document[token]
        except (KeyError, IndexError, TypeError) as error:
            if default is _ABSENT:
                raise PatchConflictError("a pointer leads nowhere") from error
            return default
    return document


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _index(items: list[Any], token: str, end: int = 0) -> int:
    if not token.isdecimal() or int(token) >= len(items) + end:
        raise PatchConflictError("an index is out of range")
    return int(token)


def _parent(document: Any, path: list[str]) -> Any:
    parent = _get(document, path[:-1])
    if not isinstance(parent, dict | list):
        raise PatchConflictError("a pointer leads into a scalar")
    return parent


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _parent(document, path)
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif path[-1] == "-":
        parent.append(value)
    else:
        parent.insert(_index(parent, path[-1], end=1), value)
    return document


def _replace(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _parent(document, path)
    if isinstance(parent, dict):
        parent[path[-1]] = value
    else:
        parent[_index(parent, path[-1])] = value
    return document


def _remove(document: Any, path: list[str]) -> Any:
    if not path:
        return None
    parent = _parent(document, path)
    try:
        del parent[_index(parent, path[-1]) if isinstance(parent, list) else path[-1]]
    except KeyError as error:
        raise PatchConflictError("a member to remove is absent") from error
    return document
