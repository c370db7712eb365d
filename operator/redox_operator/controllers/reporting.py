"""Telling people: status when it is news, Events on transitions."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.failures import place_of
from redox_operator.controllers.observing import Observer
from redox_operator.controllers.ports import CredentialsPort, EventsPort
from redox_operator.controllers.records import Record, is_newer
from redox_operator.controllers.write_gate import NotLeading
from redox_operator.domain.conditions import Situation
from redox_operator.domain.credential import Credential, Key
from redox_operator.domain.errors import ClusterError, NotFound
from redox_operator.domain.status import Facts, is_news, merge_patch, status

logger = logging.getLogger(__name__)

PENDING_AFTER = 2.0
"""Seconds after which a first issue that is still under way is reported: most are done by then."""
PENDING_IN_A_CROWD = 10.0
"""The same while many wait for the endpoint: their tokens come before word of them."""
CROWD = 20
STATUS_RETRY = 5.0
WRITERS = 8
"""Statuses written at once: most of the connection's slots are for Secrets."""
EVENTS_PER_SECOND = 10.0
_MAX_EVENTS = 1000


Again = Callable[[Key, float], None]
"""Makes a credential due in that many seconds."""


@dataclass(frozen=True, slots=True)
class _Pending:
    """What is to be told of a credential."""

    record: Record
    told: Situation
    known: Facts
    again: Again


@dataclass(slots=True)
class Reporter:
    """Writes status, and queues Events.

    Writes take their turns beside the workqueue: an API server that is slow to store a status
    delays word of a credential, not its refresh.
    """

    credentials: CredentialsPort
    observer: Observer
    clock: Clock
    events: EventPoster
    _pending: dict[Key, _Pending] = field(default_factory=dict)
    _writing: set[Key] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def report(self, record: Record, told: Situation, known: Facts, again: Again) -> float | None:
        """Have the status written if it is news; seconds until there may be more to tell."""
        waiting = told.token is None and told.error is None and not told.suspended
        patience = self._patience(record) - (self.clock.read().boot - record.first_seen)
        if waiting and patience > 0:
            return min(patience, PENDING_AFTER)
        pending = _Pending(record, told, known, again)
        if record.key in self._writing or self._news(pending) is not None:
            self._pending[record.key] = pending
            if len(self._tasks) < WRITERS:
                task = asyncio.create_task(self._write_pending(), name="status")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        else:
            self._pending.pop(record.key, None)
        return None

    async def drain(self, seconds: float) -> None:
        """Wait for what is being written, for a while."""
        self._pending.clear()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    def _news(self, pending: _Pending) -> dict[str, Any] | None:
        """The status to write, if it is worth it."""
        record, before = pending.record, pending.record.status or {}
        reported = status(pending.told, pending.known, before)
        since = self.clock.read().boot - record.status_written_at
        return reported if is_news(reported, before, since) else None

    async def _write_pending(self) -> None:
        while True:
            # One write per credential at a time; at most `WRITERS` keys are passed over.
            key = next((key for key in self._pending if key not in self._writing), None)
            if key is None:
                return
            pending = self._pending.pop(key)
            self._writing.add(key)
            try:
                await self._write(pending)
            except NotLeading:
                # Whoever leads next writes what is news then.
                continue
            except ClusterError as error:
                logger.warning("status not written: %s", error, extra={"credential": str(key)})
                pending.again(key, STATUS_RETRY)
            except Exception as error:  # noqa: BLE001 - one status must not keep others from theirs
                logger.error(  # noqa: TRY400 - its text is what must not be shown
                    "the status of %s failed unexpectedly: %s", key, place_of(error)
                )
                pending.again(key, STATUS_RETRY)
            finally:
                self._writing.discard(key)

    async def _write(self, pending: _Pending) -> None:
        record, before = pending.record, pending.record.status or {}
        now, reported = self.clock.read().boot, self._news(pending)
        if reported is None or record.gone:
            return
        try:
            version = await self.credentials.patch_status(
                record.key, record.uid, merge_patch(reported, before)
            )
        except NotFound:
            # Deleted: the watch will tell.
            return
        # Compared with what was there before: the watch may have told of this write already.
        self._post_transition(record, before, reported)
        record.status_written_at = now
        if version is not None and is_newer(record.resource_version, version):
            # Somebody wrote after this, and the watch told of it before the answer came.
            return
        record.status = reported
        if is_newer(version, record.resource_version):
            record.resource_version = str(version)

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
