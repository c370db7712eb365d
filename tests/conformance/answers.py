"""Answers without what no two servers share, and the Status objects that are expected."""

from __future__ import annotations

from typing import Any

from tests.conformance.server import Answer, Object

Cause = tuple[str, str, str]
_UNIQUE = ("uid", "resourceVersion", "creationTimestamp", "managedFields")


def settled(obj: Object) -> Object:
    """The object without uid, resourceVersion, creationTimestamp and managedFields."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _UNIQUE}
    return {**obj, "metadata": metadata}


def status(answer: Answer) -> Object:
    """The Status of a failed request.

    The real server collects causes in no fixed order and some twice: they come sorted and once, and
    with more than one the message ends before them.
    """
    body = dict(answer.body)
    assert body.pop("kind") == "Status", answer.body
    assert body.pop("apiVersion") == "v1"
    assert body.pop("status") == "Failure"
    assert body.pop("code") == answer.code
    if body["metadata"] == {}:
        del body["metadata"]
    details = body.get("details", {})
    if "causes" in details:
        causes = {(c.get("field", ""), c["reason"], c["message"]) for c in details["causes"]}
        details["causes"] = sorted(causes)
        if len(causes) > 1:
            body["message"] = body["message"].partition(": [")[0]
    return {"code": answer.code, **body}


def failure(code: int, reason: str, message: str, details: Object | None = None) -> Object:
    """The expected Status in the form of `status`."""
    expected: Object = {"code": code, "message": message}
    if reason:
        expected["reason"] = reason
    if details is not None:
        expected["details"] = details
    return expected


def not_found(plural: str, name: str, group: str = "") -> Object:
    return failure(
        404,
        "NotFound",
        f'{_qualified(plural, group)} "{name}" not found',
        _details(name, group, plural),
    )


def conflict(plural: str, name: str, why: str, group: str = "") -> Object:
    message = f'Operation cannot be fulfilled on {_qualified(plural, group)} "{name}": {why}'
    return failure(409, "Conflict", message, _details(name, group, plural))


def modified(plural: str, name: str, group: str = "") -> Object:
    why = (
        "the object has been modified; please apply your changes to the latest version "
        "and try again"
    )
    return conflict(plural, name, why, group)


def invalid(kind: str, name: str, *causes: Cause, group: str = "") -> Object:
    """422 with causes of (field, reason, message)."""
    message = f'{_qualified(kind, group)} "{name}" is invalid'
    if len(causes) == 1:
        message += f": {causes[0][0]}: {causes[0][2]}"
    details: Object = {**_details(name, group, kind), "causes": sorted(causes)}
    return failure(422, "Invalid", message, details)


def bad_value(field: str, value: str, why: str) -> Cause:
    return field, "FieldValueInvalid", f"Invalid value: {value}: {why}"


def wrong_type(field: str, shown: str, why: str) -> Cause:
    return field, "FieldValueTypeInvalid", f"Invalid value: {shown}: {why}"


def required(field: str, why: str = "") -> Cause:
    return field, "FieldValueRequired", f"Required value: {why}" if why else "Required value"


def forbidden(field: str, why: str) -> Cause:
    return field, "FieldValueForbidden", f"Forbidden: {why}"


def too_long(field: str, limit: int) -> Cause:
    return field, "FieldValueTooLong", f"Too long: may not be more than {limit} bytes"


def rows(table: Object) -> list[list[Any]]:
    """The cells of a Table."""
    return [row["cells"] for row in table["rows"] or []]


def columns(table: Object) -> list[tuple[str, str, str, int]]:
    """Name, type, format and priority of a Table's columns."""
    return [
        (column["name"], column["type"], column["format"], column["priority"])
        for column in table["columnDefinitions"]
    ]


def _qualified(plural: str, group: str) -> str:
    return f"{plural}.{group}" if group else plural


def _details(name: str, group: str, kind: str) -> Object:
    details = {"name": name, "group": group, "kind": kind}
    return {key: value for key, value in details.items() if value}
