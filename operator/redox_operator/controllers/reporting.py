"""Telling people: status when it is news, Events on transitions."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.observing import Observer
from redox_operator.controllers.ports import CredentialsPort, EventsPort
from redox_operator.controllers.records import Record, is_newer
from redox_operator.domain import refresh, target
from redox_operator.domain.conditions import Situation
from redox_operator.domain.credential import Credential, Key
from redox_operator.domain.errors import (
    ClusterError,
    Conflict,
    CredentialError,
    KeyNotFound,
    NotFound,
    WriteDenied,
)
from redox_operator.domain.policies import Failure, Observed, refresh_time
from redox_operator.domain.status import Facts, is_news, merge_patch, status
from redox_operator.domain.target import same_input

logger = logging.getLogger(__name__)

PENDING_AFTER = 2.0
"""Seconds after which a first issue that is still under way is reported: most are done by then."""
PENDING_IN_A_CROWD = 10.0
"""The same while many wait for the endpoint: their tokens come before word of them."""
CROWD = 20
STATUS_RETRY = 5.0
EVENTS_PER_SECOND = 10.0
_MAX_EVENTS = 1000


_TOLD_AFTER = 3
"""Failures in a row from which the API server's are told: a single one heals in a second or two."""
_NOT_WRITTEN = (
    "The API server does not store the Secret: look at its health, and at admission webhooks."
)
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
    failures = (
        _told(record.write_failure, WriteDenied, _NOT_WRITTEN),
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
        note=_note(observed),
    )


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


def facts(record: Record, observed: Observed) -> Facts:
    """What status tells besides the conditions."""
    token = observed.live_token
    return Facts(
        secret_name=observed.credential.target.secret_name,
        key_id=record.key_id,
        token_endpoint_host=None if observed.endpoint is None else observed.endpoint.host,
        next_refresh_time=None if token is None else refresh_time(observed),
        deadline_time=None if token is None else refresh.deadline(token, observed.margins),
    )


@dataclass(slots=True)
class Reporter:
    """Writes status, and queues Events."""

    credentials: CredentialsPort
    observer: Observer
    clock: Clock
    events: EventPoster

    async def report(self, record: Record, told: Situation, known: Facts) -> float | None:
        """Write the status if it is news; seconds until it should be tried again."""
        now = self.clock.read().boot
        before = record.status or {}
        reported = status(told, known, before)
        waiting = told.token is None and told.error is None and not told.suspended
        patience = self._patience(record) - (now - record.first_seen)
        if waiting and patience > 0:
            return min(patience, PENDING_AFTER)
        if not is_news(reported, before, now - record.status_written_at):
            return None
        try:
            version = await self.credentials.patch_status(
                record.key, record.uid, merge_patch(reported, before)
            )
        except NotFound:
            # Deleted: the watch will tell.
            return None
        except ClusterError as error:
            logger.warning("status not written: %s", error, extra={"credential": str(record.key)})
            return STATUS_RETRY
        # Compared with what was there before: the watch may have told of this write already.
        self._post_transition(record, before, reported)
        record.status, record.status_written_at = reported, now
        if is_newer(version, record.resource_version):
            record.resource_version = str(version)
        return None

    def _patience(self, record: Record) -> float:
        """Seconds from first sight in which a first token may come before anything is told."""
        credential = record.credential
        if isinstance(credential, Credential):
            queue = self.observer.endpoints.get(credential.endpoint)
            if queue is not None and len(queue) > CROWD:
                return PENDING_IN_A_CROWD
        return PENDING_AFTER

    def _post_transition(
        self, record: Record, previous: Mapping[str, Any], reported: Mapping[str, Any]
    ) -> None:
        before, after = _healthy(previous), _healthy(reported)
        if after["reason"] in (before["reason"], "Pending"):
            return
        self.events.add(
            record.key,
            record.uid,
            warning=after["status"] == "False",
            reason=after["reason"],
            note=after["message"] or after["reason"],
        )


def _healthy(reported: Mapping[str, Any]) -> dict[str, str]:
    for condition in reported.get("conditions") or ():
        if condition.get("type") == "RefreshHealthy":
            return {name: condition.get(name, "") for name in ("status", "reason", "message")}
    return {"status": "", "reason": "", "message": ""}


@dataclass(slots=True)
class EventPoster:
    """Posts Events one after another, slowly: they are for people, and refreshes come first."""

    port: EventsPort
    waiting: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=_MAX_EVENTS))
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, key: Key, uid: str, *, warning: bool, reason: str, note: str) -> None:
        """Queue an Event; the oldest goes when there are too many."""
        self.waiting.append(
            {"key": key, "uid": uid, "warning": warning, "reason": reason, "note": note}
        )
        self.wake.set()

    async def loop(self) -> None:
        """Post what is queued, until cancelled."""
        while True:
            while self.waiting:
                event = self.waiting.popleft()
                try:
                    await self.port.post(event.pop("key"), event.pop("uid"), **event)  # type: ignore[arg-type]
                except ClusterError as error:
                    logger.info("an Event was not posted: %s", error)
                await asyncio.sleep(1 / EVENTS_PER_SECOND)
            self.wake.clear()
            await self.wake.wait()


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
