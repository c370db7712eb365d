from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from redox_operator.adapters.metrics import CredentialSample, EndpointSample, Metrics, Snapshot

LABELS = {"kind": "RedoxCredential", "namespace": "clinic", "name": "ehr"}


def metrics() -> Metrics:
    return Metrics("1.2.3", {"propagation": 92, "safety": 10, "retry_budget": 75})


def values(made: Metrics, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """The samples of that name by their labels."""
    families = text_string_to_metric_families(made.exposition().decode())
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if sample.name == f"redox_operator_{name}"
    }


def value(made: Metrics, name: str, /, **labels: str) -> float | None:
    return values(made, name).get(tuple(sorted(labels.items())))


def credential(**changes: object) -> CredentialSample:
    fields = {
        "expires_at": 1000.0,
        "next_refresh": 900.0,
        "ready": True,
        "refresh_healthy": False,
        "suspended": False,
    }
    return CredentialSample(*LABELS.values(), **{**fields, **changes})  # type: ignore[arg-type]


def endpoint(held_by: set[str] = frozenset()) -> EndpointSample:  # type: ignore[assignment]
    depths = {"refresh": 1, "first": 2, "rejected": 0}
    return EndpointSample("US", depths, held_by, utilisation=0.5, clock_skew_seconds=-1.5)


def following(snapshot: Snapshot) -> Metrics:
    made = metrics()
    made.follow(lambda: snapshot)
    return made


def test_settings_and_version_are_there_from_the_start() -> None:
    made = metrics()
    assert value(made, "settings_seconds", name="propagation") == 92
    assert value(made, "settings_seconds", name="retry_budget") == 75
    assert value(made, "build_info", version="1.2.3") == 1


def test_token_requests_are_counted_and_timed() -> None:
    made = metrics()
    made.token_request("US", "issued", 0.2)
    made.token_request("US", "issued", 3.0)
    made.token_request("US", "ClientRejected", 0.1)
    assert value(made, "token_requests_total", endpoint="US", outcome="issued") == 2
    assert value(made, "token_requests_total", endpoint="US", outcome="ClientRejected") == 1
    buckets = "token_request_duration_seconds_bucket"
    assert value(made, buckets, endpoint="US", le="0.25") == 2
    assert value(made, buckets, endpoint="US", le="+Inf") == 3


def test_writes_requests_and_lateness_are_counted() -> None:
    made = metrics()
    made.secret_write("updated")
    made.kubernetes_request("patch", "secrets", "200")
    made.lateness(0.7)
    assert value(made, "secret_writes_total", outcome="updated") == 1
    labels = {"verb": "patch", "resource": "secrets", "code": "200"}
    assert value(made, "kubernetes_requests_total", **labels) == 1
    assert value(made, "refresh_lateness_seconds_bucket", le="0.5") == 0
    assert value(made, "refresh_lateness_seconds_bucket", le="1.0") == 1


def test_a_credential_has_its_series() -> None:
    made = following(Snapshot(credentials=[credential()]))
    assert value(made, "token_expiration_timestamp_seconds", **LABELS) == 1000
    assert value(made, "next_refresh_timestamp_seconds", **LABELS) == 900
    assert value(made, "ready", **LABELS) == 1
    assert value(made, "refresh_healthy", **LABELS) == 0
    assert value(made, "suspended", **LABELS) == 0


def test_a_credential_without_a_token_has_no_times() -> None:
    made = following(Snapshot(credentials=[credential(expires_at=None, next_refresh=None)]))
    assert value(made, "token_expiration_timestamp_seconds", **LABELS) is None
    assert value(made, "next_refresh_timestamp_seconds", **LABELS) is None
    assert value(made, "ready", **LABELS) == 1


def test_series_vanish_with_their_credential_and_endpoint() -> None:
    shown = [
        Snapshot(credentials=[credential()], endpoints=[endpoint(held_by={"rate"})]),
        Snapshot(),
    ]
    made = metrics()
    made.follow(lambda: shown[0])
    assert value(made, "ready", **LABELS) == 1
    assert value(made, "endpoint_held", endpoint="US", cause="rate") == 1
    shown.pop(0)
    assert values(made, "ready") == {}
    assert values(made, "endpoint_held") == {}
    assert values(made, "endpoint_utilisation") == {}


def test_an_endpoint_has_its_series() -> None:
    made = following(Snapshot(endpoints=[endpoint()]))
    assert value(made, "queue_depth", endpoint="US", lane="refresh") == 1
    assert value(made, "queue_depth", endpoint="US", lane="first") == 2
    assert value(made, "queue_depth", endpoint="US", lane="rejected") == 0
    assert value(made, "endpoint_utilisation", endpoint="US") == 0.5
    assert value(made, "clock_skew_seconds", endpoint="US") == -1.5
    assert values(made, "endpoint_held") == {}


def test_an_endpoint_that_is_held_for_two_causes_shows_both() -> None:
    made = following(Snapshot(endpoints=[endpoint(held_by={"rate", "breaker"})]))
    assert value(made, "endpoint_held", endpoint="US", cause="rate") == 1
    assert value(made, "endpoint_held", endpoint="US", cause="breaker") == 1
    assert value(made, "endpoint_held", endpoint="US", cause="retry_after") is None


@pytest.mark.parametrize("leads", [True, False])
def test_a_process_says_whether_it_leads(leads: bool) -> None:
    assert value(following(Snapshot(leader=leads)), "leader") == leads


def test_the_process_has_its_series() -> None:
    made = following(
        Snapshot(
            overdue={"process": 0, "endpoint": 2},
            listed_at={"secrets": 5.0},
            event_loop_lag_seconds=0.25,
            endpoints_file_faulty=True,
        )
    )
    assert value(made, "overdue_credentials", cause="process") == 0
    assert value(made, "overdue_credentials", cause="endpoint") == 2
    assert value(made, "last_list_timestamp_seconds", resource="secrets") == 5
    assert value(made, "event_loop_lag_seconds") == 0.25
    assert value(made, "endpoints_file_faulty") == 1


def test_following_reads_nothing_before_it_is_scraped() -> None:
    reads = []
    made = metrics()
    made.follow(lambda: reads.append(1) or Snapshot())  # type: ignore[func-returns-value]
    assert reads == []
    made.exposition()
    assert reads == [1]
