"""A 200: the token in it, each field checked (RFC 6749 §5.1)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from redox_operator.adapters.token_endpoint.answer import Answer, Unread
from redox_operator.adapters.token_endpoint.json_object import read_object
from redox_operator.domain.access_token import AccessToken, TokenResponse
from redox_operator.domain.errors import LifetimeTooLong, ResponseInvalid

# What may stand in a header, in quotation marks, in a file and in a line of a curl configuration.
_ACCESS_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,32768}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")
_DIGITS = re.compile(r"[0-9]{1,15}")

_WHAT_TO_DO = (
    "another attempt follows by itself; if this stays, check that the endpoint's tokenUrl is that "
    "of an OAuth token endpoint."
)


def read_success(
    answer: Answer, *, scopes: Sequence[str], sent_at: float, max_lifetime_seconds: float
) -> TokenResponse | ResponseInvalid | LifetimeTooLong:
    """The token, or the error to raise.

    Returned, not raised: a traceback that shows variables would show the answer.
    """
    members = read_object(answer.body)
    if members is None:
        return _invalid(answer, _what_instead(answer.body))
    value, lifetime, scope = (
        members.get("access_token"),
        _seconds(members.get("expires_in")),
        _scope(members.get("scope"), scopes),
    )
    if not isinstance(value, str) or not _ACCESS_TOKEN.fullmatch(value):
        return _invalid(answer, "no usable access_token")
    if not _is_bearer(members.get("token_type")):
        return _invalid(answer, "a token_type that is not Bearer")
    if lifetime is None:
        return _invalid(answer, "no expires_in of whole seconds above zero")
    if scope is None:
        return _invalid(answer, "a malformed scope")
    if lifetime > max_lifetime_seconds:
        return LifetimeTooLong(
            "The token endpoint issued a token that lives longer than the "
            f"{max_lifetime_seconds:.0f} s that MAX_LIFETIME_SECONDS allows: shorten the lifetime "
            "at the endpoint, or raise that setting of the operator.",
            status=answer.status,
            date=answer.date,
        )
    issued_at = float(math.floor(sent_at))
    token = AccessToken(value, issued_at=issued_at, expires_at=issued_at + lifetime, scope=scope)
    return TokenResponse(token, answer.date)


def _invalid(answer: Answer, what: str) -> ResponseInvalid:
    return ResponseInvalid(
        f"The token endpoint answered {answer.status} with {what}: {_WHAT_TO_DO}",
        status=answer.status,
        date=answer.date,
    )


def _what_instead(body: bytes | Unread) -> str:
    if isinstance(body, Unread):
        return f"a body that is {body.value}"
    return "no JSON object"


def _is_bearer(token_type: object) -> bool:
    return isinstance(token_type, str) and token_type.lower() == "bearer"


def _seconds(value: object) -> int | None:
    """Whole seconds above zero; some servers write 300.0 or "300"."""
    match value:
        case bool():
            return None
        case int():
            seconds = value
        case float() if value.is_integer():
            seconds = int(value)
        case str() if _DIGITS.fullmatch(value):
            seconds = int(value)
        case _:
            return None
    return seconds if seconds >= 1 else None


def _scope(value: object, requested: Sequence[str]) -> str | None:
    """The granted scope (RFC 6749 §3.3): absent, it is what was requested; empty, it is none."""
    if value is None:
        return " ".join(requested)
    if value == "" or (isinstance(value, str) and _SCOPE.fullmatch(value)):
        return str(value)
    return None
