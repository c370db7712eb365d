"""From a record to what is told of it: the situation, of which conditions are made, and facts."""

from __future__ import annotations

from dataclasses import replace

from redox_operator.controllers.observing import Observer
from redox_operator.controllers.records import Record
from redox_operator.domain import refresh, target
from redox_operator.domain.conditions import Situation
from redox_operator.domain.credential import Credential
from redox_operator.domain.errors import Conflict, CredentialError, KeyNotFound, WriteDenied
from redox_operator.domain.policies import Failure, Observed, refresh_time
from redox_operator.domain.status import Facts
from redox_operator.domain.target import same_input

_TOLD_AFTER = 3
"""Failures in a row from which the API server's are told: a single one heals in a second or two."""
_NOT_WRITTEN = (
    "The API server does not store the Secret: look at its health, and at admission webhooks."
)
_NOT_SEEN = "The API server does not hand out the target's Secret: look at its health."
_NOT_READ = "The API server does not hand out the private key's Secret: look at its health."


def _told(failure: Failure | None, kind: type[CredentialError], message: str) -> Failure | None:
    """The failure as an author is told of it; the API server's own is told when it lasts."""
    if failure is None or isinstance(failure.error, CredentialError):
        return failure
    if failure.attempts < _TOLD_AFTER or isinstance(failure.error, Conflict):
        return None
    return replace(failure, error=kind(message))


def situation(record: Record, observed: Observed) -> Situation:
    """What the conditions of a valid credential are made from."""
    seen = record.target_read_at > float("-inf")
    failures = (
        _told(record.write_failure, WriteDenied, _NOT_WRITTEN if seen else _NOT_SEEN),
        record.refusal,
        _told(record.request_failure, KeyNotFound, _NOT_READ),
        observed.waits_for,
    )
    failure = next(
        (each for each in failures if each and isinstance(each.error, CredentialError)), None
    )
    token = None
    if record.target is not None:
        ours = target.ownership(record.target, observed.credential) is not target.Ownership.FOREIGN
        if ours:
            token = target.stored_token(record.target, observed.now, observed.max_lifetime_seconds)
    error = failure.error if failure is not None else None
    return Situation(
        now=observed.now,
        generation=record.generation,
        token=token,
        suspended=observed.credential.suspend,
        pending_change=not same_input(observed.token_input_hash, observed.expected_input_hash),
        refreshing=observed.live_token is not None and observed.now >= refresh_time(observed),
        error=error if isinstance(error, CredentialError) else None,
        error_since=failure.since if failure is not None else 0.0,
        lifetime_too_short=token is not None
        and refresh.is_too_short(token.lifetime, observed.margins),
        unseen=not seen and record.write_failure is not None and _is_clusters(record.write_failure),
        note=_note(observed),
    )


def _is_clusters(failure: Failure) -> bool:
    return not isinstance(failure.error, CredentialError)


def _note(observed: Observed) -> str:
    asked, margins = observed.credential.before_expiry_seconds, observed.margins
    token = observed.live_token
    if asked is None or token is None:
        return ""
    lead = token.lifetime - refresh.refresh_start(token.lifetime, margins, asked)
    if abs(lead - asked) >= 1:
        return (
            f"spec.refresh.beforeExpirySeconds is {asked}, but a token of "
            f"{token.lifetime:.0f} s is refreshed {lead:.0f} s before it expires."
        )
    if asked < margins.total:
        return (
            f"spec.refresh.beforeExpirySeconds is {asked}, below the {margins.total:.0f} s that "
            "late mounts and an outage of a minute take."
        )
    return ""


def facts(record: Record, observed: Observed, told: Situation) -> Facts:
    """What status tells besides the conditions.

    Times are those of the stored token: it is the one that readers have.
    """
    credential, token = observed.credential, told.token
    next_refresh = deadline = None
    if token is not None:
        deadline = refresh.deadline(token, observed.margins)
        if told.live and not told.suspended:
            next_refresh = refresh.refresh_time(
                observed.planned_from or token,
                credential.uid,
                observed.margins,
                credential.before_expiry_seconds,
            )
    return Facts(
        secret_name=credential.target.secret_name,
        key_id=record.key_id,
        token_endpoint_host=None if observed.endpoint is None else observed.endpoint.host,
        next_refresh_time=next_refresh,
        deadline_time=deadline,
    )


def situation_of_invalid(record: Record, observer: Observer) -> Situation:
    """The situation of a credential whose spec cannot be read; readers keep what they have."""
    assert not isinstance(record.credential, Credential)  # noqa: S101 - for the type checker
    refusal, seen, now = record.refusal, record.target, observer.now(record)
    token = None
    if seen is not None and seen.owner is not None and seen.owner.uid == record.uid:
        token = target.stored_token(seen, now, observer.max_lifetime_seconds)
    return Situation(
        now=now,
        generation=record.generation,
        token=token,
        error=record.credential,
        error_since=refusal.since if refusal is not None else now,
    )
