from __future__ import annotations

import pytest

from redox_operator.adapters.metrics import CredentialSample
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import CANADA, US
from redox_operator.domain.target import CREDENTIAL
from redox_operator.domain.timestamps import parse_time
from tests.support.cluster_faults import denied
from tests.support.fake_token_endpoint import limited, rejected, unavailable
from tests.support.simulation import EHR, Simulation


def sample(sim: Simulation, key: Key = EHR) -> CredentialSample:
    (found,) = [
        each
        for each in sim.operator.overview.snapshot().credentials
        if (each.namespace, each.name) == key
    ]
    return found


def overdue(sim: Simulation) -> dict[str, int]:
    return {cause: n for cause, n in sim.operator.overview.snapshot().overdue.items() if n}


def test_a_credential_on_schedule_shows_its_times_and_that_all_is_well(
    sim: Simulation, ehr: Key
) -> None:
    status = sim.status()
    shown = sample(sim)
    assert shown == CredentialSample(
        "RedoxCredential",
        "clinic",
        "ehr",
        expires_at=parse_time(status["expirationTime"]),
        next_refresh=pytest.approx(parse_time(status["nextRefreshTime"]), abs=1),
        ready=True,
        refresh_healthy=True,
        suspended=False,
    )


def test_a_credential_without_a_token_shows_no_times(sim: Simulation) -> None:
    sim.redox.refuse = rejected
    sim.create()
    sim.advance(3)
    shown = sample(sim)
    assert (shown.expires_at, shown.next_refresh, shown.ready) == (None, None, False)
    assert not shown.refresh_healthy


def test_an_expired_token_is_shown_and_not_ready(sim: Simulation, ehr: Key) -> None:
    sim.redox.refuse = unavailable
    sim.advance(320)
    shown = sample(sim)
    assert shown.expires_at is not None
    assert shown.expires_at < sim.clock.true_time
    assert not shown.ready


def test_a_credential_whose_target_is_anothers_is_not_ready(sim: Simulation) -> None:
    sim.create("first", target={"secretName": "shared"})
    sim.advance(3)
    sim.create("second", target={"secretName": "shared"})
    sim.advance(3)
    assert sample(sim, Key("clinic", "first")).ready
    assert not sample(sim, Key("clinic", "second")).ready


def test_a_suspended_and_an_invalid_credential_are_shown(sim: Simulation) -> None:
    sim.create("a", suspend=True)
    sim.create("b", clientId=None)
    sim.advance(3)
    assert sample(sim, Key("clinic", "a")).suspended
    shown = sample(sim, Key("clinic", "b"))
    assert (shown.ready, shown.suspended, shown.expires_at) == (False, False, None)


def test_a_deleted_credential_vanishes(sim: Simulation, ehr: Key) -> None:
    sim.delete()
    sim.advance(1)
    assert list(sim.operator.overview.snapshot().credentials) == []


def test_each_endpoint_is_shown_with_its_planned_use(sim: Simulation) -> None:
    for number in range(100):
        sim.create(f"c{number}")
    sim.create("off")
    sim.advance(20)
    sim.edit(Key("clinic", "off"), suspend=True)
    sim.advance(2)
    us, canada = sim.operator.overview.snapshot().endpoints
    assert (us.name, canada.name) == (US.name, CANADA.name)
    assert us.utilisation == pytest.approx(100 / 108 / US.requests_per_second, rel=0.1)
    assert canada.utilisation == 0
    assert (us.held_by, sum(us.queue_depths.values())) == (frozenset(), 0)


def test_a_held_endpoint_is_shown_with_those_who_wait_for_it(sim: Simulation) -> None:
    sim.redox.refuse = limited(retry_after=60)
    sim.create()
    sim.advance(1)
    for number in range(5):
        sim.create(f"c{number}")
    sim.advance(10)
    us, _ = sim.operator.overview.snapshot().endpoints
    assert us.held_by == {"rate"}
    assert us.queue_depths == {"refresh": 0, "first": 6, "rejected": 0}


def test_a_clock_that_is_ahead_is_shown(sim: Simulation) -> None:
    sim.clock.step = 40
    sim.create()
    sim.advance(3)
    us, _ = sim.operator.overview.snapshot().endpoints
    assert us.clock_skew_seconds == pytest.approx(40, abs=1)


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        pytest.param("unavailable", "endpoint", id="the endpoint is away"),
        pytest.param("rejected", "endpoint", id="the endpoint rejects the client"),
        pytest.param("hangs", "endpoint", id="the endpoint does not answer"),
        pytest.param("limited", "endpoint", id="the endpoint is held"),
        pytest.param("no rate", "rate", id="the rate is used up"),
        pytest.param("denied", "cluster", id="the write is denied"),
        pytest.param("key unreadable", "cluster", id="the API server does not tell the key"),
        pytest.param("lost", "process", id="the process forgot it"),
        pytest.param("no key", None, id="the author's key is gone"),
        pytest.param("foreign", None, id="the target is someone else's"),
        pytest.param("suspended", None, id="it is suspended"),
        pytest.param("nothing", None, id="all is well"),
    ],
)
def test_what_makes_a_refresh_overdue(
    sim: Simulation, ehr: Key, trouble: str, cause: str | None
) -> None:
    match trouble:
        case "unavailable":
            sim.redox.refuse = unavailable
        case "rejected":
            sim.redox.refuse = rejected
        case "hangs":
            sim.redox.hangs = True
        case "limited":
            (queue, *_) = sim.operator._endpoints
            queue.hold(300, halve=False)
        case "no rate":
            (queue, *_) = sim.operator._endpoints
            queue._bucket = type(queue._bucket)(0.001, 1, sim.now)
            queue._bucket.take(sim.now)
        case "denied":
            sim.cluster.fail(denied, verb="patch", resource="secrets")
        case "key unreadable":
            sim.cluster.fail(verb="get", name="ehr-redox-key")
        case "lost":
            sim.operator._workqueue.discard(EHR)
        case "no key":
            sim.delete_key()
        case "foreign":
            annotations = {CREDENTIAL: None}
            sim.edit_secret({"metadata": {"ownerReferences": None, "annotations": annotations}})
        case "suspended":
            sim.edit(suspend=True)
    sim.advance(1003 + 145 - sim.now)
    assert overdue(sim) == ({cause: 1} if cause else {})


def test_an_expired_token_stays_overdue(sim: Simulation, ehr: Key) -> None:
    sim.redox.refuse = unavailable
    sim.advance(1000)
    assert overdue(sim) == {"endpoint": 1}


def test_a_refresh_that_is_a_moment_late_is_not_overdue(sim: Simulation, ehr: Key) -> None:
    for _ in range(300):
        sim.advance(1)
        assert overdue(sim) == {}


def test_a_scrape_changes_nothing(sim: Simulation, ehr: Key) -> None:
    begun = sim.now
    for _ in range(50):
        sim.operator.overview.snapshot()
        sim.advance(1)
    assert sim.cluster.writes(begun) == []
