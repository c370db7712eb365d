"""The formats that are checked; kube-apiserver ignores those it does not know, and so does this."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID

_DATE_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def _accepts(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return check


def is_date_time(text: str) -> bool:
    """Check RFC 3339 §5.6 `date-time`."""
    if not _DATE_TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(f"{text[:10]}T{text[11:19]}")
    except ValueError:
        return False
    return True


def is_base64(text: str) -> bool:
    """Check base64 with padding (RFC 4648 §4)."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


_CHECKS: dict[str, Callable[[str], bool]] = {
    "byte": is_base64,
    "cidr": _accepts(ipaddress.ip_network),
    "date": _accepts(date.fromisoformat),
    "date-time": is_date_time,
    "datetime": is_date_time,
    "ipv4": _accepts(ipaddress.IPv4Address),
    "ipv6": _accepts(ipaddress.IPv6Address),
    "uuid": _accepts(UUID),
}


def has_format(text: str, name: str) -> bool:
    """Tell whether the text has the format; an unknown format is not checked."""
    check = _CHECKS.get(name)
    return check is None or check(text)
