"""A body that should be a JSON object."""

from __future__ import annotations

import json
from typing import NoReturn

from redox_operator.adapters.token_endpoint.answer import Unread


def read_object(body: bytes | Unread) -> dict[str, object] | None:
    """The object, or None for anything else, also for a member twice (RFC 8259 §4)."""
    if isinstance(body, Unread):
        return None
    try:
        document = json.loads(
            body.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError
    return members


def _refuse_constant(_: str) -> NoReturn:
    """NaN and Infinity are no JSON (RFC 8259 §6)."""
    raise ValueError
