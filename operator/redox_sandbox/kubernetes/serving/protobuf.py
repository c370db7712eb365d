"""Decoding of Kubernetes' protobuf bodies, for the kinds that kubectl creates with it.

`kubectl create namespace|secret|configmap|serviceaccount|role|rolebinding …` sends protobuf and
takes JSON back. Field numbers are those of `generated.proto` in k8s.io/api and k8s.io/apimachinery.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from redox_sandbox.kubernetes.errors import bad_request, unsupported_media_type
from redox_sandbox.kubernetes.objects import Object

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    kind: Literal["string", "bytes", "bool", "integer", "message", "map", "bytes_map"] = "string"
    message: dict[int, _Field] | None = None
    repeated: bool = False


def _strings(name: str) -> _Field:
    return _Field(name, repeated=True)


def _message(name: str, fields: dict[int, _Field], *, repeated: bool = False) -> _Field:
    return _Field(name, "message", fields, repeated)


_OWNER = {
    1: _Field("kind"),
    3: _Field("name"),
    4: _Field("uid"),
    5: _Field("apiVersion"),
    6: _Field("controller", "bool"),
    7: _Field("blockOwnerDeletion", "bool"),
}
_METADATA = _message(
    "metadata",
    {
        1: _Field("name"),
        2: _Field("generateName"),
        3: _Field("namespace"),
        5: _Field("uid"),
        6: _Field("resourceVersion"),
        11: _Field("labels", "map"),
        12: _Field("annotations", "map"),
        13: _message("ownerReferences", _OWNER, repeated=True),
        14: _strings("finalizers"),
    },
)
_RULE = {
    1: _strings("verbs"),
    2: _strings("apiGroups"),
    3: _strings("resources"),
    4: _strings("resourceNames"),
    5: _strings("nonResourceURLs"),
}
_SUBJECT = {1: _Field("kind"), 2: _Field("apiGroup"), 3: _Field("name"), 4: _Field("namespace")}
_ROLE_REF = {1: _Field("apiGroup"), 2: _Field("kind"), 3: _Field("name")}
_ROLE = {1: _METADATA, 2: _message("rules", _RULE, repeated=True)}
_BINDING = {
    1: _METADATA,
    2: _message("subjects", _SUBJECT, repeated=True),
    3: _message("roleRef", _ROLE_REF),
}
_KINDS: dict[str, dict[int, _Field]] = {
    "Namespace": {1: _METADATA},
    "Secret": {
        1: _METADATA,
        2: _Field("data", "bytes_map"),
        3: _Field("type"),
        4: _Field("stringData", "map"),
        5: _Field("immutable", "bool"),
    },
    "ConfigMap": {
        1: _METADATA,
        2: _Field("data", "map"),
        3: _Field("binaryData", "bytes_map"),
        4: _Field("immutable", "bool"),
    },
    "ServiceAccount": {1: _METADATA},
    "Role": _ROLE,
    "ClusterRole": _ROLE,
    "RoleBinding": _BINDING,
    "ClusterRoleBinding": _BINDING,
}
_ENVELOPE = {
    1: _message("typeMeta", {1: _Field("apiVersion"), 2: _Field("kind")}),
    2: _Field("raw", "bytes"),
}


def decode(content: bytes) -> Object:
    """Return the object in a protobuf body.

    Raises:
        StatusError: 400, it is damaged; 415, its kind is not one of those above.
    """
    if not content.startswith(_MAGIC):
        raise bad_request("the body does not begin as Kubernetes' protobuf does")
    try:
        envelope = _decode(content[len(_MAGIC) :], _ENVELOPE)
        kind = envelope["typeMeta"]["kind"]
        if kind not in _KINDS:
            raise unsupported_media_type("application/json, application/yaml")
        return {**envelope["typeMeta"], **_decode(envelope["raw"], _KINDS[kind])}
    except (IndexError, KeyError, ValueError) as error:
        raise bad_request("the body is not valid protobuf") from error


def _decode(content: bytes, fields: dict[int, _Field]) -> Object:
    result: Object = {}
    for number, value in _pairs(content):
        field = fields.get(number)
        if field is None:
            continue
        if field.kind in ("map", "bytes_map"):
            entry = dict(_pairs(value))
            text = entry.get(2, b"")
            shown = base64.b64encode(text) if field.kind == "bytes_map" else text
            result.setdefault(field.name, {})[entry.get(1, b"").decode()] = shown.decode()
            continue
        item = _value(field, value)
        if field.repeated:
            result.setdefault(field.name, []).append(item)
        # Go's protobuf writes empty strings too; JSON leaves them out.
        elif item != "":
            result[field.name] = item
    return result


def _value(field: _Field, value: Any) -> Any:
    match field.kind:
        case "string":
            return value.decode()
        case "bool":
            return bool(value)
        case "message":
            return _decode(value, field.message or {})
        case _:
            return value


def _pairs(content: bytes) -> Iterator[tuple[int, Any]]:
    """Walk the fields of a message: varints and length-delimited values."""
    position = 0
    while position < len(content):
        tag, position = _varint(content, position)
        value, position = _varint(content, position)
        if tag & 7 == 2:
            length, end = value, position + value
            if end > len(content):
                raise ValueError(f"{length} bytes announced, fewer sent")
            yield tag >> 3, content[position:end]
            position = end
        elif tag & 7 == 0:
            yield tag >> 3, value
        else:
            raise ValueError("a wire type that Kubernetes does not use")


def _varint(content: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[position]
        value |= (byte & 0x7F) << shift
        position += 1
        shift += 7
        if byte < 0x80:
            return value, position
