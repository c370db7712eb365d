"""The four conditions of a credential, as kstatus, Flux, Argo CD and `kubectl wait` read them.

`Ready`: the Secret holds a token that has not expired. `RefreshHealthy`: the last attempt to keep
it so succeeded. `Stalled`: a person must act. `Reconciling`: the operator is under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from redox_operator.domain.access_token import AccessToken
from redox_operator.domain.errors import CredentialError, Stalls
from redox_operator.domain.timestamps import format_time

STALLS_LATER_AFTER = 300.0
"""Seconds until a failure of the kind `Stalls.LATER` is reported as stalled."""

PENDING = "Pending"
TOKEN_ISSUED = "TokenIssued"  # noqa: S105 - a reason
TOKEN_EXPIRED = "TokenExpired"  # noqa: S105 - a reason
SUSPENDED = "Suspended"
LIFETIME_TOO_SHORT = "LifetimeTooShort"


@dataclass(frozen=True, slots=True)
class Situation:
    """What the conditions are made from."""

    now: float
    generation: int
    token: AccessToken | None
    """The token that the Secret holds and that counts, expired or not; value not needed."""
    suspended: bool = False
    pending_change: bool = False
    """Spec or key changed and the token of the new input is not stored yet."""
    refreshing: bool = False
    """A refresh is due and has not ended yet: what was told of the last one still holds."""
    error: CredentialError | None = None
    error_since: float = 0.0
    lifetime_too_short: bool = False
    unseen: bool = False
    """Whether the Secret could not be read yet, so that nobody knows what it holds."""
    note: str = ""
    """What the author should know though all is well."""

    @property
    def live(self) -> bool:
        """Whether mounted readers find a token that has not expired."""
        return self.token is not None and self.token.expires_at > self.now

    @property
    def pending(self) -> bool:
        """Whether a token is on its way: the first, one for a changed input, or a late one."""
        return not self.live or self.pending_change

    @property
    def stalled(self) -> bool:
        """Whether a person must act."""
        if self.error is None or self.suspended:
            return False
        if self.error.stalls is Stalls.LATER:
            return self.now >= self.error_since + STALLS_LATER_AFTER
        return self.error.stalls is Stalls.NOW


@dataclass(frozen=True, slots=True)
class Condition:
    """A metav1.Condition without its times."""

    type: str
    status: str
    reason: str
    message: str = ""


def conditions(
    situation: Situation, previous: Iterable[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """The conditions to report, with `lastTransitionTime` kept where the status did not change.

    `Stalled` stands before `Reconciling`: kstatus takes the first that is true.
    """
    before = {condition.get("type"): condition for condition in previous}
    return [
        _stamped(condition, before.get(condition.type), situation)
        for condition in (
            _ready(situation),
            _refresh_healthy(situation, before.get("RefreshHealthy")),
            _stalled(situation),
            _reconciling(situation),
        )
    ]


def _ready(situation: Situation) -> Condition:
    token = situation.token
    if token is not None and situation.live:
        message = f"The Secret holds a token that is valid until {format_time(token.expires_at)}."
        reason = SUSPENDED if situation.suspended else TOKEN_ISSUED
        return Condition("Ready", "True", reason, message)
    if token is not None:
        message = f"The token in the Secret expired at {format_time(token.expires_at)}."
        return Condition("Ready", "False", TOKEN_EXPIRED, _joined(message, _failure(situation)))
    if situation.unseen:
        message = _failure(situation) or "The Secret has not been read yet."
        reason = PENDING if situation.error is None else situation.error.reason
        return Condition("Ready", "Unknown", reason, message)
    if situation.suspended:
        return Condition("Ready", "False", SUSPENDED, "Suspended before a first token was issued.")
    if situation.error is not None:
        return Condition("Ready", "False", situation.error.reason, _failure(situation))
    return Condition("Ready", "Unknown", PENDING, "The first token is being requested.")


def _refresh_healthy(situation: Situation, before: Mapping[str, Any] | None) -> Condition:
    kind = "RefreshHealthy"
    if situation.suspended:
        resume = Condition(kind, "Unknown", SUSPENDED, "Set spec.suspend to false to resume.")
        return _as_before(before) or resume
    if situation.error is not None:
        return Condition(kind, "False", situation.error.reason, _failure(situation))
    if situation.lifetime_too_short:
        return Condition(
            kind,
            "False",
            LIFETIME_TOO_SHORT,
            "Tokens of this endpoint live too short for a mounted Secret: readers may find an "
            "expired one. Ask for a longer life, or lower PROPAGATION_SECONDS where the cluster's "
            "kubelets sync faster.",
        )
    if not situation.live:
        failed = _as_before(before)
        if situation.token is not None and failed is not None and failed.status == "False":
            # The attempt under way follows one that failed, and has not ended.
            return failed
        which = "The first" if situation.token is None else "A new"
        return Condition(kind, "Unknown", PENDING, f"{which} token is being requested.")
    message = _joined("Tokens are requested and stored on schedule.", situation.note)
    on_schedule = Condition(kind, "True", TOKEN_ISSUED, message)
    undecided = situation.pending_change or situation.refreshing
    if undecided and before is not None and before.get("status") != "Unknown":
        return _as_before(before) or on_schedule
    return on_schedule


def _as_before(before: Mapping[str, Any] | None) -> Condition | None:
    if before is None or not before.get("status") or not before.get("reason"):
        return None
    return Condition(before["type"], before["status"], before["reason"], before.get("message", ""))


def _stalled(situation: Situation) -> Condition:
    if not situation.stalled or situation.error is None:
        return Condition("Stalled", "False", _progress_reason(situation))
    return Condition("Stalled", "True", situation.error.reason, _failure(situation))


def _reconciling(situation: Situation) -> Condition:
    error = situation.error
    if situation.suspended:
        under_way = False
    elif error is not None:
        under_way = error.stalls is Stalls.LATER
    else:
        under_way = situation.pending
    status = "True" if under_way else "False"
    return Condition("Reconciling", status, _progress_reason(situation))


def _progress_reason(situation: Situation) -> str:
    if situation.suspended:
        return SUSPENDED
    if situation.error is not None:
        return situation.error.reason
    if situation.pending:
        return PENDING
    return TOKEN_ISSUED


def _failure(situation: Situation) -> str:
    """Since when, what and what to do, until when readers are safe."""
    if situation.error is None:
        return ""
    parts = [f"Since {format_time(situation.error_since)}: {situation.error.message}"]
    if situation.token is not None and situation.live:
        until = format_time(situation.token.expires_at)
        parts.append(f"Readers hold a valid token until {until}.")
    return " ".join(parts)


def _joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _stamped(
    condition: Condition, before: Mapping[str, Any] | None, situation: Situation
) -> dict[str, Any]:
    changed = before is None or before.get("status") != condition.status
    since = None if before is None or changed else before.get("lastTransitionTime")
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "observedGeneration": situation.generation,
        "lastTransitionTime": since or format_time(situation.now),
    }
