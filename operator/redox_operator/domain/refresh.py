"""When a token is refreshed, and when a failed attempt is tried again.

    issued        start        deadline D      expiry
      |------------|--- B ---------|--- P --- S ---|
      0           123             198             300   seconds of a token of 300 s, by default

P: the kubelet shows a write up to 92 s late. S: a reader still needs 10 s. B: 60 s in which the
endpoint may be away, a last attempt, a pause and the write. M = P + S + B.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from redox_operator.domain.access_token import AccessToken

MIN_INTERVAL = 10.0
"""No scheduled issue of a credential more often than this, whatever the endpoint says."""
INPUT_INTERVAL = 30.0
"""Issues that a changed input causes, at most one per credential in this time."""

_FIRST_DELAY = 1.0
_CAP_BEFORE_DEADLINE = 5.0
_CAP_AFTER_DEADLINE = 60.0
_REJECTED_DELAYS = (1.0, 10.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class Margins:
    """Seconds that a token must outlive its refresh by; settings of the process."""

    propagation: float = 92.0
    safety: float = 10.0
    retry_budget: float = 75.0

    @property
    def mounted(self) -> float:
        """P + S: what a token still needs when it is written for the last time to be of use."""
        return self.propagation + self.safety

    @property
    def total(self) -> float:
        """M = P + S + B."""
        return self.mounted + self.retry_budget


def refresh_start(
    lifetime: float, margins: Margins, before_expiry_seconds: float | None = None
) -> float:
    """Seconds from sending until the refresh starts: min(⅔·L, max(⅓·L, L-M)).

    Below a third, the endpoint would be asked three times per life; above two thirds, a short
    life would leave no time to try twice. `before_expiry_seconds` takes the place of M.
    """
    margin = margins.total if before_expiry_seconds is None else before_expiry_seconds
    return min(2 * lifetime / 3, max(lifetime / 3, lifetime - margin))


def jitter(lifetime: float, start: float, uid: str) -> float:
    """Seconds by which the refresh starts earlier, drawn once per credential from its UID."""
    draw = int.from_bytes(hashlib.sha256(uid.encode()).digest()[:8]) / 2**64
    return draw * min(lifetime / 10, start / 4)


def refresh_time(
    token: AccessToken, uid: str, margins: Margins, before_expiry_seconds: float | None = None
) -> float:
    """When the refresh of this token starts, in seconds since the epoch."""
    start = refresh_start(token.lifetime, margins, before_expiry_seconds)
    return token.issued_at + max(MIN_INTERVAL, start - jitter(token.lifetime, start, uid))


def deadline(token: AccessToken, margins: Margins) -> float:
    """D: the last write that still reaches every mounted reader in time."""
    return token.expires_at - margins.mounted


def is_too_short(lifetime: float, margins: Margins) -> bool:
    """Whether mounts cannot be served hitlessly, however early the refresh: L < 1.5·(P + S)."""
    return lifetime < 1.5 * margins.mounted


def retry_delay(attempts: int, fraction: float, *, before_deadline: bool) -> float:
    """Seconds until the next attempt after `attempts` ≥ 1 failed ones: full jitter from 1 s.

    `fraction` is the draw, 0 ≤ fraction < 1. Before the deadline the cap is low, because each
    second counts; after it readers have an expired token anyway, and the endpoint needs air.
    """
    cap: float = _CAP_BEFORE_DEADLINE if before_deadline else _CAP_AFTER_DEADLINE
    return fraction * min(cap, _FIRST_DELAY * 2.0 ** min(attempts - 1, 16))


def rejected_delay(attempts: int) -> float:
    """Seconds until the next attempt after `attempts` ≥ 1 rejections in a row."""
    return _REJECTED_DELAYS[min(attempts, len(_REJECTED_DELAYS)) - 1]
