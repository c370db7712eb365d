"""How many credentials may be asked for at once, so that requests that hang hold up nobody else.

A namespace is slow from when one of its requests was unanswered for five seconds until one is
answered sooner. While others wait, slow namespaces have half of the workers, and what hangs beyond
that half is made up for by as many workers besides.
"""

from __future__ import annotations

from collections import Counter

from redox_operator.domain.credential import Key

SLOW_AFTER = 5.0
"""Seconds without an answer, after which another attempt joins, too."""
_SLOW_KEPT = 64


class WorkerSlots:
    """Credentials whose requests are under way."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._half = count // 2
        self._busy: Counter[str] = Counter()
        self._hanging: set[Key] = set()
        self.slow: set[str] = set()
        """Namespaces."""

    def begin(self, key: Key) -> None:
        """A credential asks."""
        self._busy[key.namespace] += 1

    def end(self, key: Key) -> None:
        """It asks no longer."""
        self._hanging.discard(key)
        self._busy[key.namespace] -= 1
        if not self._busy[key.namespace]:
            del self._busy[key.namespace]
        if len(self.slow) > _SLOW_KEPT:
            # Namespaces come and go; one that hangs again is slow again within five seconds.
            self.slow.intersection_update(self._busy)

    def hangs(self, key: Key) -> None:
        """A request was unanswered for five seconds."""
        self._hanging.add(key)
        self.slow.add(key.namespace)

    def answered(self, namespace: str, after: float) -> None:
        """A request of this namespace ended after that many seconds."""
        if after < SLOW_AFTER:
            self.slow.discard(namespace)

    @property
    def is_free_for_slow(self) -> bool:
        """Whether slow namespaces may ask, too, where no other one waits."""
        return self._busy.total() < self._count

    @property
    def is_free_for_others(self) -> bool:
        """Whether namespaces that are not slow may ask."""
        total, hanging = self._busy.total(), len(self._hanging)
        counted = total - max(0, hanging - self._half)
        return counted < self._count and total < self._count + self._half

    @property
    def crowding(self) -> set[str]:
        """Namespaces that may not, while others wait."""
        if sum(self._busy[namespace] for namespace in self.slow) < self._half:
            return set()
        return self.slow
