"""The operator as a whole, seen from outside: metrics and what is overdue."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from redox_operator.adapters.metrics import CredentialSample, EndpointSample, Snapshot
from redox_operator.controllers.endpoint_queue import EndpointQueue
from redox_operator.controllers.maintenance import Maintenance
from redox_operator.controllers.observing import Observer
from redox_operator.controllers.ports import Leads
from redox_operator.controllers.records import Record, Records
from redox_operator.controllers.resync import Resync
from redox_operator.controllers.situations import situation
from redox_operator.controllers.workqueue import Workqueue
from redox_operator.domain.credential import KIND, Credential
from redox_operator.domain.errors import ClusterError, CredentialError, TokenRequestError
from redox_operator.domain.policies import Observed, refresh_time
from redox_operator.domain.timestamps import parse_time

OVERDUE_AFTER = 10.0
"""Seconds after its start that a refresh counts as overdue: it may take an attempt or two."""
STILL_AFTER = 60.0
"""Seconds without any key settled after which the parser counts as dead."""
BUSY = 0.7
"""Planned share of an endpoint's rate that leaves too little to make up for an outage."""
LOOK_EVERY = 60.0

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Overview:
    """Reads everything, changes nothing."""

    records: Records
    observer: Observer
    workqueue: Workqueue
    resync: Resync
    maintenance: Maintenance
    leads: Leads = lambda: True
    keys_moved_at: Callable[[], float] = lambda: float("-inf")
    """Boot clock when a key was settled last; see `KeyReader.moved_at`."""

    def snapshot(self) -> Snapshot:
        """What metrics show."""
        seen = list(self._seen())
        overdue = Counter(dict.fromkeys(("process", "endpoint", "cluster", "rate"), 0))
        overdue.update(cause for _, cause, _ in self._overdue(seen))
        return Snapshot(
            credentials=[self._sample(*each) for each in seen],
            endpoints=[self._endpoint(queue, seen) for queue in self.observer.endpoints],
            overdue=dict(overdue),
            listed_at=dict(self.resync.listed_at),
            event_loop_lag_seconds=self.maintenance.lag,
            endpoints_file_faulty=bool(self.maintenance.endpoints_file.faults),
            leader=self.leads(),
        )

    async def warn_of_busy_endpoints(self) -> None:
        """Log it, once for each rise, where planned use comes near the rate; until cancelled."""
        busy: set[str] = set()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = {each.name: each.utilisation for each in self.snapshot().endpoints}
            for name in now.keys() - busy:
                if now[name] > BUSY:
                    logger.warning(
                        "%.0f %% of the rate of the endpoint %s are planned: raise its "
                        "requestsPerSecond, or have fewer credentials here",
                        100 * now[name],
                        name,
                    )
            busy = {name for name, share in now.items() if share > BUSY}

    def overdue_by_fault(self) -> float:
        """Seconds by which the latest refresh is overdue that nothing but this process delays.

        One that fails time and again is left out: a restart would not heal it, and harm others.
        One whose key is being read or checked waits for other keys, while those are settled.
        What was suspended or refused, or fell due by a clock that was set, is late from then on.
        """
        now, clock_set_at = self.observer.clock.read().boot, self.maintenance.clock_set_at
        late = (
            min(seconds, now - max(record.free_since, clock_set_at))
            for record, cause, seconds in self._overdue(self._seen())
            if cause == "process"
            and not (record.key_pending and now - self.keys_moved_at() < STILL_AFTER)
            and record.request_failure is None
            and record.key not in self.workqueue.crashed
        )
        return max(late, default=0.0)

    def _seen(self) -> Iterator[tuple[Record, Observed | None]]:
        for record in self.records:
            credential = record.credential
            if isinstance(credential, Credential):
                yield record, self.observer.observe(record, credential)
            else:
                yield record, None

    def _overdue(
        self, seen: Iterable[tuple[Record, Observed | None]]
    ) -> Iterator[tuple[Record, str, float]]:
        """Record, cause and seconds of each refresh that is overdue, by the held token's age.

        What a standby holds says nothing: the leader tells.
        """
        if not self.leads():
            return
        for record, observed in seen:
            if observed is None or observed.credential.suspend or observed.token is None:
                continue
            issued_at = observed.token.issued_at
            start = refresh_time(replace(observed, now=issued_at)) - issued_at
            age = self.observer.age(record)
            if record.write_failure is not None and age >= OVERDUE_AFTER:
                yield record, "cluster", age
            elif age - start >= OVERDUE_AFTER:
                cause = self._cause(record, observed)
                if cause is not None:
                    yield record, cause, age - start

    def _cause(self, record: Record, observed: Observed) -> str | None:
        """What delays a refresh; None where it is what the author wrote."""
        if record.refusal is not None:
            return None
        error = None if record.request_failure is None else record.request_failure.error
        if isinstance(error, TokenRequestError):
            return "endpoint"
        if isinstance(error, ClusterError):
            return "cluster"
        if isinstance(error, CredentialError):
            return None
        queue = self.observer.endpoints.get(observed.credential.endpoint)
        if queue is None or record.key not in queue:
            return "process"
        return "endpoint" if queue.held or queue.is_asking(record.key) else "rate"

    def _sample(self, record: Record, observed: Observed | None) -> CredentialSample:
        if observed is not None and self.resync.targets is None and not self.leads():
            # A standby that does not watch targets knows what the leader told of them.
            return _by_status(record, observed)
        return _sample(record, observed)

    def _endpoint(
        self, queue: EndpointQueue, seen: Iterable[tuple[Record, Observed | None]]
    ) -> EndpointSample:
        planned = sum(
            1 / max(1.0, refresh_time(observed) - observed.live_token.issued_at)
            for _, observed in seen
            if observed is not None
            and observed.endpoint == queue.endpoint
            and observed.live_token is not None
            and not observed.credential.suspend
        )
        rate = queue.endpoint.requests_per_second
        return EndpointSample(
            name=queue.endpoint.name,
            queue_depths={lane.value: depth for lane, depth in queue.depths.items()},
            held_by=frozenset(cause.value for cause in queue.held_by),
            utilisation=planned / rate if rate > 0 else 0.0,
            clock_skew_seconds=queue.correction.skew(self.observer.clock.read()),
        )


def _sample(record: Record, observed: Observed | None) -> CredentialSample:
    if observed is None:
        return CredentialSample(KIND, *record.key, None, None, False, False, False)
    told = situation(record, observed)
    # A standby holds no token; what it knows of the stored one tells as much.
    token = observed.live_token or (told.token if told.live else None)
    return CredentialSample(
        KIND,
        *record.key,
        expires_at=None if told.token is None else told.token.expires_at,
        next_refresh=None
        if token is None or observed.credential.suspend
        else refresh_time(replace(observed, token=token)),
        ready=told.live,
        refresh_healthy=_condition(record, "RefreshHealthy") == "True",
        suspended=observed.credential.suspend,
    )


def _by_status(record: Record, observed: Observed) -> CredentialSample:
    status = record.status or {}
    expires_at = parse_time(status.get("expirationTime"))
    return CredentialSample(
        KIND,
        *record.key,
        expires_at=expires_at,
        next_refresh=parse_time(status.get("nextRefreshTime")),
        ready=expires_at is not None and expires_at > observed.now,
        refresh_healthy=_condition(record, "RefreshHealthy") == "True",
        suspended=observed.credential.suspend,
    )


def _condition(record: Record, kind: str) -> str:
    for condition in (record.status or {}).get("conditions") or ():
        if condition.get("type") == kind:
            return str(condition.get("status"))
    return "Unknown"
