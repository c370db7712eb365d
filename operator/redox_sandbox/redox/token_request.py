"""The form of a token request: RFC 6749 §4.4.2 with the client assertion of RFC 7523 §2.2."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from . import refusal
from .refusal import Refusal, blank

GRANT_TYPE = "client_credentials"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MEDIA_TYPE = "application/x-www-form-urlencoded"
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A well-formed request: the assertion as sent, and the optional `scope` and `client_id`."""

    assertion: str = field(repr=False)
    scope: str = ""
    client_id: str | None = None


def parse(content_type: str, body: bytes, *, authorization: bool = False) -> TokenRequest:
    """Check the form. `authorization` says whether an `Authorization` header came with it.

    Raises `Refusal` at the first fault. A parameter without a value counts as absent
    and none may come twice (RFC 6749 §3.2).
    """
    if content_type.partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise Refusal(refusal.CONTENT_TYPE_REQUIRED, "the content type is not that of a form")
    form = read_form(body)
    if form is None:
        raise Refusal(refusal.MISSING_GRANT_TYPE, "the body is not a form")

    grant_types = form.get("grant_type", [])
    if not grant_types:
        raise Refusal(refusal.MISSING_GRANT_TYPE, "grant_type is absent")
    if grant_types != [GRANT_TYPE]:
        raise Refusal(refusal.WRONG_GRANT_TYPE, "grant_type is another one, or comes twice")

    assertion_types = form.get("client_assertion_type", [])
    if not assertion_types:
        raise Refusal(refusal.MISSING_ASSERTION_TYPE, "client_assertion_type is absent")
    if assertion_types != [ASSERTION_TYPE]:
        raise Refusal(
            refusal.WRONG_ASSERTION_TYPE, "client_assertion_type is another one, or comes twice"
        )

    assertions = form.get("client_assertion", [])
    if not assertions:
        raise Refusal(refusal.MISSING_ASSERTION, "client_assertion is absent")
    if len(assertions) > 1:
        raise blank("client_assertion comes twice")
    if authorization or "client_secret" in form:
        raise blank("a second way of client authentication is used (RFC 6749 §2.3)")
    return TokenRequest(
        assertion=assertions[0],
        scope=_scope(form.get("scope", [])),
        client_id=_client_id(form.get("client_id", [])),
    )


def read_form(body: bytes) -> dict[str, list[str]] | None:
    """The parameters that have a value, with all their values; None when the body is no form."""
    try:
        pairs = parse_qsl(body.decode("ascii"), errors="strict", max_num_fields=64)
    except ValueError:
        return None
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def _scope(values: Sequence[str]) -> str:
    if not values:
        return ""
    if len(values) > 1 or not _SCOPE.fullmatch(values[0]):
        raise Refusal(
            refusal.BLANK, "scope comes twice or breaks RFC 6749 §3.3", error="invalid_scope"
        )
    return values[0]


def _client_id(values: Sequence[str]) -> str | None:
    if len(values) > 1:
        raise blank("client_id comes twice")
    return values[0] if values else None
