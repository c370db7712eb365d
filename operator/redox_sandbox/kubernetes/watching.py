"""WATCH: the changes of a resource as a queue of events, without HTTP."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from redox_sandbox.kubernetes.clock import Timer
from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.errors import StatusError, expired
from redox_sandbox.kubernetes.history import Change, CompactedError
from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.reading import ListOptions, matcher
from redox_sandbox.kubernetes.resources import Resource

BOOKMARK_INTERVAL = 60.0
# A last bookmark comes this long before the end, so that the next watch starts from it.
BOOKMARK_LEAD = 2.0
DEFAULT_TIMEOUT = 1800.0
INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """A change with the stored object, BOOKMARK with metadata alone, ERROR with a Status."""

    type: str
    object: Object


class Watch:
    """One watch: events in order, until it times out or is closed."""

    def __init__(
        self, cluster: Cluster, resource: Resource, namespace: str | None, options: ListOptions
    ) -> None:
        """Start watching at once; what changes from now on is not lost."""
        self.resource = resource
        self._cluster = cluster
        self._prefix = f"{namespace}/" if namespace is not None else ""
        self._options = options
        self._matches = matcher(resource, options)
        self._queue: deque[WatchEvent] = deque()
        self._wake = asyncio.Event()
        self._ended = False
        self._stalled = False
        self._timers: list[Timer] = []
        self._seen = options.revision or 0
        self._queue.extend(self._start())
        self._unsubscribe: Callable[[], None] = cluster.store.subscribe(
            self._on_change, resource.storage
        )
        if self._queue and self._queue[-1].type == "ERROR":
            self.end()
        else:
            self._set_timers()

    async def next_events(self) -> list[WatchEvent]:
        """Wait for events and return all that are there; an empty list is the end."""
        while not self._queue and not self._ended:
            self._wake.clear()
            await self._wake.wait()
        events = list(self._queue)
        self._queue.clear()
        return events

    def end(self) -> None:
        """Send what is queued, then no more."""
        self._ended = True
        self._wake.set()
        self.close()

    def fail(self, error: StatusError) -> None:
        """Send an ERROR event, then no more."""
        self._queue.append(WatchEvent("ERROR", error.status()))
        self.end()

    def stall(self) -> None:
        """Fall silent: stay open, and send nothing any more, not even bookmarks."""
        self._stalled = True
        self._queue.clear()
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._unsubscribe()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _start(self) -> Iterator[WatchEvent]:
        store, storage = self._cluster.store, self.resource.storage
        if self._options.initial_events or not self._options.revision:
            for _, obj in store.snapshot(storage).scan(self._prefix):
                if self._matches(obj):
                    yield WatchEvent("ADDED", obj)
            if self._options.initial_events and self._options.bookmarks:
                yield self._bookmark(INITIAL_EVENTS_END)
            return
        try:
            changes = store.changes(storage, self._options.revision)
        except CompactedError as error:
            yield WatchEvent("ERROR", expired(str(error)).status())
            return
        for change in changes:
            if event := self._event(change):
                yield event

    def _on_change(self, _: str, change: Change) -> None:
        # A watch may start at a revision that is still to come.
        if change.revision > self._seen and (event := self._event(change)):
            self._push(event)

    def _push(self, event: WatchEvent) -> None:
        if not self._stalled:
            self._queue.append(event)
            self._wake.set()

    def _event(self, change: Change) -> WatchEvent | None:
        if not change.key.startswith(self._prefix):
            return None
        before = change.previous is not None and self._matches(change.previous)
        after = change.type != "DELETED" and self._matches(change.object)
        if after:
            return WatchEvent("MODIFIED" if before else "ADDED", change.object)
        if not before or change.previous is None:
            return None
        # What leaves the selection is shown as it was, with the revision of its leaving.
        metadata = {**change.previous["metadata"], "resourceVersion": str(change.revision)}
        return WatchEvent("DELETED", {**change.previous, "metadata": metadata})

    def _bookmark(self, annotations: dict[str, str] | None = None) -> WatchEvent:
        metadata: Object = {"resourceVersion": str(self._cluster.store.revision)}
        if annotations:
            metadata["annotations"] = annotations
        return WatchEvent("BOOKMARK", {"metadata": metadata})

    def _set_timers(self) -> None:
        clock = self._cluster.clock
        timeout = DEFAULT_TIMEOUT if self._options.timeout is None else self._options.timeout
        self._timers.append(clock.call_later(timeout, self.end))
        if self._options.bookmarks:
            if timeout > BOOKMARK_LEAD:
                self._timers.append(clock.call_later(timeout - BOOKMARK_LEAD, self._mark))
            self._timers.append(clock.call_later(BOOKMARK_INTERVAL, self._mark_again))

    def _mark(self) -> None:
        self._push(self._bookmark())

    def _mark_again(self) -> None:
        self._mark()
        again = self._cluster.clock.call_later(BOOKMARK_INTERVAL, self._mark_again)
        self._timers.append(again)


class Watches:
    """The watches that are open, so that they can be disturbed."""

    def __init__(self) -> None:
        self._open: set[Watch] = set()

    def add(self, watch: Watch) -> None:
        """Remember an open watch."""
        self._open.add(watch)

    def discard(self, watch: Watch) -> None:
        """Forget a watch that is over."""
        self._open.discard(watch)

    def of(self, plural: str | None = None) -> list[Watch]:
        """Return the open watches, of one resource or all."""
        return [watch for watch in self._open if plural in (None, watch.resource.plural)]

    def __len__(self) -> int:
        return len(self._open)
