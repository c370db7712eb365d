"""Outages of token endpoints, each from the moment a refresh is due: the worst that there is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.support.token_endpoints import TokenEndpoints
from tests.support.worker import Worker

LEAD = 0.2
"""Seconds before the refresh is due: nothing may be sent in time."""
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Outage:
    """One that is over. Times in seconds since the epoch; `due`: the refresh it was aimed at."""

    way: str
    credential: str
    began: float
    due: float
    ended: float


@dataclass(slots=True)
class _Plan:
    """What happens to one endpoint next."""

    credentials: list[str]
    rest_until: float
    hits: Counter[str] = field(default_factory=Counter)
    target: str | None = None
    due: float = 0.0
    began: float | None = None


class Outages(Worker):
    """Takes each endpoint away when one of its credentials is due, in a thread of its own.

    After `seconds` from that moment the endpoint is back, and for `rest` seconds it is left alone.
    """

    def __init__(
        self,
        endpoints: TokenEndpoints,
        credentials: Mapping[str, list[str]],
        due: Callable[[str], float],
        *,
        seconds: float,
        rest: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`credentials`: by way, those to aim at. `due`: when the refresh of one of them starts."""
        super().__init__()
        self.over: list[Outage] = []
        self._endpoints = endpoints
        self._due = due
        self._seconds, self._rest = seconds, rest
        self._clock = clock
        now = clock()
        self._plans = {way: _Plan(names, now) for way, names in credentials.items()}

    def rounds(self) -> int:
        """How many outages each endpoint has behind it, at least."""
        counts = Counter(outage.way for outage in self.over)
        return min(counts[way] for way in self._plans)

    def work(self) -> None:
        """Take away and bring back; at the end nothing stays away."""
        try:
            while not self.stopping.wait(POLL_SECONDS):
                for way, plan in self._plans.items():
                    self._step(way, plan, self._clock())
        finally:
            for way, plan in self._plans.items():
                if plan.began is not None:
                    self._endpoints.bring_back(way)

    def _step(self, way: str, plan: _Plan, now: float) -> None:
        if plan.target is None:
            if now >= plan.rest_until:
                self._aim(plan, now)
        elif plan.began is None:
            if now >= plan.due - LEAD:
                self._endpoints.take_away(way)
                plan.began = now
        elif now >= plan.due + self._seconds:
            self._endpoints.bring_back(way)
            self.over.append(Outage(way, plan.target, plan.began, plan.due, now))
            plan.hits[plan.target] += 1
            plan.target, plan.began, plan.rest_until = None, None, now + self._rest

    def _aim(self, plan: _Plan, now: float) -> None:
        """Choose the credential that was hit least, and among these the one that is due first."""
        due = {name: self._due(name) for name in plan.credentials}
        ahead = [name for name in plan.credentials if due[name] > now + 2 * LEAD]
        if ahead:
            plan.target = min(ahead, key=lambda name: (plan.hits[name], due[name]))
            plan.due = due[plan.target]
        else:
            plan.rest_until = now + 1
