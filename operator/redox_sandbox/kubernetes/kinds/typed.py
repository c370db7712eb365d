"""Decode built-in kinds as Go does: types are fixed, unknown fields go, empty ones are left out.

The fields of a kind are written as a small structural schema; `keep` marks a field that stays when
it is empty.
"""

from __future__ import annotations

import re
from typing import Any

from redox_sandbox.kubernetes.kinds.strategy import DecodingError
from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.schema.formats import is_base64, is_date_time
from redox_sandbox.kubernetes.schema.validation import type_name

STRING: Object = {"type": "string"}
BOOLEAN: Object = {"type": "boolean"}
INTEGER: Object = {"type": "integer"}
BYTES: Object = {"type": "string", "format": "byte"}
TIME: Object = {"type": "string", "format": "date-time"}
MICRO_TIME: Object = {"type": "string", "format": "micro-time"}
ANYTHING: Object = {"anything": True}
_MICRO_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}(Z|[+-]\d{2}:\d{2})")
_MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
_GO_TYPES = {"boolean": "bool", "integer": "int32", "string": "string"}
_JSON_TYPES = {"boolean": "bool", "integer": "number"}


def fields(**properties: Object) -> Object:
    """An object with these fields."""
    return {"type": "object", "properties": properties}


def map_of(values: Object) -> Object:
    """An object with free keys."""
    return {"type": "object", "values": values}


def list_of(items: Object) -> Object:
    """A list."""
    return {"type": "array", "items": items}


def keep(inner: Object) -> Object:
    """A field that is shown although it is empty."""
    return {**inner, "keep": True}


OWNER_REFERENCE = fields(
    apiVersion=keep(STRING),
    kind=keep(STRING),
    name=keep(STRING),
    uid=keep(STRING),
    controller=BOOLEAN,
    blockOwnerDeletion=BOOLEAN,
)
OBJECT_META = fields(
    name=STRING,
    generateName=STRING,
    namespace=STRING,
    selfLink=STRING,
    uid=STRING,
    resourceVersion=STRING,
    generation=INTEGER,
    creationTimestamp=TIME,
    deletionTimestamp=TIME,
    deletionGracePeriodSeconds=INTEGER,
    labels=map_of(STRING),
    annotations=map_of(STRING),
    ownerReferences=list_of(OWNER_REFERENCE),
    finalizers=list_of(STRING),
    managedFields=list_of(ANYTHING),
)


def decode(value: Any, schema: Object, where: str, path: str, unknown: list[str]) -> Any:
    """Return the value as the kind holds it; unknown fields are collected.

    Raises:
        DecodingError: a type is wrong; `where` names the Go field in the message.
    """
    if schema.get("anything"):
        return without_nulls(value)
    expected = schema["type"]
    actual = type_name(value)
    if actual == "number" and float(value).is_integer():
        actual, value = "integer", int(value)
    if actual != expected:
        raise DecodingError(_mismatch(actual, schema, where))
    if expected == "string":
        _check_format(value, schema.get("format"))
    elif expected == "array":
        items = schema["items"]
        return [
            decode(item, items, where, f"{path}[{index}]", unknown)
            for index, item in enumerate(value)
            if item is not None
        ]
    elif expected == "object":
        return _decode_object(value, schema, where, path, unknown)
    return value


def _decode_object(
    value: Object, schema: Object, where: str, path: str, unknown: list[str]
) -> Object:
    if "values" in schema:
        inner = schema["values"]
        zero = "" if inner.get("type") == "string" else None
        return {
            key: zero if item is None else decode(item, inner, where, f"{path}.{key}", unknown)
            for key, item in value.items()
        }
    properties = schema["properties"]
    result: Object = {}
    for key, item in value.items():
        inner = properties.get(key)
        field = f"{path}.{key}" if path else key
        if inner is None:
            unknown.append(field)
        elif item is not None:
            decoded = decode(item, inner, f"{where}.{key}", field, unknown)
            if inner.get("keep") or decoded not in ("", [], {}):
                result[key] = decoded
    return result


def _mismatch(actual: str, schema: Object, where: str) -> str:
    expected = schema["type"]
    go_type = _GO_TYPES.get(expected, "map" if expected == "object" else "slice")
    if schema.get("format") == "byte":
        go_type = "[]uint8"
    found = _JSON_TYPES.get(actual, actual)
    return f"json: cannot unmarshal {found} into Go struct field {where} of type {go_type}"


def _check_format(text: str, name: str | None) -> None:
    if name == "byte" and not is_base64(text):
        raise DecodingError("illegal base64 data at input byte 0")
    if name == "date-time" and not is_date_time(text):
        raise DecodingError(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00"')
    if name == "micro-time" and not _MICRO_TIME.fullmatch(text):
        raise DecodingError(f'parsing time "{text}" as "{_MICRO_LAYOUT}"')


def without_nulls(value: Any) -> Any:
    """Return the value without null members, as Go leaves unset fields out."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def decode_metadata(metadata: Any, unknown: list[str]) -> Object:
    """Decode `metadata`, which built-in and custom kinds share.

    Raises:
        DecodingError: it is no object, or a field has the wrong type.
    """
    if not isinstance(metadata, dict):
        found = _JSON_TYPES.get(type_name(metadata), type_name(metadata))
        raise DecodingError(f"json: cannot unmarshal {found} into Go value of type v1.ObjectMeta")
    decoded: Object = decode(metadata, OBJECT_META, "ObjectMeta", "metadata", unknown)
    return decoded
