"""Validate a value against a structural schema, with kube-openapi's sentences.

On an update what has not changed is not judged again (CRDValidationRatcheting), so that a stricter
schema does not lock old objects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from redox_sandbox.kubernetes.field_errors import (
    FieldError,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
    wrong_type,
)
from redox_sandbox.kubernetes.objects import Object, same_json
from redox_sandbox.kubernetes.schema.formats import has_format

_ABSENT = object()
INT_OR_STRING = "x-kubernetes-int-or-string"


def validate(
    value: Any, schema: Object, path: str = "", old: Any = _ABSENT
) -> Iterator[FieldError]:
    """Yield what is wrong with a value; `old` is the value that it replaces."""
    if old is not _ABSENT and same_json(value, old):
        return
    if value is None:
        if not schema.get("nullable") and _types(schema):
            yield _type_error(path, value, schema)
        return
    if not _has_type(value, schema):
        yield _type_error(path, value, schema)
        if _types(schema) == ["integer"] and isinstance(value, float):
            # The real server adds this second sentence, with no field of its own.
            detail = f"Checked value must be of type integer (default format) in {path}"
            yield invalid("<nil>", "", detail)
    if "enum" in schema and not any(same_json(value, item) for item in schema["enum"]):
        allowed = [item if isinstance(item, str) else json.dumps(item) for item in schema["enum"]]
        yield not_supported(path, value, allowed)
    if isinstance(value, str):
        yield from _string(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, schema, path)
    elif isinstance(value, list):
        yield from _array(value, schema, path, old)
    elif isinstance(value, dict):
        yield from _object(value, schema, path, old)
    yield from _combined(value, schema, path)


def _types(schema: Object) -> list[str]:
    if schema.get(INT_OR_STRING):
        return ["integer", "string"]
    return [schema["type"]] if schema.get("type") else []


def type_name(value: Any) -> str:
    """Return the JSON type of a value, with `integer` apart from `number`."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _has_type(value: Any, schema: Object) -> bool:
    types = _types(schema)
    actual = type_name(value)
    if not types or actual in types:
        return True
    if actual == "integer":
        return "number" in types
    return actual == "number" and "integer" in types and float(value).is_integer()


def _type_error(path: str, value: Any, schema: Object) -> FieldError:
    actual = type_name(value)
    expected = ",".join(_types(schema))
    return wrong_type(path, actual, f'{path} in body must be of type {expected}: "{actual}"')


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    # RE2's `$` is the end of the text; Python's also matches before a last newline.
    anchored = re.sub(r"(?<!\\)\$$", r"\\Z", pattern)
    return re.compile(anchored)


def _string(value: str, schema: Object, path: str) -> Iterator[FieldError]:
    limit, least = schema.get("maxLength"), schema.get("minLength")
    if limit is not None and len(value) > limit:
        yield too_long(path, limit)
    elif least is not None and len(value) < least:
        yield invalid(path, value, f"{path} in body should be at least {least} chars long")
    elif schema.get("pattern") and not _compiled(schema["pattern"]).search(value):
        yield invalid(path, value, f"{path} in body should match '{schema['pattern']}'")
    if schema.get("format") and not has_format(value, schema["format"]):
        detail = f"{path} in body must be of type {schema['format']}: {json.dumps(value)}"
        yield wrong_type(path, value, detail)


def _shown(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(number)


def _number(value: float, schema: Object, path: str) -> Iterator[FieldError]:
    factor = schema.get("multipleOf")
    if factor and isinstance(value, int):
        # The real server casts the factor to the type of the value, also when nothing is left.
        factor = int(factor)
        if not factor:
            yield invalid(
                path, 0, f"factor MultipleOf declared for {path} must be positive: {factor}"
            )
    if factor and not float(value / factor).is_integer():
        yield invalid(path, value, f"{path} in body should be a multiple of {_shown(factor)}")
    most, least = schema.get("maximum"), schema.get("minimum")
    if most is not None:
        strict = bool(schema.get("exclusiveMaximum"))
        if value > most or (strict and value == most):
            relation = "less than" if strict else "less than or equal to"
            yield invalid(path, value, f"{path} in body should be {relation} {_shown(most)}")
    if least is not None:
        strict = bool(schema.get("exclusiveMinimum"))
        if value < least or (strict and value == least):
            relation = "greater than" if strict else "greater than or equal to"
            yield invalid(path, value, f"{path} in body should be {relation} {_shown(least)}")


def _array(value: list[Any], schema: Object, path: str, old: Any) -> Iterator[FieldError]:
    limit, least = schema.get("maxItems"), schema.get("minItems")
    if least is not None and len(value) < least:
        detail = f"{path} in body should have at least {least} items"
        yield invalid(path, len(value), detail)
    if limit is not None and len(value) > limit:
        yield too_many(path, len(value), limit)
    items = schema.get("items") or {}
    before = _correlated(old, schema.get("x-kubernetes-list-map-keys") or [])
    for index, item in enumerate(value):
        earlier = before.get(_identity(item, schema), _ABSENT)
        yield from validate(item, items, f"{path}[{index}]", earlier)


def _identity(item: Any, schema: Object) -> Any:
    keys = schema.get("x-kubernetes-list-map-keys")
    if not keys or not isinstance(item, dict):
        return None
    return json.dumps([item.get(key) for key in keys])


def _correlated(old: Any, keys: list[str]) -> dict[Any, Any]:
    if not keys or not isinstance(old, list):
        return {}
    schema = {"x-kubernetes-list-map-keys": keys}
    return {_identity(item, schema): item for item in old if isinstance(item, dict)}


def _object(value: Object, schema: Object, path: str, old: Any) -> Iterator[FieldError]:
    limit, least = schema.get("maxProperties"), schema.get("minProperties")
    if least is not None and len(value) < least:
        detail = f"{path} in body should have at least {least} properties"
        yield invalid(path, len(value), detail)
    if limit is not None and len(value) > limit:
        yield too_many(path, len(value), limit)
    for key in schema.get("required") or []:
        if key not in value:
            yield required(f"{path}.{key}" if path else key)
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    before = old if isinstance(old, dict) else {}
    for key, item in value.items():
        inner = properties.get(key, additional if isinstance(additional, dict) else None)
        if inner is not None:
            where = f"{path}.{key}" if path else key
            yield from validate(item, inner, where, before.get(key, _ABSENT))


def _combined(value: Any, schema: Object, path: str) -> Iterator[FieldError]:
    for part in schema.get("allOf") or []:
        yield from validate(value, part, path)
    if (parts := schema.get("anyOf")) and not any(_fits(value, part, path) for part in parts):
        yield _nowhere(f'"{path}" must validate at least one schema (anyOf)')
    if parts := schema.get("oneOf"):
        count = sum(_fits(value, part, path) for part in parts)
        if count != 1:
            found = "Found none valid" if count == 0 else f"Found {count} valid alternatives"
            yield _nowhere(f'"{path}" must validate one and only one schema (oneOf). {found}')
    if (refused := schema.get("not")) is not None and _fits(value, refused, path):
        yield _nowhere(f'"{path}" must not validate the schema (not)')


def _fits(value: Any, schema: Object, path: str) -> bool:
    return next(validate(value, schema, path), None) is None


def _nowhere(detail: str) -> FieldError:
    return invalid("<nil>", "", detail)
