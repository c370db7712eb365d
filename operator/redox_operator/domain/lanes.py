"""Which of those who wait for an endpoint may ask next.

    refresh     a valid token is held                     at least 70 % of the rate
    first       nothing valid is held                     at least 20 % while any wait
    rejected    the last answer was a rejection           at most 10 %, and up to as much

What a lane leaves goes to refreshes, then to first issues. Only the rejected may wait while there
are turns to give: they never get more than their share.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Container

from redox_operator.domain.credential import Key
from redox_operator.domain.token_bucket import TokenBucket
from redox_operator.domain.turn_order import TurnOrder

FIRST_EVERY = 5
"""Of as many turns, one is a first issue's while any wait: 20 %."""
REJECTED_SHARE = 0.1
_LOOK_EVERY = 1.0
"""Seconds between looks at whether all deadlines can be kept, which take O(n log n)."""


class Lane(enum.Enum):
    """Why a credential waits, in the order in which lanes are served."""

    REFRESH = "refresh"
    FIRST = "first"
    REJECTED = "rejected"


class Lanes:
    """All who wait for one endpoint. Times are seconds of a clock that nobody sets."""

    def __init__(self) -> None:
        self._orders = {lane: TurnOrder() for lane in Lane}
        self._lane_of: dict[Key, Lane] = {}
        self._rejected = TokenBucket(0.0, 1, 0.0)
        self._since_first = 0
        """Turns of others since the last first issue, while one waits."""
        self._in_turn = False
        self._looked_at = float("-inf")

    def __len__(self) -> int:
        return len(self._lane_of)

    def __contains__(self, key: Key) -> bool:
        return key in self._lane_of

    @property
    def depths(self) -> dict[Lane, int]:
        """How many wait in each lane."""
        return {lane: len(order) for lane, order in self._orders.items()}

    def set_rate(self, rate: float, burst: int, now: float, *, empty: bool = False) -> None:
        """Take the endpoint's rate; `empty`: where requests were sent that are not known of."""
        self._rejected = TokenBucket(*_rejected_share(rate, burst), now, empty=empty)

    def change_rate(self, rate: float, burst: int, now: float) -> None:
        """Take another rate of the same endpoint."""
        self._rejected.change(*_rejected_share(rate, burst), now)

    def halve(self, now: float) -> None:
        """The endpoint said 429."""
        self._rejected.halve(now)

    def give_back(self, lane: Lane) -> None:
        """A turn that was not used."""
        if lane is Lane.REJECTED:
            self._rejected.give_back()

    def add(self, key: Key, lane: Lane, deadline: float) -> None:
        """Let a key wait, or wait in another lane or with another deadline."""
        self.discard(key)
        self._lane_of[key] = lane
        self._orders[lane].add(key, deadline)

    def discard(self, key: Key) -> None:
        """A key that no longer waits."""
        lane = self._lane_of.pop(key, None)
        if lane is not None:
            self._orders[lane].discard(key)

    @property
    def nearest_deadline(self) -> float:
        """Of those who hold a token, or held one; infinite where none of them waits."""
        return min(self._orders[lane].earliest for lane in (Lane.REFRESH, Lane.FIRST))

    @property
    def first_is_due(self) -> bool:
        """Whether first issues have had less than their share."""
        return bool(self._orders[Lane.FIRST]) and self._since_first >= FIRST_EVERY - 1

    def note_other_turn(self) -> None:
        """A request that joins another took a turn; it counts against the share of first issues."""
        self._since_first += 1

    def pop(
        self, now: float, level: float, rate: float, skip: Container[str] = ()
    ) -> tuple[Key, Lane] | None:
        """Whose turn it is; `level` and `rate` are those of the endpoint's bucket.

        `skip`: namespaces that get none now. None: nobody may have one.
        """
        refresh, first, rejected = (self._orders[lane] for lane in Lane)
        key = None
        if self.first_is_due:
            key = first.pop_in_turn(skip)
        if key is None and rejected and self._rejected.wait(now) <= 0:
            key = rejected.pop_in_turn(skip)
            if key is not None:
                self._rejected.take(now)
        if key is None and refresh:
            if self._takes_turns(refresh, now, level, rate):
                key = refresh.pop_in_turn(skip)
            else:
                key = refresh.pop_by_deadline(skip)
        if key is None:
            key = first.pop_in_turn(skip)
        if key is None:
            return None
        lane = self._lane_of.pop(key)
        self._since_first = 0 if lane is Lane.FIRST else self._since_first + 1
        return key, lane

    def pop_probe(self, failed: Counter[str | Key]) -> tuple[Key, Lane] | None:
        """Who asks an endpoint that may be away: the nearest deadline of those who failed least.

        `failed`: failed probes by namespace and by key. A credential that the endpoint fails for
        reasons of its own must not keep all others from finding that the endpoint is back.
        """
        candidates = (
            (failed[key.namespace], failed[key], rank, deadline, number, key)
            for rank, order in enumerate(self._orders.values())
            for deadline, number, key in order
        )
        found = min(candidates, default=None)
        if found is None:
            return None
        key = found[-1]
        lane = self._lane_of[key]
        self.discard(key)
        return key, lane

    def wait(self, now: float) -> float:
        """Seconds until the rejected may have a turn again, where only their share is used up."""
        return self._rejected.wait(now) if self._orders[Lane.REJECTED] else float("inf")

    def _takes_turns(self, refresh: TurnOrder, now: float, level: float, rate: float) -> bool:
        if refresh.namespaces <= 1:
            return False
        if now - self._looked_at >= _LOOK_EVERY:
            self._looked_at = now
            share = 1.0
            if self._orders[Lane.FIRST]:
                share -= 1 / FIRST_EVERY
            if self._orders[Lane.REJECTED]:
                share -= REJECTED_SHARE
            self._in_turn = not refresh.can_keep_deadlines(now, level, rate * share)
        return self._in_turn


def _rejected_share(rate: float, burst: int) -> tuple[float, int]:
    return rate * REJECTED_SHARE, max(1, int(burst * REJECTED_SHARE))
