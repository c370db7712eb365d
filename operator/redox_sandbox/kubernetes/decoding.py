"""From the body of a request to an object in storage form."""

from __future__ import annotations

import json
from typing import Any

from redox_sandbox.kubernetes import field_errors
from redox_sandbox.kubernetes.errors import StatusError, bad_request, invalid
from redox_sandbox.kubernetes.kinds.strategy import Decoded, DecodingError
from redox_sandbox.kubernetes.objects import Object, name_of
from redox_sandbox.kubernetes.resources import Resource


def decode_body(resource: Resource, body: Any, field_validation: str) -> tuple[Object, list[str]]:
    """Return the object and the warnings for the client; it may use and change the body.

    Raises:
        StatusError: 400, the body is no such object, or has unknown fields under `Strict`.
    """
    _check_kind(resource, body)
    try:
        decoded = resource.strategy.decode(resource, body)
    except DecodingError as error:
        raise bad_request(f"{_cannot(resource)}: {error}") from error
    warnings = _unknown(decoded)
    if warnings and field_validation == "Strict":
        raise bad_request(f"{_cannot(resource)}: strict decoding error: {', '.join(warnings)}")
    return decoded.object, warnings if field_validation == "Warn" else []


def decode_patched(
    resource: Resource, body: Object, field_validation: str
) -> tuple[Object, list[str]]:
    """Decode what a patch made of an object; faults are the patch's.

    Raises:
        StatusError: 422, the result is no such object, or has unknown fields under `Strict`.
    """
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    for field, expected in (("apiVersion", resource.api_version), ("kind", resource.kind)):
        actual = body.get(field)
        if actual != expected and resource.strategy.custom:
            fault = field_errors.invalid(field, actual, f"must be {expected}")
            group = str(body.get("apiVersion", "")).rpartition("/")[0]
            raise invalid(group, str(body.get("kind", "")), name_of(body), [fault])
        if actual != expected:
            raise _invalid_patch(text, f"{field} must be {expected}")
    try:
        decoded = resource.strategy.decode(resource, body)
    except DecodingError as error:
        raise _invalid_patch(text, str(error)) from error
    warnings = _unknown(decoded)
    if warnings and field_validation == "Strict":
        raise _invalid_patch(text, f"strict decoding error: {', '.join(warnings)}")
    return decoded.object, warnings if field_validation == "Warn" else []


def _unknown(decoded: Decoded) -> list[str]:
    ordered = sorted(decoded.unknown, key=lambda path: (not path.startswith("metadata."), path))
    return [f'unknown field "{path}"' for path in ordered]


def _cannot(resource: Resource) -> str:
    return f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'


def _invalid_patch(text: str, why: str) -> StatusError:
    # The real server names neither kind nor object here.
    return invalid("", "", "", [field_errors.invalid("patch", text, why)])


def _check_kind(resource: Resource, body: Any) -> None:
    unrecognized = f"the object provided is unrecognized (must be of type {resource.kind})"
    if not isinstance(body, dict):
        raise bad_request(f"{unrecognized}: couldn't get version/kind; json parse error")
    kind, api_version = body.get("kind"), body.get("apiVersion")
    if resource.strategy.custom:
        if not kind or not api_version:
            missing = "'Kind'" if not kind else "'apiVersion'"
            raise bad_request(f"{unrecognized}: Object {missing} is missing")
        if api_version != resource.api_version:
            raise bad_request(
                f"the API version in the data ({api_version}) does not match the expected API "
                f"version ({resource.api_version})"
            )
        if kind != resource.kind:
            fault = field_errors.invalid("kind", kind, f"must be {resource.kind}")
            metadata = body.get("metadata")
            name = metadata.get("name", "") if isinstance(metadata, dict) else ""
            raise invalid(resource.group, str(kind), name, [fault])
        return
    shown = f'{kind or resource.kind} in version "{api_version or resource.version}"'
    if api_version and api_version != resource.api_version:
        why = f'no kind "{kind or resource.kind}" is registered for version "{api_version}"'
        raise bad_request(f"{shown} cannot be handled as a {resource.kind}: {why} in scheme")
    if kind and kind != resource.kind:
        raise bad_request(f"{shown} cannot be handled as a {resource.kind}: unknown conversion")
