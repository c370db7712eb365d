"""Taking in what watches and lists show: records made, changed and forgotten, keys made due."""

from __future__ import annotations

from dataclasses import dataclass, field

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.endpoint_queues import EndpointQueues
from redox_operator.controllers.records import Record, Records, is_newer
from redox_operator.controllers.watch import Change
from redox_operator.controllers.workqueue import Workqueue
from redox_operator.domain.credential import Key
from redox_operator.domain.errors import ClientRejected


@dataclass(slots=True)
class Observation:
    """The one place where the outside changes the records."""

    records: Records
    workqueue: Workqueue
    endpoints: EndpointQueues
    clock: Clock
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
        _, changed = self.records.observe(change.body, self.clock.read().boot)
        if changed:
            self.workqueue.add(key)

    def target(self, change: Change) -> None:
        """A Secret with the target's label was added, changed or deleted."""
        metadata = change.body["metadata"]
        for record in self.records.targeting(metadata["namespace"], metadata["name"]):
            if change.deleted:
                self._target_deleted(record, metadata["uid"])
            else:
                self.target_version(record, metadata["resourceVersion"])

    def target_version(self, record: Record, version: str) -> None:
        """The target has this version; one that we did not write is read."""
        seen = None if record.target is None else record.target.resource_version
        if is_newer(version, seen) and is_newer(version, record.target_version):
            record.target_version = version
            self.workqueue.add(record.key)

    def target_missing(self, record: Record) -> None:
        """A list did not show the target."""
        record.target_known = False
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
        record.target, record.target_known, record.target_version = None, True, None
        self.workqueue.add(record.key)
