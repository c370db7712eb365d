"""When a stored token must be fresh: what the promise assumes, kept as books of a simulation.

The endpoint or the API server may be away, or no operator run, for as long as the retry budget
says. What no retry can heal (a key that is broken, a spec that asks for nothing) lies outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from redox_operator.domain.credential import Key
from redox_operator.domain.refresh import Margins, is_too_short, refresh_start
from tests.support.virtual_time import VirtualClock

EACH = 15.0
"""Seconds of the budget that each spell of trouble takes besides its length: the pause until the
next attempt, the attempt itself and the write."""


@dataclass(slots=True)
class Premise:
    """Spells of trouble that count against the budget, and what lies outside."""

    clock: VirtualClock
    margins: Margins = field(default_factory=Margins)
    _spells: list[tuple[float, float]] = field(default_factory=list)
    _troubles: dict[str, float] = field(default_factory=dict)
    """What is amiss, and since when."""
    _outside: set[tuple[str, Key | None]] = field(default_factory=set)
    _excused: dict[Key | None, float] = field(default_factory=dict)
    """Boot clock: a token issued before need not be fresh."""

    def begin(self, trouble: str) -> None:
        """From now on something is amiss that a retry may heal."""
        self._troubles.setdefault(trouble, self.clock.boot)

    def end(self, trouble: str) -> None:
        """That is over."""
        begun = self._troubles.pop(trouble, None)
        if begun is not None:
            self._spells.append((begun, self.clock.boot))

    def stood_still(self, seconds: float) -> None:
        """Time passed in which nothing ran."""
        self._spells.append((self.clock.boot - seconds, self.clock.boot))

    def leave(self, cause: str, key: Key | None = None) -> None:
        """From now on something lies outside the promise; `key` None: for everyone."""
        self._outside.add((cause, key))

    def come_back(self, cause: str, key: Key | None = None, after: float = 0.0) -> None:
        """That is over: tokens issued so many seconds from now, or later, must be fresh."""
        if (cause, key) in self._outside:
            self._outside.remove((cause, key))
            self.excuse(key, after)

    def excuse(self, key: Key | None = None, after: float = 0.0) -> None:
        """Something happened outside the promise."""
        until = self.clock.boot + after
        self._excused[key] = max(until, self._excused.get(key, until))

    def holds(self, key: Key, issued_at: float, lifetime: float) -> bool:
        """Whether a token of this credential, issued then by the boot clock, must be fresh."""
        if is_too_short(lifetime, self.margins):
            return False
        if any(whose in (None, key) for _, whose in self._outside):
            return False
        if any(issued_at <= self._excused.get(whose, float("-inf")) for whose in (None, key)):
            return False
        budget = lifetime - self.margins.mounted - refresh_start(lifetime, self.margins)
        return self._spent_since(issued_at) <= budget

    def _spent_since(self, moment: float) -> float:
        now = self.clock.boot
        spells = [*self._spells, *((begun, now) for begun in self._troubles.values())]
        lengths = [end - max(begun, moment) for begun, end in spells if end > moment]
        return sum(lengths) + EACH * len(lengths)
