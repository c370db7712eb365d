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
    lag: float = 0.0
    """Seconds by which the event loop was late last."""
    turned_at: float = field(default=float("-inf"))
    """Boot clock of the last turn."""
    woke_at: float = field(default=float("-inf"))
    """Boot clock of the end of the last gap: a suspended machine, a stopped process."""

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
            logger.warning("the clock was set by %+.0f s", step)
        if gap > 10 * INTERVAL or abs(step) > STEP:
            self.on_change()

    def _reload(self) -> None:
        before = list(self.endpoints_file.faults)
        if self.endpoints_file.reload():
            self.endpoints.configure(self.endpoints_file.endpoints)
            logger.info("the endpoints were read anew")
            self.on_change()
        if self.endpoints_file.faults and self.endpoints_file.faults != before:
            for fault in self.endpoints_file.faults:
                logger.error("%s The last good endpoints stay in use.", fault)
