"""The operator as a whole, seen from outside: metrics and what is overdue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from redox_operator.adapters.metrics import CredentialSample, EndpointSample, Snapshot
from redox_operator.controllers.endpoint_queue import EndpointQueue
from redox_operator.controllers.maintenance import Maintenance
from redox_operator.controllers.observing import Observer
from redox_operator.controllers.records import Record, Records
from redox_operator.controllers.resync import Resync
from redox_operator.domain import target
from redox_operator.domain.credential import KIND, Credential
from redox_operator.domain.errors import ClusterError, TokenRequestError
from redox_operator.domain.policies import Observed, refresh_time

OVERDUE_AFTER = 10.0
"""Seconds after its start that a refresh counts as overdue: it may take an attempt or two."""


@dataclass(slots=True)
class Overview:
    """Reads everything, changes nothing."""

    records: Records
    observer: Observer
    resync: Resync
    maintenance: Maintenance

    def snapshot(self) -> Snapshot:
        """What metrics show."""
        valid = [
            (record, self.observer.observe(record, record.credential))
            for record in self.records
            if isinstance(record.credential, Credential)
        ]
        overdue = Counter(dict.fromkeys(("process", "endpoint", "cluster", "rate"), 0))
        overdue.update(filter(None, (self._overdue(*each) for each in valid)))
        return Snapshot(
            credentials=list(self._credentials()),
            endpoints=[self._endpoint(queue, valid) for queue in self.observer.endpoints],
            overdue=dict(overdue),
            listed_at=dict(self.resync.listed_at),
            event_loop_lag_seconds=self.maintenance.lag,
            endpoints_file_faulty=bool(self.maintenance.endpoints_file.faults),
        )

    def _credentials(self) -> Iterator[CredentialSample]:
        for record in self.records:
            credential = record.credential
            if not isinstance(credential, Credential):
                yield CredentialSample(KIND, *record.key, None, None, False, False, False)
                continue
            observed = self.observer.observe(record, credential)
            stored = None
            if record.target is not None:
                stored = target.stored_token(
                    record.target, observed.now, observed.max_lifetime_seconds
                )
            yield CredentialSample(
                KIND,
                *record.key,
                expires_at=None if stored is None else stored.expires_at,
                next_refresh=None if observed.live_token is None else refresh_time(observed),
                ready=stored is not None and stored.expires_at > observed.now,
                refresh_healthy=_condition(record, "RefreshHealthy") == "True",
                suspended=credential.suspend,
            )

    def _endpoint(
        self, queue: EndpointQueue, valid: list[tuple[Record, Observed]]
    ) -> EndpointSample:
        planned = 0.0
        for _, observed in valid:
            token = observed.live_token
            if token is not None and observed.endpoint == queue.endpoint:
                planned += 1 / max(1.0, refresh_time(observed) - token.issued_at)
        reading = self.observer.clock.read()
        rate = queue.endpoint.requests_per_second
        return EndpointSample(
            name=queue.endpoint.name,
            queue_depth=len(queue),
            held="rate" if queue.held else None,
            utilisation=planned / rate if rate > 0 else 0.0,
            clock_skew_seconds=queue.correction.skew(reading),
        )

    def _overdue(self, record: Record, observed: Observed) -> str | None:
        """Why a refresh is overdue; None where it is not."""
        if observed.credential.suspend or observed.live_token is None:
            return None
        if observed.now < refresh_time(observed) + OVERDUE_AFTER:
            return None
        queue = self.observer.endpoints.get(observed.credential.endpoint)
        if record.request_failure is not None:
            error = record.request_failure.error
            if isinstance(error, TokenRequestError):
                return "endpoint"
            return "cluster" if isinstance(error, ClusterError) else None
        if record.write_failure is not None:
            return "cluster"
        if queue is None:
            return None
        if record.key in queue:
            return "endpoint" if queue.held else "rate"
        return "process"


def _condition(record: Record, kind: str) -> str:
    for condition in (record.status or {}).get("conditions") or ():
        if condition.get("type") == kind:
            return str(condition.get("status"))
    return "Unknown"
