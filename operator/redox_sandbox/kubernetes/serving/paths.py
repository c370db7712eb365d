"""What a request is about, from its method and path."""

from __future__ import annotations

from dataclasses import dataclass

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """The attributes that authorization, faults and the request log go by."""

    verb: str
    group: str
    version: str
    plural: str
    subresource: str = ""
    namespace: str | None = None
    name: str = ""


def parse_path(method: str, path: str, *, watch: bool) -> RequestInfo | None:
    """Parse the path of a resource; nothing when it is none, as of discovery."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    if rest[0] == "watch" and len(rest) > 1:
        watch, rest = True, rest[1:]
    namespace: str | None = None
    # `namespaces/x` is the namespace itself, `namespaces/x/secrets` what is in it.
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest, "", "")[:3]
    if len(rest) > 3:
        return None
    verb = _verb(method, name, watch=watch)
    return RequestInfo(verb, group, version, plural, subresource, namespace, name)


def _verb(method: str, name: str, *, watch: bool) -> str:
    if method == "GET":
        if name:
            return "get"
        return "watch" if watch else "list"
    if method == "DELETE":
        return "delete" if name else "deletecollection"
    return _VERBS.get(method, method.lower())
