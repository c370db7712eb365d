"""Where the promise cannot hold, status says so before a reader notices, whoever is at fault."""

from __future__ import annotations

import logging

import pytest

from redox_operator.controllers.operator import Options
from redox_operator.domain.endpoint import Endpoint
from tests.support.fake_token_endpoint import limited, unavailable
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
