"""Where the promise cannot hold, status says so before a reader notices, whoever is at fault."""

from __future__ import annotations

import logging

import pytest

from redox_operator.controllers.operator import Options
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import Endpoint
from tests.support.cluster_faults import denied
from tests.support.fake_token_endpoint import limited, rejected, unavailable
from tests.support.simulation import Simulation


def test_all_who_wait_for_an_endpoint_that_is_held_are_told_before_their_tokens_expire() -> None:
    with Simulation() as sim:
        keys = [sim.create(name=f"c-{number}") for number in range(10)]
        sim.advance(10)
        sim.redox.refuse = limited(280)
        sim.advance(170)
        assert {sim.healthy(key) for key in keys} == {("False", "RateLimited")}
        assert {sim.ready(key) for key in keys} == {"True"}


def test_a_secret_that_the_api_server_does_not_store_is_told_while_the_token_lives() -> None:
    with Simulation() as sim:
        key = sim.create()
        sim.advance(10)
        sim.cluster.fail(verb="patch", resource="secrets")
        sim.advance(150)
        assert sim.healthy(key) == ("False", "WriteDenied")
        assert "webhook" in sim.message("RefreshHealthy", key)
        assert sim.ready(key) == "True"


def test_a_restart_in_the_middle_of_a_failure_does_not_claim_success() -> None:
    with Simulation() as sim:
        key = sim.create()
        sim.advance(10)
        sim.redox.refuse = unavailable
        sim.advance(150)
        assert sim.healthy(key) == ("False", "EndpointUnavailable")
        sim.redox.hangs = True
        sim.kill()
        sim.start()
        sim.advance(8)
        assert sim.healthy(key) == ("False", "EndpointUnavailable")


def test_a_rate_that_is_nearly_planned_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    slow = Endpoint(
        "US",
        "https://api.redoxengine.com/v2/auth/token",
        "https://api.redoxengine.com/v2/auth/token",
        requests_per_second=0.02,
        burst=10,
    )
    with caplog.at_level(logging.WARNING), Simulation(Options(), [slow]) as sim:
        for number in range(2):
            sim.create(name=f"c-{number}")
        sim.advance(200)
    assert caplog.text.count("of the rate of the endpoint US are planned") == 1


def test_in_a_crowd_tokens_come_before_word_of_them_but_word_comes() -> None:
    with Simulation(Options(workers=1)) as sim:
        sim.redox.hangs = True
        keys = [sim.create(name=f"c-{number}") for number in range(60)]
        sim.advance(8)
        assert {sim.ready(key) for key in keys} == {""}
        sim.advance(4)
        assert {sim.ready(key) for key in keys} == {"Unknown"}


def test_a_suspended_credential_has_no_next_refresh(sim: Simulation, ehr: Key) -> None:
    assert "nextRefreshTime" in sim.status()
    sim.edit(suspend=True)
    sim.advance(2)
    assert "nextRefreshTime" not in sim.status()
    assert {"expirationTime", "deadlineTime"} <= sim.status().keys()
    sim.edit(suspend=False)
    sim.advance(2)
    assert "nextRefreshTime" in sim.status()


def test_times_are_those_of_the_token_that_readers_have(sim: Simulation, ehr: Key) -> None:
    before = sim.status()
    sim.cluster.fail(denied, verb="patch", resource="secrets")
    sim.advance(150)
    assert len(sim.requests) == 2
    assert sim.healthy() == ("False", "WriteDenied")
    told = sim.status()
    times = ("expirationTime", "deadlineTime", "nextRefreshTime")
    assert [told[name] for name in times] == [before[name] for name in times]


def test_a_target_that_cannot_be_read_from_the_start_is_told_with_all_conditions(
    sim: Simulation,
) -> None:
    sim.cluster.fail(verb="get", resource="secrets", name="ehr-token")
    sim.create()
    sim.advance(3)
    assert sim.ready() == "Unknown"
    kinds = ("Ready", "RefreshHealthy", "Stalled", "Reconciling")
    assert all(sim.condition(kind)[0] for kind in kinds)
    sim.advance(20)
    assert sim.condition("Ready") == ("Unknown", "WriteDenied")
    assert sim.healthy() == ("False", "WriteDenied")
    assert "hand out the target's Secret" in sim.message("Ready")
    sim.cluster.heal()
    sim.until(lambda: sim.ready() == "True", within=11)


def test_what_an_earlier_process_told_stands_for_a_minute_and_no_longer(
    sim: Simulation, ehr: Key
) -> None:
    sim.kill()
    sim.cluster.fail(verb="get", resource="secrets", name="ehr-token")
    sim.start()
    sim.advance(55)
    assert sim.condition("Ready") == ("True", "TokenIssued")
    sim.advance(15)
    assert sim.condition("Ready") == ("Unknown", "WriteDenied")
    sim.cluster.heal()
    sim.until(lambda: sim.condition("Ready") == ("True", "TokenIssued"), within=11)


def test_a_failure_is_told_on_while_the_next_attempt_is_under_way_at_expiry(
    sim: Simulation, ehr: Key
) -> None:
    sim.redox.refuse = unavailable
    sim.advance(200)
    sim.redox.hangs = True
    sim.advance(sim.expiry() - sim.clock.true_time - 8)
    sim.kill()
    sim.start()
    # Whoever starts now knows of no failure, and its first attempt is not answered yet.
    sim.advance(8.5)
    assert sim.condition("Ready") == ("False", "TokenExpired")
    assert sim.healthy() == ("False", "EndpointUnavailable")


def test_a_rejection_that_is_about_what_is_no_longer_asked_for_is_over(
    sim: Simulation, ehr: Key
) -> None:
    sim.redox.refuse = rejected
    sim.edit(clientId="client-2")
    sim.advance(5)
    assert sim.healthy() == ("False", "ClientRejected")
    sim.redox.refuse = None
    sim.edit(clientId="client-1")
    sim.advance(2)
    assert sim.healthy() == ("True", "TokenIssued")
    assert len(sim.requests) <= 4


def test_a_rejection_that_a_wrong_clock_brought_is_over_when_the_clock_is_set_back(
    sim: Simulation, ehr: Key
) -> None:
    sim.advance(20)
    sim.redox.refuse = rejected
    sim.clock.step = 150.0
    sim.advance(5)
    assert sim.healthy() == ("False", "ClientRejected")
    sim.redox.refuse = None
    sim.clock.step = 0.0
    sim.advance(5)
    assert sim.healthy() == ("True", "TokenIssued")
