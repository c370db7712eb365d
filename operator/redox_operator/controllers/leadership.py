"""Which of several replicas works: the one that holds the Lease.

Not fencing: a leader that stood still may wake in the middle of a write. That is harmless, because
a write names the version it replaces and never stores a token that dies earlier.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from redox_operator.controllers.clock import Clock
from redox_operator.domain.errors import ClusterError, Conflict, Forbidden, NotFound
from redox_operator.domain.lease import DURATION, RENEW_DEADLINE, RETRY, Lease, may_take

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

REQUEST_TIMEOUT = 3.0
"""Seconds: a request that hangs must leave time for another before the deadline."""
LONGEST_TIMEOUT = 10.0
"""The same where the API server is that slow: it would be cut off time and again."""
RELEASE_TIMEOUT = 1.0
"""Seconds: whoever stops does not wait long for it."""


class LeasesPort(Protocol):
    """One Lease; raises a `ClusterError`."""

    async def read(self) -> Lease | None: ...
    async def write(self, seen: Lease | None, holder: str) -> Lease: ...


@dataclass(slots=True)
class Leadership:
    """Takes the Lease, keeps it, and gives it up. Times are of the boot clock."""

    leases: LeasesPort
    identity: str
    """Another one for each life of a process: a holder of the same name is this very process."""
    clock: Clock
    on_start: Callable[[], None]
    """Called when this replica begins to lead."""
    on_stop: Callable[[], None]
    """Called when it no longer does, soon after `leads` turned false."""
    on_superseded: Callable[[], None]
    """Called when another replica may have led since: what is remembered may be outdated."""
    took_over_at: float = field(default=float("-inf"))
    refused: str = ""
    """What the API server refuses, as a sentence; empty where it does not."""
    _lease: Lease | None = None
    _changed_at: float = 0.0
    """When the Lease was first seen as it is."""
    _leads_until: float = field(default=float("-inf"))
    _timeout: float = REQUEST_TIMEOUT
    """Of the next request: longer after one that was cut off, and twice what the last one took."""
    _leading: bool = False
    """Whether `on_start` was called last."""
    _last_holder: bool = False
    """Whether nobody else can have led since this replica did."""

    @property
    def leads(self) -> bool:
        """Whether this replica may work now: a standstill ends it without a word."""
        return self.clock.read().boot < self._leads_until

    async def loop(self) -> None:
        """Take or renew the Lease, until cancelled."""
        self._changed_at = self.clock.read().boot
        while True:
            started = self.clock.read().boot
            self._tell()
            try:
                await self._turn()
                self.refused = ""
            except (ClusterError, TimeoutError) as error:
                self._note(error)
            self._tell()
            await asyncio.sleep(self._pause(started))

    async def release(self) -> None:
        """Give the Lease up, so that another replica begins at once."""
        self._leads_until = float("-inf")
        self._tell()
        if not self._last_holder:
            return
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT):
                await self._give_up()
        except (ClusterError, TimeoutError):
            logger.info("the Lease was not given up; others begin when it has run out")

    async def _give_up(self) -> None:
        try:
            await self.leases.write(self._lease, "")
        except Conflict:
            # The last renewal was cut off, and took effect all the same.
            lease = await self.leases.read()
            if lease is not None and lease.holder == self.identity:
                await self.leases.write(lease, "")

    async def _bounded(self, request: Awaitable[_T]) -> _T:
        started = self.clock.read().boot
        try:
            async with asyncio.timeout(self._timeout):
                answer = await request
        except TimeoutError:
            self._timeout = min(LONGEST_TIMEOUT, 2 * self._timeout)
            raise
        took = self.clock.read().boot - started
        self._timeout = min(LONGEST_TIMEOUT, max(REQUEST_TIMEOUT, 2 * took))
        return answer

    async def _turn(self) -> None:
        """One attempt. What a leader knows of its Lease is renewed without reading it."""
        if self._lease is None or not self._leading:
            self._see(await self._bounded(self.leases.read()))
        if not may_take(self._lease, self.identity, self.clock.read().boot - self._changed_at):
            return
        asked = self.clock.read().boot
        try:
            self._see(await self._bounded(self.leases.write(self._lease, self.identity)))
        except (Conflict, NotFound):
            # Another was first, or a write without an answer took effect after all.
            missing = self._lease is None
            self._see(await self._bounded(self.leases.read()))
            if missing and self._lease is None:
                raise
            return
        # A gap since the last turn is told before it is over: work was left out in it.
        self._tell()
        # Counted from before the request: others may count from any time after it.
        self._leads_until = asked + RENEW_DEADLINE
        self._tell()

    def _pause(self, started: float) -> float:
        """Seconds until the next attempt: two after this one, or when another's Lease runs out."""
        now = self.clock.read().boot
        again = started + RETRY
        if self._lease is not None and not self._last_holder:
            runs_out = self._changed_at + min(self._lease.duration_seconds, DURATION)
            if now < runs_out < again:
                again = runs_out
        return max(0.0, again - now)

    def _see(self, lease: Lease | None) -> None:
        if lease != self._lease:
            self._changed_at = self.clock.read().boot
        self._lease = lease
        if self._last_holder and (lease is None or lease.holder != self.identity):
            self._last_holder = False
            self._leads_until = float("-inf")
            self._tell()
            self.on_superseded()

    def _tell(self) -> None:
        leads = self.leads
        if leads == self._leading:
            return
        self._leading = leads
        if leads:
            self._last_holder = True
            self.took_over_at = self.clock.read().boot
        logger.info("this replica %s", "leads" if leads else "no longer leads")
        (self.on_start if leads else self.on_stop)()

    def _note(self, error: ClusterError | TimeoutError) -> None:
        refused = ""
        if isinstance(error, Forbidden):
            refused = "the Lease may not be read or written: see deploy/'s RBAC"
        elif isinstance(error, NotFound):
            refused = "there is no namespace for the Lease: see LEASE_NAMESPACE"
        elif not isinstance(error, Conflict):
            logger.info("the Lease could not be taken or renewed: %s", error or "no answer in time")
        if refused and refused != self.refused:
            logger.error("%s (%s)", refused, error)
        self.refused = refused
