"""What is looked at every few seconds: the clocks, the event loop, the endpoints file."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.endpoint_queues import EndpointQueues
from redox_operator.domain.clock_correction import Reading
from redox_operator.domain.endpoint import Endpoint

logger = logging.getLogger(__name__)

INTERVAL = 1.0
RELOAD_EVERY = 5
STEP = 2.0
"""Seconds by which the wall clock must part from the boot clock to count as set."""


class EndpointsFilePort(Protocol):
    """The configured endpoints, re-read on change."""

    endpoints: tuple[Endpoint, ...]
    faults: list[str]

    def reload(self) -> bool: ...


@dataclass(slots=True)
class Maintenance:
    """A loop that notices."""

    clock: Clock
    endpoints_file: EndpointsFilePort
    endpoints: EndpointQueues
    on_change: Callable[[], None]
    """Called when everything must be decided anew."""
    on_clock_set: Callable[[], None]
    """The same, when the wall clock was set."""
    lag: float = 0.0
    """Seconds by which the event loop was late last."""
    turned_at: float = field(default=float("-inf"))
    """Boot clock of the last turn."""
    woke_at: float = field(default=float("-inf"))
    """Boot clock of the end of the last gap: a suspended machine, a stopped process."""
    clock_set_at: float = field(default=float("-inf"))
    """Boot clock when the wall clock was set last."""

    _corrections: dict[str, float] = field(default_factory=dict)

    async def loop(self) -> None:
        """Look every second, until cancelled."""
        last, turn = self.clock.read(), 0
        self.turned_at = last.boot
        while True:
            await asyncio.sleep(INTERVAL)
            now = self.clock.read()
            self.turned_at, self.lag = now.boot, max(0.0, now.boot - last.boot - INTERVAL)
            self._notice(last, now)
            last, turn = now, turn + 1
            if turn % RELOAD_EVERY == 0:
                self._reload()

    def _notice(self, last: Reading, now: Reading) -> None:
        gap = now.boot - last.boot
        step = (now.wall - last.wall) - gap
        if gap > 10 * INTERVAL:
            self.woke_at = now.boot
            logger.warning("the process stood still for %.0f s", gap)
        if abs(step) > STEP:
            self.clock_set_at = now.boot
            logger.warning("the clock was set by %+.0f s", step)
            self.on_clock_set()
        if self._corrections_moved(now) or gap > 10 * INTERVAL:
            self.on_change()

    def _corrections_moved(self, now: Reading) -> bool:
        """Whether an answer's `Date` has moved due times since they were computed."""
        before = self._corrections
        corrections = {each.endpoint.name: each.correction.seconds(now) for each in self.endpoints}
        moved = [
            name
            for name, seconds in corrections.items()
            if abs(seconds - before.get(name, 0.0)) > STEP
        ]
        # Small moves add up, so what is compared with is the last one that counted.
        self._corrections = {
            name: seconds if name in moved else before.get(name, 0.0)
            for name, seconds in corrections.items()
        }
        return bool(moved)

    def _reload(self) -> None:
        before = list(self.endpoints_file.faults)
        if self.endpoints_file.reload():
            self.endpoints.configure(self.endpoints_file.endpoints)
            logger.info("the endpoints were read anew")
            self.on_change()
        if self.endpoints_file.faults and self.endpoints_file.faults != before:
            for fault in self.endpoints_file.faults:
                logger.error("%s The last good endpoints stay in use.", fault)
