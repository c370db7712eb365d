"""Errors as the API answers them: `metav1.Status` with code, reason and causes.

StatusError
    not_found · already_exists · conflict · invalid · bad_request · forbidden
    method_not_allowed · not_acceptable · unsupported_media_type · too_large
    expired · too_large_revision · unauthorized
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from redox_sandbox.kubernetes.field_errors import FieldError
from redox_sandbox.kubernetes.objects import Object

LIST_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start "
    "a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)


@dataclass(eq=False)
class StatusError(Exception):
    """A request that failed, with everything its `Status` says."""

    code: int
    reason: str
    message: str
    details: Object | None = None
    metadata: Object | None = None
    retry_after: int | None = None
    warnings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return self.message

    def status(self) -> Object:
        """Return the `Status` object for the answer's body."""
        body: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata or {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


@contextmanager
def warned(warnings: list[str]) -> Iterator[None]:
    """Give the warnings of a request to the error that it fails with."""
    try:
        yield
    except StatusError as error:
        error.warnings = warnings
        raise


def _details(name: str, group: str, kind: str, **more: object) -> Object:
    details: Object = {"name": name, "group": group, "kind": kind, **more}
    return {key: value for key, value in details.items() if value != ""}


def _qualified(plural: str, group: str) -> str:
    return f"{plural}.{group}" if group else plural


def not_found(group: str, plural: str, name: str) -> StatusError:
    """No object of that name."""
    message = f'{_qualified(plural, group)} "{name}" not found'
    return StatusError(404, "NotFound", message, _details(name, group, plural))


def no_such_resource() -> StatusError:
    """The path names a resource or subresource that is not served."""
    message = "the server could not find the requested resource"
    return StatusError(404, "NotFound", message, {})


def already_exists(group: str, plural: str, name: str) -> StatusError:
    """A create met an object of that name."""
    message = f'{_qualified(plural, group)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, _details(name, group, plural))


def conflict(group: str, plural: str, name: str, why: str) -> StatusError:
    """The object is not what the writer believed it to be."""
    message = f'Operation cannot be fulfilled on {_qualified(plural, group)} "{name}": {why}'
    return StatusError(409, "Conflict", message, _details(name, group, plural))


def modified(group: str, plural: str, name: str) -> StatusError:
    """The writer's resourceVersion is not the stored one."""
    why = (
        "the object has been modified; please apply your changes to the latest version "
        "and try again"
    )
    return conflict(group, plural, name, why)


def invalid(group: str, kind: str, name: str, faults: Sequence[FieldError]) -> StatusError:
    """The object breaks rules of its kind; one cause per fault."""
    texts = list(dict.fromkeys(f"{fault.field}: {fault.message}" for fault in faults))
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    causes = [fault.cause() for fault in faults]
    return StatusError(
        422,
        "Invalid",
        f'{_qualified(kind, group)} "{name}" is invalid: {joined}',
        _details(name, group, kind, causes=causes),
    )


def rejected_patch() -> StatusError:
    """A JSON patch whose operation does not fit the object (RFC 6902 §5)."""
    message = "the server rejected our request due to an error in our request"
    return StatusError(422, "Invalid", message, {})


def bad_request(message: str) -> StatusError:
    """The request itself cannot be understood."""
    return StatusError(400, "BadRequest", message)


def forbidden(
    group: str, plural: str, name: str, why: str, causes: list[Object] | None = None
) -> StatusError:
    """The request is understood and refused."""
    message = f'{_qualified(plural, group)} "{name}" is forbidden: {why}'
    details = _details(name, group, plural)
    if causes:
        details["causes"] = causes
    return StatusError(403, "Forbidden", message, details)


def unauthorized() -> StatusError:
    """No credential, or one that is not known."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> StatusError:
    """The resource has no such verb."""
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message, {})


def not_acceptable(message: str | None = None) -> StatusError:
    """No form of the answer fits the Accept header."""
    accepted = "application/json, application/yaml"
    message = message or f"only the following media types are accepted: {accepted}"
    return StatusError(406, "NotAcceptable", message)


def unsupported_media_type(accepted: str) -> StatusError:
    """The body is of a type that this request does not take."""
    message = (
        "the body of the request was in an unknown format - accepted media types include: "
        f"{accepted}"
    )
    return StatusError(415, "UnsupportedMediaType", message)


def too_large(limit: int) -> StatusError:
    """The body is longer than any object may be."""
    message = f"Request entity too large: limit is {limit}"
    return StatusError(413, "RequestEntityTooLarge", message)


def expired(message: str, continue_token: str | None = None) -> StatusError:
    """The history that the request needs has been compacted."""
    metadata = {"continue": continue_token} if continue_token else None
    return StatusError(410, "Expired", message, metadata=metadata)


def too_large_revision(asked: int, current: int) -> StatusError:
    """The request asks for a revision that is still to come."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return StatusError(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {asked}, current: {current}",
        {"causes": [cause], "retryAfterSeconds": 1},
        retry_after=1,
    )
