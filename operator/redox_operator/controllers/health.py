"""Whether the process is at fault (liveness), and whether it can do its work (readiness).

Redox, the API server, DNS, rates and clocks are nobody's fault here: restarting would heal nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.leadership import Leadership
from redox_operator.controllers.maintenance import Maintenance
from redox_operator.controllers.overview import Overview
from redox_operator.controllers.resync import Resync
from redox_operator.controllers.supervisor import Supervisor
from redox_operator.controllers.watch import Watch
from redox_operator.controllers.workqueue import Workqueue

PATIENCE = 60.0
"""Seconds for which work may stand still."""

_UNANSWERED = frozenset({"error", "429", "502", "503", "504"})


@dataclass(slots=True)
class Health:
    """Answers of the probes; each fault is a line."""

    clock: Clock
    workqueue: Workqueue
    watch: Watch
    resync: Resync
    maintenance: Maintenance
    supervisor: Supervisor
    overview: Overview
    leadership: Leadership | None = None
    """None: there is one replica, and it leads."""
    started_at: float = field(init=False)
    """Boot clock."""
    unanswered_at: float = float("-inf")
    """Boot clock of the last request that the API server did not answer."""

    def __post_init__(self) -> None:
        """Take note of the start."""
        self.started_at = self.clock.read().boot

    def note_request(self, verb: str, code: str) -> None:
        """Take note of an answer of the API server: an HTTP status, or `error` for none.

        A write may be answered 500 because a webhook fails: that says nothing of the others.
        """
        if code in _UNANSWERED or (code == "500" and verb in ("get", "list")):
            self.unanswered_at = self.clock.read().boot

    def liveness(self) -> list[str]:
        """What only a restart would heal."""
        return list(self._stuck())

    def readiness(self) -> list[str]:
        """What keeps the operator from its work."""
        faults = list(self.maintenance.endpoints_file.faults)
        if self.resync.crd_missing:
            faults.append("the CustomResourceDefinition is missing: apply crds/")
        elif not self.resync.complete:
            faults.append("the first list is not complete")
        if not self.watch.alive:
            faults.append("not every watch runs")
        for path, status in self.watch.refused.items():
            faults.append(
                f"the API server refuses the watch of {path} ({status}): see deploy/'s RBAC"
            )
        faults += [
            f"the API server refuses the list of {name} (403): see deploy/'s RBAC"
            for name in sorted(self.resync.refused - self.watch.refused.keys())
        ]
        if self.leadership is not None and self.leadership.refused:
            faults.append(self.leadership.refused)
        return faults

    def _stuck(self) -> Iterator[str]:
        now = self.clock.read().boot
        yield from self.supervisor.dead()
        leads_since = float("-inf")
        if self.leadership is not None:
            if not self.leadership.leads:
                # A standby has no work that could be late.
                return
            leads_since = self.leadership.took_over_at
        running_for = now - max(self.started_at, self.maintenance.woke_at, leads_since)
        if running_for < PATIENCE:
            return
        if now - self.workqueue.turned_at > PATIENCE:
            yield "the workqueue stands still"
        # While the API server does not answer, runs only wait for it.
        answered = now - self.unanswered_at > PATIENCE
        waited = self.workqueue.oldest_wait()
        if answered and waited > PATIENCE:
            yield f"a credential has waited for {waited:.0f} s to be looked at"
        late = min(self.overview.overdue_by_fault(), running_for)
        if answered and late > PATIENCE:
            yield f"a refresh is overdue by {late:.0f} s"
        stopped = self.watch.stopped_at
        # Without a first list there was nobody to watch, and the API server may be away.
        if answered and self.resync.complete and stopped is not None:
            for_seconds = asyncio.get_running_loop().time() - stopped
            if for_seconds > PATIENCE:
                yield f"a watch has been dead for {for_seconds:.0f} s"
