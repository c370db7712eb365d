"""Taking in what watches and lists show: records made, changed and forgotten, keys made due."""

from __future__ import annotations

from dataclasses import dataclass, field

from redox_operator.adapters.cluster.secrets import parse_target
from redox_operator.controllers.clock import Clock
from redox_operator.controllers.endpoint_queues import EndpointQueues
from redox_operator.controllers.ports import Leads
from redox_operator.controllers.records import Record, Records, is_newer
from redox_operator.controllers.watch_state import Change
from redox_operator.controllers.workqueue import Workqueue
from redox_operator.domain.credential import Key
from redox_operator.domain.errors import ClientRejected
from redox_operator.domain.target import Target

STATUS_LOOK = 10.0
"""Seconds until a status that others wrote is put right: not at once, so that two who write it
do not drive each other."""


@dataclass(slots=True)
class Observation:
    """The one place where the outside changes the records."""

    records: Records
    workqueue: Workqueue
    endpoints: EndpointQueues
    clock: Clock
    leads: Leads = lambda: True
    """Whether this process reads and writes targets; a standby knows what watches tell of them."""
    deleted_uids: set[str] = field(default_factory=set)
    """Since the list under way began: it may still show them."""

    def credential(self, change: Change) -> None:
        """A credential was added, changed or deleted."""
        metadata = change.body["metadata"]
        key = Key(metadata["namespace"], metadata["name"])
        known = self.records.get(key)
        # One that is being deleted is served no longer: a repair would fight the garbage collector,
        # which may be taking the target away, or away from its owner.
        if change.deleted or metadata.get("deletionTimestamp"):
            self.deleted_uids.add(metadata["uid"])
            if known is not None and known.uid == metadata["uid"]:
                self.forget(key)
            return
        if metadata["uid"] in self.deleted_uids:
            return
        told = None if known is None else known.status
        _, changed = self.records.observe(change.body, self.clock.read().boot)
        if changed:
            self.workqueue.add(key)
        elif change.body.get("status") != told:
            # A write of an earlier process may come late, and somebody else may write it, too.
            self.workqueue.add(key, STATUS_LOOK)

    def target(self, change: Change) -> None:
        """A Secret with the target's label was added, changed or deleted."""
        metadata = change.body["metadata"]
        for record in self.records.targeting(metadata["namespace"], metadata["name"]):
            if change.deleted:
                self._target_deleted(record, metadata["uid"])
                continue
            self.target_seen(record, parse_target(change.body))

    def target_seen(self, record: Record, seen: Target) -> None:
        """The target's metadata is this; a version that we did not write is read."""
        version = seen.resource_version
        known = None if record.target is None else record.target.resource_version
        if is_newer(version, known) and is_newer(version, record.target_version):
            if not self.leads():
                # Nothing is read on a standby; whoever takes over reads it before deciding.
                record.target, record.target_known = seen, False
                record.target_read_at = self.clock.read().boot
            record.target_version = version
            self.workqueue.add(record.key)

    def target_missing(self, record: Record) -> None:
        """A list did not show the target."""
        record.target_known = False
        if not self.leads():
            record.target = None
        self.workqueue.add(record.key)

    def forget(self, key: Key) -> None:
        """The credential is gone."""
        self.records.forget(key)
        self.workqueue.discard(key)
        self.endpoints.discard(key)

    def everything(self) -> None:
        """Let every credential be decided anew: due times or the configuration changed."""
        for record in self.records:
            self.workqueue.add(record.key)

    def history_went_back(self) -> None:
        """The cluster was restored from a backup: what has lower versions than before is news."""
        for record in self.records:
            record.resource_version, record.target_known = "0", False
            record.target_version = None
            if not self.leads():
                record.target = None
        self.everything()

    def superseded(self, *, targets: bool) -> None:
        """Another process may have worked since: what this one remembers says nothing any more.

        `targets`: whether they are watched.
        """
        for record in self.records:
            self.endpoints.discard(record.key)
        self.records.renew(targets=targets)

    def clock_set(self) -> None:
        """The wall clock was set: assertions that were refused had times of the old one."""
        for record in self.records:
            failure = record.request_failure
            if failure is not None and isinstance(failure.error, ClientRejected):
                record.inputs = None
        self.everything()

    def _target_deleted(self, record: Record, uid: str) -> None:
        record.target_deletions += 1
        if record.target is not None and record.target.uid != uid:
            return
        record.target, record.target_known, record.target_version = None, self.leads(), None
        self.workqueue.add(record.key)
