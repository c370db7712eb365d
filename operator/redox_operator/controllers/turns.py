"""What an endpoint's queue knows of a credential that waits for a turn, and of one that has it.

Times are of the boot clock.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from redox_operator.domain.lanes import Lane

_MOVED = 1.0
"""Seconds by which a deadline moves before a credential's place does."""


@dataclass(slots=True)
class Waiting:
    """A credential that waits."""

    since: float
    lane: Lane
    deadline: float

    def move(self, lane: Lane, deadline: float) -> bool:
        """Take another lane or deadline; whether its place changes."""
        same = deadline == self.deadline or abs(deadline - self.deadline) < _MOVED
        if lane is self.lane and same:
            return False
        self.lane, self.deadline = lane, deadline
        return True


@dataclass(slots=True)
class Flight:
    """A credential whose requests are under way."""

    lane: Lane
    deadline: float
    begun_at: float
    sent_before: float
    """When the endpoint was asked before this turn."""
    attempts: int = 1
    task: asyncio.Task[None] | None = None
