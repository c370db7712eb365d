"""The value of a key Secret that is no PEM: a JSON object, or advice on what it seems to be."""

from __future__ import annotations

import json
import re
from typing import NoReturn

from redox_operator.domain.errors import KeyInvalid

_UNKNOWN = (
    "The private key's value is neither a PEM, a JWK nor a JWK Set: store the key in one of these "
    "formats."
)
_DER = (
    "The private key's value is binary, perhaps DER: convert the key to PEM with "
    "`openssl pkey -inform DER -in <file>`."
)
_ENCODED_TWICE = (
    "The private key's value is still base64, so it was encoded twice: write the plain text under "
    "`stringData`, or encode it once under `data`."
)
_DAMAGED = (
    "The private key's value begins like a JWK but is no valid JSON: store the JWK or JWK Set "
    "again, whole, and each member once."
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ENCODED_BEGINNING = re.compile(rb"LS0tLS1CRUdJTi|ey[IAJoKC]")


def read_json(content: bytes) -> dict[str, object]:
    """The JSON object. Raises `KeyInvalid`, one sentence for each fault."""
    text = content.removeprefix(_BYTE_ORDER_MARK).strip()
    if not text.startswith((b"{", b"[")):
        raise KeyInvalid(_advice(text))
    try:
        document = json.loads(
            text.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        raise KeyInvalid(_DAMAGED) from None
    if not isinstance(document, dict):
        raise KeyInvalid(
            'The private key\'s value is a JSON list: write a JWK Set, {"keys": [...]}, instead.'
        )
    return document


def _advice(text: bytes) -> str:
    if text.startswith(b"\x30") and not text.isascii():
        return _DER
    if _ENCODED_BEGINNING.match(text):
        return _ENCODED_TWICE
    return _UNKNOWN


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Members by name; a name twice is ambiguous (RFC 7517 §4)."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError
    return members


def _refuse_constant(_: str) -> NoReturn:
    """NaN and Infinity are no JSON (RFC 8259 §6)."""
    raise ValueError
