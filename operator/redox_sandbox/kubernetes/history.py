"""The objects of one resource, in key order, and the changes that led there."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Literal

from redox_sandbox.kubernetes.objects import Object

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Change:
    """One write: `object` is what it left, for a deletion the last state with the new revision."""

    type: ChangeType
    revision: int
    key: str
    object: Object
    previous: Object | None


@dataclass(eq=False)
class CompactedError(Exception):
    """The changes after this revision are no longer all known."""

    asked: int
    oldest: int

    def __str__(self) -> str:
        return f"too old resource version: {self.asked} ({self.oldest})"


@dataclass(slots=True)
class Snapshot:
    """Objects at one revision, found by key and walked in key order."""

    objects: dict[str, Object] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)

    def scan(self, prefix: str = "", after: str = "") -> Iterator[tuple[str, Object]]:
        """Walk the keys that start with `prefix` and come after `after`."""
        start = bisect_left(self.keys, prefix)
        if after:
            start = max(start, bisect_right(self.keys, after))
        for position in range(start, len(self.keys)):
            key = self.keys[position]
            if not key.startswith(prefix):
                return
            yield key, self.objects[key]

    def count(self, prefix: str = "", after: str = "") -> int:
        """Count what `scan` would walk."""
        start = bisect_left(self.keys, prefix)
        if after:
            start = max(start, bisect_right(self.keys, after))
        end = bisect_left(self.keys, prefix[:-1] + chr(ord(prefix[-1]) + 1)) if prefix else None
        return max(0, (len(self.keys) if end is None else end) - start)

    def put(self, key: str, obj: Object) -> None:
        """Set the object of a key."""
        if key not in self.objects:
            insort(self.keys, key)
        self.objects[key] = obj

    def remove(self, key: str) -> None:
        """Forget a key, if it is known."""
        if self.objects.pop(key, None) is not None:
            del self.keys[bisect_left(self.keys, key)]

    def copy(self) -> Snapshot:
        """Return an independent snapshot of the same objects."""
        return Snapshot(dict(self.objects), list(self.keys))


class Collection:
    """The objects of one resource now, and its last `limit` changes."""

    def __init__(self, limit: int) -> None:
        self.current = Snapshot()
        self._limit = limit
        self._changes: list[Change] = []
        self._compacted = 0
        self._remembered: tuple[int, Snapshot] | None = None
        # Keys of objects that read otherwise than they were written, by defaults of their schema.
        self.reinterpreted: set[str] = set()

    def apply(self, change: Change) -> None:
        """Record a change and make it the present."""
        self.reinterpreted.discard(change.key)
        if change.type == "DELETED":
            self.current.remove(change.key)
        else:
            self.current.put(change.key, change.object)
        self._changes.append(change)
        surplus = len(self._changes) - self._limit
        if surplus > self._limit // 10:
            self._forget(surplus)

    def since(self, revision: int) -> list[Change]:
        """Return the changes after a revision, oldest first.

        Raises:
            CompactedError: some of them are forgotten.
        """
        if revision < self._compacted:
            raise CompactedError(revision, self._compacted)
        start = bisect_right(self._changes, revision, key=attrgetter("revision"))
        return self._changes[start:]

    def at(self, revision: int) -> Snapshot:
        """Return the objects as they were at a revision.

        Raises:
            CompactedError: that state can no longer be rebuilt.
        """
        later = self.since(revision)
        if not later:
            return self.current
        if self._remembered and self._remembered[0] == revision:
            return self._remembered[1]
        snapshot = self.current.copy()
        for change in reversed(later):
            if change.previous is None:
                snapshot.remove(change.key)
            else:
                snapshot.put(change.key, change.previous)
        self._remembered = (revision, snapshot)
        return snapshot

    def compact(self, revision: int) -> None:
        """Forget the changes up to a revision."""
        self._forget(bisect_right(self._changes, revision, key=attrgetter("revision")))
        self._compacted = max(self._compacted, revision)
        self._remembered = None

    def rewind(self, revision: int) -> None:
        """Go back to an earlier state, as a restored backup does.

        Raises:
            CompactedError: that state can no longer be rebuilt.
        """
        self.current = self.at(revision).copy()
        end = bisect_right(self._changes, revision, key=attrgetter("revision"))
        del self._changes[end:]
        self._remembered = None

    def replace(self, key: str, obj: Object) -> None:
        """Exchange the present object without a change: it now reads differently."""
        if obj != self.current.objects[key]:
            self.current.put(key, obj)
            self.reinterpreted.add(key)

    def _forget(self, count: int) -> None:
        if count > 0:
            self._compacted = max(self._compacted, self._changes[count - 1].revision)
            del self._changes[:count]
