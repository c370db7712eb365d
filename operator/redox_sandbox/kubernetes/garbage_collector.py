"""Deletes what has lost its owners, as kube-controller-manager's garbage collector."""

from __future__ import annotations

from collections import defaultdict, deque

from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.commits import settle
from redox_sandbox.kubernetes.deleting import DeleteOptions, delete
from redox_sandbox.kubernetes.errors import StatusError
from redox_sandbox.kubernetes.history import Change
from redox_sandbox.kubernetes.metadata import FOREGROUND, ORPHAN
from redox_sandbox.kubernetes.objects import Object, clone, key_of
from redox_sandbox.kubernetes.resources import Resource

Reference = tuple[str, str]


class GarbageCollector:
    """Acts a moment after the change that calls for it, never within the request.

    An owner is there when its kind, namespace, name and uid are. An owner of an unknown kind may be
    there, so that its dependents stay.
    """

    def __init__(self, cluster: Cluster, delay: float = 0.0) -> None:
        self._cluster = cluster
        self._delay = delay
        self._dependents: dict[str, set[Reference]] = defaultdict(set)
        self._due: deque[Reference] = deque()
        self._scheduled = False
        cluster.store.subscribe(self._on_change)
        cluster.store.on_rewind(self._start_over)

    def _start_over(self) -> None:
        self._dependents.clear()
        for storage in self._cluster.resources.stored():
            for key, obj in self._cluster.store.snapshot(storage).objects.items():
                self._index((storage, key), None, obj)
                self._enqueue((storage, key))

    def _on_change(self, storage: str, change: Change) -> None:
        reference = (storage, change.key)
        removed = change.type == "DELETED"
        self._index(reference, change.previous, None if removed else change.object)
        metadata = change.object["metadata"]
        if not removed and (metadata.get("ownerReferences") or metadata.get("deletionTimestamp")):
            self._enqueue(reference)
        if removed:
            for dependent in sorted(self._dependents.get(metadata["uid"], ())):
                self._enqueue(dependent)
            # An owner that waits for its dependents may be able to go now.
            for owner in metadata.get("ownerReferences", []):
                self._enqueue_owner(owner, metadata.get("namespace"))

    def _index(self, reference: Reference, before: Object | None, now: Object | None) -> None:
        old, new = _owner_uids(before), _owner_uids(now)
        for uid in old - new:
            self._dependents[uid].discard(reference)
            if not self._dependents[uid]:
                del self._dependents[uid]
        for uid in new - old:
            self._dependents[uid].add(reference)

    def _enqueue(self, reference: Reference) -> None:
        self._due.append(reference)
        if not self._scheduled:
            self._scheduled = True
            self._cluster.clock.call_later(self._delay, self._run)

    def _enqueue_owner(self, owner: Object, namespace: str | None) -> None:
        resource = self._cluster.resources.of_kind(owner["apiVersion"], owner["kind"])
        if resource is not None:
            key = key_of(namespace if resource.namespaced else None, owner["name"])
            self._enqueue((resource.storage, key))

    def _run(self) -> None:
        self._scheduled = False
        due = list(dict.fromkeys(self._due))
        self._due.clear()
        stored = self._cluster.resources.stored()
        for storage, key in due:
            obj = self._cluster.store.get(storage, key)
            resource = stored.get(storage)
            if obj is not None and resource is not None:
                self._collect(resource, obj)

    def _collect(self, resource: Resource, obj: Object) -> None:
        metadata = obj["metadata"]
        if metadata.get("deletionTimestamp"):
            finalizers = metadata.get("finalizers", [])
            if ORPHAN in finalizers:
                self._orphan(resource, obj)
            elif FOREGROUND in finalizers:
                self._delete_dependents_first(resource, obj)
            return
        owners = metadata.get("ownerReferences", [])
        if not owners:
            return
        found = {owner["uid"]: self._find(owner, metadata.get("namespace")) for owner in owners}
        if any(state in ("present", "unknown") for state in found.values()):
            gone = [uid for uid, state in found.items() if state == "absent"]
            if gone:
                self._drop_owners(resource, obj, gone)
            return
        waiting = "waiting" in found.values()
        self._delete(resource, obj, "Foreground" if waiting and self._has_blocking(obj) else None)

    def _find(self, owner: Object, namespace: str | None) -> str:
        resource = self._cluster.resources.of_kind(owner["apiVersion"], owner["kind"])
        if resource is None:
            return "unknown"
        place = namespace if resource.namespaced else None
        if resource.namespaced and not namespace:
            return "unknown"
        obj = self._cluster.store.get(resource.storage, key_of(place, owner["name"]))
        if obj is None or obj["metadata"]["uid"] != owner["uid"]:
            return "absent"
        metadata = obj["metadata"]
        foreground = FOREGROUND in metadata.get("finalizers", [])
        return "waiting" if metadata.get("deletionTimestamp") and foreground else "present"

    def _delete(self, resource: Resource, obj: Object, propagation: str | None) -> None:
        metadata = obj["metadata"]
        options = DeleteOptions(propagation, uid=metadata["uid"])
        try:
            delete(self._cluster, resource, metadata.get("namespace"), metadata["name"], options)
        except StatusError:
            # It changed or went meanwhile; that change is on the queue.
            return

    def _has_blocking(self, obj: Object) -> bool:
        return bool(self._dependents.get(obj["metadata"]["uid"]))

    def _orphan(self, resource: Resource, obj: Object) -> None:
        uid = obj["metadata"]["uid"]
        stored = self._cluster.resources.stored()
        for storage, key in sorted(self._dependents.get(uid, ())):
            dependent = self._cluster.store.get(storage, key)
            if dependent is not None and storage in stored:
                self._drop_owners(stored[storage], dependent, [uid])
        self._drop_finalizer(resource, obj, ORPHAN)

    def _delete_dependents_first(self, resource: Resource, obj: Object) -> None:
        uid = obj["metadata"]["uid"]
        stored = self._cluster.resources.stored()
        blocked = False
        for storage, key in sorted(self._dependents.get(uid, ())):
            dependent = self._cluster.store.get(storage, key)
            if dependent is None or storage not in stored:
                continue
            self._enqueue((storage, key))
            owners = dependent["metadata"].get("ownerReferences", [])
            blocked |= any(o["uid"] == uid and o.get("blockOwnerDeletion") for o in owners)
        if not blocked:
            self._drop_finalizer(resource, obj, FOREGROUND)

    def _drop_owners(self, resource: Resource, obj: Object, uids: list[str]) -> None:
        changed = clone(obj)
        metadata = changed["metadata"]
        kept = [owner for owner in metadata["ownerReferences"] if owner["uid"] not in uids]
        metadata.pop("ownerReferences")
        if kept:
            metadata["ownerReferences"] = kept
        settle(self._cluster, resource, changed)

    def _drop_finalizer(self, resource: Resource, obj: Object, name: str) -> None:
        changed = clone(obj)
        metadata = changed["metadata"]
        kept = [finalizer for finalizer in metadata.get("finalizers", []) if finalizer != name]
        metadata.pop("finalizers", None)
        if kept:
            metadata["finalizers"] = kept
        settle(self._cluster, resource, changed)


def _owner_uids(obj: Object | None) -> set[str]:
    if obj is None:
        return set()
    return {owner["uid"] for owner in obj["metadata"].get("ownerReferences", [])}
