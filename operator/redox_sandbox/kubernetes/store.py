"""All objects under one revision counter; the only state of the server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from redox_sandbox.kubernetes.history import Change, ChangeType, Collection, Snapshot
from redox_sandbox.kubernetes.objects import Object

Listener = Callable[[str, Change], None]


class Store:
    """Objects by resource (`secrets`, `widgets.example.com`) and key (`namespace/name`).

    It takes over the objects that it is given: nobody may change them afterwards, nor those it
    returns. Listeners are called at once, in the order of their subscription, and must not write.
    """

    def __init__(self, history: int = 10_000) -> None:
        """Keep the last `history` changes of each resource for watches and consistent lists."""
        self.revision = 1
        self._history = history
        self._collections: dict[str, Collection] = {}
        self._listeners: dict[str | None, dict[Listener, None]] = defaultdict(dict)
        self._rewound: list[Callable[[], None]] = []

    def get(self, resource: str, key: str) -> Object | None:
        """Return the object of a key, if there is one."""
        return self._collection(resource).current.objects.get(key)

    def put(self, resource: str, key: str, obj: Object) -> Object:
        """Create or replace the object of a key; it gets the next resourceVersion."""
        previous = self.get(resource, key)
        return self._write(resource, "MODIFIED" if previous else "ADDED", key, obj, previous)

    def delete(self, resource: str, key: str) -> Object:
        """Remove the object of a key; return its last state with the deletion's resourceVersion.

        Raises:
            KeyError: there is none.
        """
        previous = self._collection(resource).current.objects[key]
        last = {**previous, "metadata": dict(previous["metadata"])}
        return self._write(resource, "DELETED", key, last, previous)

    def snapshot(self, resource: str, revision: int | None = None) -> Snapshot:
        """Return the objects of a resource, now or at an earlier revision.

        Raises:
            CompactedError: that state can no longer be rebuilt.
        """
        collection = self._collection(resource)
        return collection.current if revision is None else collection.at(revision)

    def changes(self, resource: str, since: int) -> list[Change]:
        """Return the changes after a revision, oldest first.

        Raises:
            CompactedError: some of them are forgotten.
        """
        return self._collection(resource).since(since)

    def rewrite(self, resource: str, transform: Callable[[Object], Object]) -> None:
        """Exchange every object of a resource without a change, as a new schema reads it."""
        collection = self._collection(resource)
        for key, obj in list(collection.current.objects.items()):
            collection.replace(key, transform(obj))

    def reinterpret(self, resource: str, key: str) -> None:
        """Note that an object reads otherwise than it was written, as by a default on reading."""
        self._collection(resource).reinterpreted.add(key)

    def is_reinterpreted(self, resource: str, key: str) -> bool:
        """Tell whether writing an object as it reads would change what is stored."""
        return key in self._collection(resource).reinterpreted

    def drop(self, resource: str) -> None:
        """Forget a resource that is no longer defined, with its history."""
        self._collections.pop(resource, None)

    def compact(self, resource: str | None = None) -> None:
        """Forget the history up to now: of one resource, or of all."""
        for name, collection in self._collections.items():
            if resource in (None, name):
                collection.compact(self.revision)

    def rewind(self, revision: int) -> None:
        """Go back to an earlier revision, as an etcd restored from a backup does.

        Raises:
            CompactedError: that state can no longer be rebuilt; nothing has changed.
        """
        for collection in self._collections.values():
            collection.at(revision)
        for collection in self._collections.values():
            collection.rewind(revision)
        self.revision = revision
        for callback in list(self._rewound):
            callback()

    def subscribe(self, listener: Listener, resource: str | None = None) -> Callable[[], None]:
        """Call the listener on every change, of one resource or of all; return how to stop it."""
        self._listeners[resource][listener] = None
        return lambda: self._unsubscribe(listener, resource)

    def on_rewind(self, callback: Callable[[], None]) -> None:
        """Call back after the store went back to an earlier revision."""
        self._rewound.append(callback)

    def _unsubscribe(self, listener: Listener, resource: str | None) -> None:
        self._listeners[resource].pop(listener, None)

    def _collection(self, resource: str) -> Collection:
        try:
            return self._collections[resource]
        except KeyError:
            collection = self._collections[resource] = Collection(self._history)
            return collection

    def _write(
        self, resource: str, kind: ChangeType, key: str, obj: Object, previous: Object | None
    ) -> Object:
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        change = Change(kind, self.revision, key, obj, previous)
        self._collection(resource).apply(change)
        for listener in (*self._listeners[None], *self._listeners[resource]):
            listener(resource, change)
        return obj
