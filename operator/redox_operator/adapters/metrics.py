"""Metrics, through prometheus-client. Names and labels are part of the contract.

Gauges of credentials and endpoints are read from the operator when scraped, so a series vanishes
with what it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

_PREFIX = "redox_operator_"
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
_LATENESS = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


@dataclass(frozen=True, slots=True)
class CredentialSample:
    """One credential. Times in seconds since the epoch; None where there is none."""

    kind: str
    namespace: str
    name: str
    expires_at: float | None
    next_refresh: float | None
    ready: bool
    refresh_healthy: bool
    suspended: bool


@dataclass(frozen=True, slots=True)
class EndpointSample:
    """One endpoint."""

    name: str
    queue_depths: Mapping[str, int]
    """By lane."""
    held_by: Set[str]
    """Causes; empty where it is not held."""
    utilisation: float
    """Planned requests as a share of the rate."""
    clock_skew_seconds: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The operator as it is now."""

    credentials: Iterable[CredentialSample] = ()
    endpoints: Iterable[EndpointSample] = ()
    overdue: dict[str, int] = field(default_factory=dict)
    """Credentials whose refresh is overdue, by cause."""
    listed_at: dict[str, float] = field(default_factory=dict)
    event_loop_lag_seconds: float = 0.0
    endpoints_file_faulty: bool = False
    leader: bool = True


class Metrics:
    """The registry and its counters."""

    def __init__(self, version: str, settings_seconds: dict[str, float]) -> None:
        self._registry = CollectorRegistry()
        self._requests = self._counter("token_requests", "Token requests.", ("endpoint", "outcome"))
        self._durations = Histogram(
            _PREFIX + "token_request_duration_seconds",
            "From signing to the answer.",
            ("endpoint",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._lateness = Histogram(
            _PREFIX + "refresh_lateness_seconds",
            "From when a refresh should have started to the write.",
            buckets=_LATENESS,
            registry=self._registry,
        )
        self._writes = self._counter("secret_writes", "Writes of targets.", ("outcome",))
        self._kubernetes = self._counter(
            "kubernetes_requests",
            "Requests to the API server; watches not counted.",
            ("verb", "resource", "code"),
        )
        seconds = self._gauge("settings_seconds", "Settings of the schedule.", ("name",))
        for name, value in settings_seconds.items():
            seconds.labels(name).set(value)
        self._gauge("build_info", "Version of the operator.", ("version",)).labels(version).set(1)

    def follow(self, snapshot: Callable[[], Snapshot]) -> None:
        """Have the gauges read from there whenever they are scraped."""
        self._registry.register(_Gauges(snapshot))

    def token_request(self, endpoint: str, outcome: str, seconds: float) -> None:
        """Count a request; `outcome` is `issued` or a condition reason."""
        self._requests.labels(endpoint, outcome).inc()
        self._durations.labels(endpoint).observe(seconds)

    def secret_write(self, outcome: str) -> None:
        """Count a write of a target."""
        self._writes.labels(outcome).inc()

    def lateness(self, seconds: float) -> None:
        """Note how late a refresh was written."""
        self._lateness.observe(seconds)

    def kubernetes_request(self, verb: str, resource: str, code: str) -> None:
        """Count a request to the API server."""
        self._kubernetes.labels(verb, resource, code).inc()

    def exposition(self) -> bytes:
        """The text format, version 0.0.4."""
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(_PREFIX + name, text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(_PREFIX + name, text, labels, registry=self._registry)


class _Gauges:
    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        snapshot = self._snapshot()
        yield from _credentials(snapshot.credentials)
        yield from _endpoints(snapshot.endpoints)
        overdue = _family("overdue_credentials", "Refreshes that are overdue.", ("cause",))
        for cause, count in snapshot.overdue.items():
            overdue.add_metric((cause,), count)
        yield overdue
        listed = _family("last_list_timestamp_seconds", "Last complete list.", ("resource",))
        for resource, moment in snapshot.listed_at.items():
            listed.add_metric((resource,), moment)
        yield listed
        lag = _family("event_loop_lag_seconds", "How late the event loop was last.")
        lag.add_metric((), snapshot.event_loop_lag_seconds)
        yield lag
        faulty = _family("endpoints_file_faulty", "Whether the last good endpoints are in use.")
        faulty.add_metric((), float(snapshot.endpoints_file_faulty))
        yield faulty
        leader = _family("leader", "Whether this process issues tokens.")
        leader.add_metric((), float(snapshot.leader))
        yield leader


def _credentials(samples: Iterable[CredentialSample]) -> Iterator[Metric]:
    labels = ("kind", "namespace", "name")
    expires = _family("token_expiration_timestamp_seconds", "When the stored token dies.", labels)
    following = _family("next_refresh_timestamp_seconds", "When the refresh starts.", labels)
    ready = _family("ready", "The Ready condition.", labels)
    healthy = _family("refresh_healthy", "The RefreshHealthy condition.", labels)
    suspended = _family("suspended", "Whether the credential is suspended.", labels)
    for sample in samples:
        values = (sample.kind, sample.namespace, sample.name)
        if sample.expires_at is not None:
            expires.add_metric(values, sample.expires_at)
        if sample.next_refresh is not None:
            following.add_metric(values, sample.next_refresh)
        ready.add_metric(values, float(sample.ready))
        healthy.add_metric(values, float(sample.refresh_healthy))
        suspended.add_metric(values, float(sample.suspended))
    yield from (expires, following, ready, healthy, suspended)


def _endpoints(samples: Iterable[EndpointSample]) -> Iterator[Metric]:
    depth = _family("queue_depth", "Credentials waiting for a turn.", ("endpoint", "lane"))
    held = _family("endpoint_held", "Whether only probes are sent.", ("endpoint", "cause"))
    used = _family("endpoint_utilisation", "Planned share of the rate.", ("endpoint",))
    skew = _family("clock_skew_seconds", "By how much our clock is ahead.", ("endpoint",))
    for sample in samples:
        for lane, waiting in sample.queue_depths.items():
            depth.add_metric((sample.name, lane), waiting)
        for cause in sorted(sample.held_by):
            held.add_metric((sample.name, cause), 1)
        used.add_metric((sample.name,), sample.utilisation)
        skew.add_metric((sample.name,), sample.clock_skew_seconds)
    yield from (depth, held, used, skew)


def _family(name: str, text: str, labels: tuple[str, ...] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, text, labels=labels)
