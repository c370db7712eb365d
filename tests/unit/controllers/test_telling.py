from __future__ import annotations

import pytest

from redox_operator.controllers.reporting import EVENTS_PER_SECOND
from redox_operator.domain.credential import Key
from tests.support.cluster_faults import denied
from tests.support.fake_cluster import CREDENTIALS
from tests.support.fake_token_endpoint import limited, rejected, unavailable
from tests.support.simulation import EHR, Simulation

TYPES = ["Ready", "RefreshHealthy", "Stalled", "Reconciling"]


def statuses(sim: Simulation) -> dict[str, str]:
    return {kind: sim.condition(kind)[0] for kind in TYPES}


def test_all_four_conditions_are_there_from_the_first_report_on(sim: Simulation, ehr: Key) -> None:
    conditions = sim.status()["conditions"]
    assert [each["type"] for each in conditions] == TYPES
    assert {each["observedGeneration"] for each in conditions} == {1}


@pytest.mark.parametrize(
    ("arrange", "seconds", "expected"),
    [
        pytest.param("nothing", 130, "True True False False", id="on schedule"),
        pytest.param("unavailable", 130, "True False False False", id="the endpoint is away"),
        pytest.param("unavailable", 310, "False False False False", id="it was away too long"),
        pytest.param("limited", 130, "True False False False", id="the endpoint is limited"),
        pytest.param("rejected", 130, "True False False True", id="the client is rejected"),
        pytest.param("rejected", 460, "False False True True", id="it is for five minutes"),
        pytest.param("no key", 130, "True False False True", id="the key is gone"),
        pytest.param("broken key", 130, "True False True False", id="the key is no key"),
        pytest.param("denied", 130, "True False False True", id="the write is denied"),
        pytest.param("suspended", 130, "True True False False", id="suspended"),
        pytest.param("suspended", 310, "False True False False", id="suspended for long"),
        pytest.param("other endpoint", 3, "True False True False", id="no such endpoint"),
    ],
)
def test_conditions_by_situation(
    sim: Simulation, ehr: Key, arrange: str, seconds: float, expected: str
) -> None:
    match arrange:
        case "unavailable":
            sim.redox.refuse = unavailable
        case "limited":
            sim.redox.refuse = limited()
        case "rejected":
            sim.redox.refuse = rejected
        case "no key":
            sim.delete_key()
        case "broken key":
            sim.write_key("broken")
        case "denied":
            sim.cluster.fail(denied, verb="patch", resource="secrets")
        case "suspended":
            sim.edit(suspend=True)
        case "other endpoint":
            sim.edit(endpoint="Mars")
    sim.advance(1003 + seconds - sim.now)
    told = statuses(sim)
    assert " ".join(told[kind] for kind in TYPES) == expected


def test_a_transition_is_an_event_and_what_stays_is_none(sim: Simulation, ehr: Key) -> None:
    sim.redox.refuse = unavailable
    sim.advance(200)
    sim.redox.refuse = rejected
    sim.advance(200)
    sim.redox.refuse = lambda _: None
    sim.advance(400)
    assert sim.events.posted == [
        (EHR, "TokenIssued", False),
        (EHR, "EndpointUnavailable", True),
        (EHR, "ClientRejected", True),
        (EHR, "TokenIssued", False),
    ]


def test_a_restart_is_no_event(sim: Simulation, ehr: Key) -> None:
    sim.restart()
    sim.advance(300)
    assert sim.events.reasons(EHR) == ["TokenIssued"]


def test_an_event_is_posted_though_the_watch_told_of_the_status_first(sim: Simulation) -> None:
    sim.cluster.latency = 1.0
    sim.create()
    sim.advance(20)
    assert sim.events.reasons(EHR) == ["TokenIssued"]


def test_events_are_posted_slowly(sim: Simulation) -> None:
    for number in range(50):
        sim.create(f"c{number}")
    sim.advance(2)
    assert 2 <= len(sim.events.posted) <= 2 * EVENTS_PER_SECOND + 1
    sim.advance(10)
    assert len(sim.events.posted) == 50


def test_attempts_that_fail_alike_are_not_told_one_by_one(sim: Simulation, ehr: Key) -> None:
    sim.redox.refuse = unavailable
    sim.advance(95)
    begun = sim.now
    sim.advance(90)
    attempts = len(sim.redox.between(begun))
    told = [each for each in sim.cluster.writes(begun) if each.resource != "secrets"]
    assert attempts > 20
    assert len(told) <= 4


def test_a_status_told_of_late_is_not_taken_for_a_new_one(sim: Simulation, ehr: Key) -> None:
    sim.cluster.delivery = lambda: (5.0,)
    begun = sim.now
    sim.edit(suspend=True)
    sim.advance(1)
    sim.edit(suspend=False)
    # The first status is told of after the second was written, and then the target.
    sim.advance(4.5)
    sim.edit_secret({"data": {"access_token": "eA=="}})
    sim.advance(20)
    told = [each for each in sim.cluster.writes(begun) if each.resource != "secrets"]
    assert len(told) == 2
    assert sim.condition("Ready") == ("True", "TokenIssued")


def test_a_status_that_someone_wiped_is_written_again(sim: Simulation, ehr: Key) -> None:
    sim.cluster.change(CREDENTIALS, *EHR, {"status": None})
    sim.until(lambda: sim.ready() == "True", within=125)


def test_failures_say_since_when_what_and_what_to_do(sim: Simulation) -> None:
    sim.redox.refuse = rejected
    sim.create()
    sim.advance(70)
    assert sim.message("Ready").startswith("Since 2026-11-23T12:16:40Z: ")
    assert "400" in sim.message("Ready")


def test_the_time_since_when_something_fails_survives_other_attempts(
    sim: Simulation, ehr: Key
) -> None:
    sim.redox.refuse = unavailable
    sim.advance(110)
    since = sim.message("RefreshHealthy").split(": ")[0]
    sim.advance(100)
    assert sim.message("RefreshHealthy").split(": ")[0] == since


def test_transition_times_change_with_the_status_of_a_condition_only(
    sim: Simulation, ehr: Key
) -> None:
    def since() -> dict[str, str]:
        return {each["type"]: each["lastTransitionTime"] for each in sim.status()["conditions"]}

    before = since()
    sim.advance(200)
    assert since() == before
    sim.redox.refuse = unavailable
    sim.advance(125)
    after = since()
    assert after["RefreshHealthy"] > before["RefreshHealthy"]
    assert after["Ready"] == before["Ready"]
