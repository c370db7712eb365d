"""An answer of the token endpoint, read within limits, and its headers."""

from __future__ import annotations

import contextlib
import enum
import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import httpx

MAX_BODY_BYTES = 64 * 1024
"""A token may have 32768 characters."""

_NUMBER = re.compile(r"[0-9]{1,9}")


class Unread(enum.Enum):
    """Why there is no body."""

    TOO_LARGE = "larger than 64 KiB"
    ENCODED = "compressed, though the request forbade it"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, the headers that count, and the body. Nothing of it is shown but the status."""

    status: int
    body: bytes | Unread = field(repr=False)
    date: float | None = None
    """`Date` (RFC 9110 §6.6.1) in seconds since the epoch."""
    retry_after: float | None = None
    """`Retry-After` (RFC 9110 §10.2.3) in seconds from when the answer was sent."""
    rate_limit: int | None = None
    """`X-RateLimit-Limit`, which Redox sends with 429."""


async def read_answer(response: httpx.Response, *, now: float) -> Answer:
    """Read a streamed response. `now` stands in for a missing `Date`."""
    date = _http_date(response.headers.get("date", ""))
    return Answer(
        status=response.status_code,
        body=await _read_body(response),
        date=date,
        retry_after=_retry_after(
            response.headers.get("retry-after", ""), now if date is None else date
        ),
        rate_limit=_integer(response.headers.get("x-ratelimit-limit", "")),
    )


async def _read_body(response: httpx.Response) -> bytes | Unread:
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        # Decompressing costs memory before a limit applies, and we asked for identity.
        return Unread.ENCODED
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return Unread.TOO_LARGE
    return bytes(body)


def _retry_after(value: str, sent: float) -> float | None:
    seconds = _integer(value)
    if seconds is not None:
        return float(seconds)
    moment = _http_date(value)
    return None if moment is None else max(0.0, moment - sent)


def _integer(value: str) -> int | None:
    # Neither `strip()` nor `int` alone: what they take for space is not what HTTP does, nor equal.
    text = value.strip(" \t")
    return int(text) if _NUMBER.fullmatch(text) else None


def _http_date(value: str) -> float | None:
    with contextlib.suppress(ValueError, OverflowError, OSError):
        moment = parsedate_to_datetime(value)
        # Without a zone it would be read as local time; HTTP knows no such date.
        return moment.timestamp() if moment.tzinfo is not None else None
    return None
