"""Points in time: seconds since the epoch inside, RFC 3339 in UTC with whole seconds outside."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

# `fromisoformat` also takes forms of ISO 8601 that RFC 3339 does not, more with each Python.
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

_YEAR_10000 = 253_402_300_800


def format_time(seconds: float) -> str:
    """`2026-11-23T12:05:00Z`, rounded down: a stored expiry is never later than the real one."""
    return datetime.fromtimestamp(math.floor(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: object) -> float | None:
    """Seconds since the epoch, or None for anything that is no RFC 3339 time with an offset.

    Nor for a time that is before the epoch, or, by its offset, after the year 9999: what is read
    can be written again.
    """
    if not isinstance(text, str) or len(text) > 40 or not _RFC_3339.fullmatch(text):
        return None
    try:
        seconds = datetime.fromisoformat(text.upper()).timestamp()
    except ValueError:
        return None
    return seconds if 0 <= seconds < _YEAR_10000 else None
