"""Those who wait in one lane: earliest deadline first, or namespaces in turn.

By deadline, no order keeps more deadlines, while all of them can be kept. When they cannot, it
would make everyone late for the sake of the namespace that waits with most; then namespaces take
turns, each with its earliest deadline.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Container, Iterator

from redox_operator.domain.credential import Key

_Place = tuple[float, int]
"""Deadline, and a number that grows: equals go in the order of their coming."""
_COMPACT_ABOVE = 64


class TurnOrder:
    """Keys with their deadlines, on any one scale of seconds. Adding and taking is O(log n)."""

    def __init__(self) -> None:
        self._places: dict[Key, _Place] = {}
        self._numbers = itertools.count()
        self._entries = 0
        """In all heaps of `_queues`."""
        self._queues: dict[str, list[tuple[float, int, Key]]] = {}
        """Heaps by namespace; what is not at its place any more is dropped when it comes up."""
        self._heads: list[tuple[float, int, str]] = []
        """A heap of the namespaces by their earliest deadline; `_head_of` tells what is valid."""
        self._head_of: dict[str, _Place] = {}
        self._turns: deque[str] = deque()
        self._has_turn: set[str] = set()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: Key) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[tuple[float, int, Key]]:
        """Deadline, number and key of all, in no order."""
        return ((*place, key) for key, place in self._places.items())

    @property
    def namespaces(self) -> int:
        """How many namespaces wait."""
        return len(self._head_of)

    @property
    def earliest(self) -> float:
        """The earliest deadline; infinite where nobody waits."""
        while self._heads and self._head_of.get(self._heads[0][2]) != self._heads[0][:2]:
            heapq.heappop(self._heads)
        return self._heads[0][0] if self._heads else float("inf")

    def add(self, key: Key, deadline: float) -> None:
        """Let a key wait, or wait with another deadline."""
        place = (deadline, next(self._numbers))
        self._places[key] = place
        heapq.heappush(self._queues.setdefault(key.namespace, []), (*place, key))
        self._entries += 1
        self._note_head(key.namespace)
        if key.namespace not in self._has_turn:
            self._has_turn.add(key.namespace)
            self._turns.append(key.namespace)
        self._compact()

    def discard(self, key: Key) -> None:
        """A key that no longer waits."""
        if self._places.pop(key, None) is not None:
            self._note_head(key.namespace)

    def pop_by_deadline(self, skip: Container[str] = ()) -> Key | None:
        """The earliest deadline of the namespaces that are not to be skipped."""
        skipped, found = [], None
        while self._heads:
            head = self._heads[0]
            deadline, number, namespace = head
            if self._head_of.get(namespace) != (deadline, number):
                heapq.heappop(self._heads)
            elif namespace in skip:
                skipped.append(heapq.heappop(self._heads))
            else:
                found = namespace
                break
        for head in skipped:
            heapq.heappush(self._heads, head)
        return None if found is None else self._pop(found)

    def pop_in_turn(self, skip: Container[str] = ()) -> Key | None:
        """The earliest deadline of the namespace whose turn it is."""
        for _ in range(len(self._turns)):
            namespace = self._turns.popleft()
            if namespace not in self._head_of:
                self._has_turn.discard(namespace)
                continue
            self._turns.append(namespace)
            if namespace not in skip:
                return self._pop(namespace)
        return None

    def can_keep_deadlines(self, now: float, level: float, rate: float) -> bool:
        """Whether all deadlines ahead can be kept, with `level` turns now and `rate` a second.

        What is late already is served as well, and is late in any order.
        """
        if rate <= 0:
            return True
        deadlines = sorted(deadline for deadline, _ in self._places.values())
        return all(
            deadline <= now or rank <= level + rate * (deadline - now)
            for rank, deadline in enumerate(deadlines, start=1)
        )

    def _pop(self, namespace: str) -> Key:
        _, _, key = self._queues[namespace][0]
        del self._places[key]
        self._note_head(namespace)
        return key

    def _note_head(self, namespace: str) -> None:
        queue = self._queues[namespace]
        while queue and self._places.get(queue[0][2]) != queue[0][:2]:
            heapq.heappop(queue)
            self._entries -= 1
        if not queue:
            del self._queues[namespace]
            self._head_of.pop(namespace, None)
            return
        head = queue[0][:2]
        if self._head_of.get(namespace) == head:
            return
        self._head_of[namespace] = head
        heapq.heappush(self._heads, (*head, namespace))
        if len(self._heads) > _COMPACT_ABOVE + 2 * len(self._head_of):
            self._heads = [(*place, name) for name, place in self._head_of.items()]
            heapq.heapify(self._heads)

    def _compact(self) -> None:
        """Drop what is not valid any more, once it is most of what is kept."""
        if self._entries > _COMPACT_ABOVE + 2 * len(self._places):
            self._queues = {}
            for key, place in self._places.items():
                self._queues.setdefault(key.namespace, []).append((*place, key))
            for queue in self._queues.values():
                heapq.heapify(queue)
            self._entries = len(self._places)
        if len(self._turns) > _COMPACT_ABOVE + 2 * len(self._head_of):
            self._turns = deque(name for name in self._turns if name in self._head_of)
            self._has_turn = set(self._turns)
