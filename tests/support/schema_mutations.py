"""Specs derived from the CRD's schema: a good one with every field, and each way to change a field.

A field that the schema gains is walked by itself; where any good value will not do, `GOOD` has it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.crd_schema import SPEC

GOOD: dict[str, Any] = {
    ".spec.privateKey.secretRef.name": "ehr-redox-key",
    ".spec.privateKey.secretRef.key": "privateKey",
    ".spec.privateKey.keyId": "k1",
    ".spec.endpoint": "US",
    ".spec.target.secretName": "ehr-token",
    ".spec.refresh.beforeExpirySeconds": 200,
    ".spec.suspend": False,
}
"""Values that belong together, or to what the test has in the cluster."""

FOREIGN_TEXT = (
    "",
    "A",
    "-",
    ".",
    "..",
    "..a",
    "a b",
    " a",
    "a\n",
    "a\x00",
    "é",
    "\N{FAMILY}",
    "a/b",
    "../a",
    "a/b/c",
    'a"b',
    "a\\b",
    "https://a.example/b",
    "$",
    "$$",
    "$(scope)",
    "$(accessToken)$(tokenType)$(expiresAt)$(authorization)$(scope)$(fhirBaseUrl)",
    "$(token)",
    "$(",
    "{{ .a }}",
    "true",
    "7",
    "null",
)
"""Text that some fields take and others refuse."""

FOREIGN_KEYS = (
    *FOREIGN_TEXT,
    "a.example/b",
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "redox-operator.dev/role",
    "velero.io/exclude-from-backup",
    "helm.sh/chart",
    "kubernetes.io/metadata.name",
    "access_token",
    "expires_at",
    "scope",
    "curl.header",
)
"""Keys of maps that some take and others refuse."""

OF_OTHER_TYPES: tuple[tuple[str, Any], ...] = (
    ("string", "text"),
    ("integer", 7),
    ("number", 1.5),
    ("boolean", True),
    ("array", ["item"]),
    ("object", {"member": "value"}),
)
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of the good spec."""

    path: str
    """As in `SPEC`."""
    what: str
    body: dict[str, Any]
    """The object's `spec`, or nothing."""

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def good_spec() -> dict[str, Any]:
    """Every field of the spec, with values that the operator can serve."""
    spec: dict[str, Any] = _good(".spec")
    return spec


def mutations() -> list[Mutation]:
    """Each field of the spec in each of its ways."""
    found = (
        Mutation(path, what, _with(path, value))
        for path in SPEC
        for what, value in _values(path, SPEC[path])
    )
    return list({str(each): each for each in found}.values())


def _good(path: str) -> Any:
    schema = SPEC[path]
    if path in GOOD:
        return GOOD[path]
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "string":
            return "a"
        case "integer":
            return schema["minimum"]
        case "boolean":
            return False
        case "array":
            return [_good(f"{path}[]")]
        case "object" if "additionalProperties" in schema:
            return {"a": _good(f"{path}[*]")}
    return {name: _good(f"{path}.{name}") for name in schema["properties"]}


def _with(path: str, value: Any) -> dict[str, Any]:
    """The good spec with another value at a path, or with none there."""
    whole = {"spec": good_spec()}
    *parents, last = path.removeprefix(".").replace("[]", ".0").replace("[*]", ".a").split(".")
    place: Any = whole
    for name in parents:
        place = place[int(name)] if isinstance(place, list) else place[name]
    if isinstance(place, list):
        place[int(last) :] = [] if value is _ABSENT else [value]
    elif value is _ABSENT:
        del place[last]
    else:
        place[last] = value
    return whole


def _values(path: str, schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    kind, good = schema["type"], _good(path)
    yield "absent", _ABSENT
    yield "null", None
    for name, value in OF_OTHER_TYPES:
        if name != kind and (name, kind) != ("integer", "number"):
            yield f"of type {name}", copy.deepcopy(value)
    match kind:
        case "string" if "enum" in schema:
            yield from ((f"the choice {each}", each) for each in schema["enum"])
            yield "a choice in small letters", schema["enum"][0].lower()
            yield from ((f"the text {each[:40]!r}", each) for each in FOREIGN_TEXT)
        case "string":
            for length in (1, schema["maxLength"], schema["maxLength"] + 1):
                yield f"{length} characters", "a" * length
            for length in (schema["maxLength"], schema["maxLength"] + 1):
                yield f"{length} characters beyond ASCII", "é" * length
            yield from ((f"the text {each[:40]!r}", each) for each in FOREIGN_TEXT)
        case "integer":
            bounds = schema["minimum"], schema["maximum"]
            middle = sum(bounds) // 2
            around = (bounds[0] - 1, bounds[0], middle, bounds[1], bounds[1] + 1)
            for number in (*around, 0, -1, 2**31, 2**63, -(2**63) - 1):
                yield f"the number {number}", number
        case "boolean":
            yield from ((f"{value}", value) for value in (True, False))
        case "array":
            yield "empty", []
            yield "an item twice", good * 2
            yield "an item that is null", [None]
            for count in (schema["maxItems"], schema["maxItems"] + 1):
                yield f"{count} items", [f"item-{number}" for number in range(count)]
        case "object" if "additionalProperties" in schema:
            yield "empty", {}
            for count in (schema["maxProperties"], schema["maxProperties"] + 1):
                yield f"{count} entries", {f"key-{number}": "a" for number in range(count)}
            for length in (63, 64, 253, 254, 317, 318):
                yield f"a key of {length} characters", {"a" * length: "a"}
            yield from ((f"the key {each[:40]!r}", {each: "a"}) for each in FOREIGN_KEYS)
        case "object":
            yield "empty", {}
            yield "a field that nobody knows", {**good, "unknownField": "a"}
