"""What an endpoint asks for with 429, `Retry-After` or nonsense, and how far it is obeyed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from redox_operator.domain.breaker import BEFORE_DEADLINE, Cause
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import CANADA, US
from redox_operator.domain.errors import EndpointUnavailable, ResponseInvalid
from tests.support.fake_token_endpoint import Refusal, TokenRequest, limited
from tests.support.simulation import Simulation
from tests.unit.controllers.test_outages import MOUNTED, advance_to_a_refresh, crowd, held_by


def busy(retry_after: float) -> Refusal:
    """503 with `Retry-After`."""
    return lambda _: EndpointUnavailable(
        "The token endpoint answered 503.", status=503, retry_after=retry_after
    )


def maintenance(status: int) -> Refusal:
    """A page in place of a token."""
    return lambda _: ResponseInvalid("No token response.", status=status)


def nobody(_: TokenRequest) -> None:
    """No request is refused."""


def gaps(requests: list[TokenRequest]) -> list[float]:
    return [later.at - earlier.at for earlier, later in pairwise(requests)]


def share_of_the_rate(sim: Simulation) -> float:
    """Of what US may be asked for, once it is free again and the burst is used up."""
    sim.until(lambda: not held_by(sim), within=15)
    sim.advance(5)
    begun = sim.now
    sim.advance(10)
    return len(sim.redox.between(begun)) / (10 * US.requests_per_second)


def test_a_volley_of_429_halves_the_rate_once(sim: Simulation) -> None:
    sim.redox.refuse = limited()
    for number in range(20):
        sim.create(f"c{number}")
    sim.advance(5)
    assert len(sim.requests) >= 15
    sim.redox.refuse = nobody
    for number in range(300):
        sim.create(f"new{number}")
    assert 0.45 < share_of_the_rate(sim) < 0.6


def test_a_429_to_a_probe_halves_the_rate_again(sim: Simulation) -> None:
    sim.redox.refuse = limited()
    sim.create()
    sim.advance(15)
    assert len(sim.requests) == 2
    sim.redox.refuse = nobody
    for number in range(100):
        sim.create(f"new{number}")
    assert 0.2 < share_of_the_rate(sim) < 0.35


@pytest.mark.parametrize(
    "refuse",
    [
        pytest.param(busy(120), id="503 for 120 s"),
        pytest.param(busy(300), id="503 for 300 s"),
        pytest.param(limited(120), id="429 for 120 s"),
        pytest.param(limited(300), id="429 for 300 s"),
    ],
)
@pytest.mark.parametrize("count", [1, 3, 40])
def test_an_outage_of_a_minute_is_bridged_whatever_retry_after_it_tells(
    sim: Simulation, refuse: Refusal, count: int
) -> None:
    keys = crowd(sim, count)
    advance_to_a_refresh(sim)
    sim.redox.refuse = refuse
    sim.advance(60)
    sim.redox.refuse = nobody
    for _ in range(40):
        sim.advance(3)
        assert min(sim.expiry(key) - sim.clock.true_time for key in keys) > MOUNTED


def test_retry_after_is_obeyed_until_a_deadline_comes_near_and_then_probes_go_every_ten_seconds(
    sim: Simulation,
) -> None:
    (key,) = crowd(sim, 1)
    advance_to_a_refresh(sim)
    deadline = sim.now + sim.expiry(key) - MOUNTED - sim.clock.true_time
    begun = sim.now
    sim.redox.refuse = busy(300)
    sim.advance(deadline + 80 - sim.now)
    first, *probes = sim.redox.between(begun)
    assert first.at == pytest.approx(begun, abs=0.5)
    assert probes[0].at == pytest.approx(deadline - BEFORE_DEADLINE, abs=0.2)
    assert gaps(probes) == [pytest.approx(10, abs=0.2)] * (len(probes) - 1)
    assert len(probes) >= 10


def test_a_client_that_alone_is_refused_with_429_leaves_the_next_probe_to_others(
    sim: Simulation,
) -> None:
    sim.create("bad", "one", clientId="bad")
    sim.advance(10)
    good = [sim.create(f"c{number}", "other", clientId="good") for number in range(3)]
    sim.advance(50)
    sim.redox.refuse = lambda each: limited()(each) if each.client_id == "bad" else None
    sim.advance(240)
    assert all(sim.expiry(key) - sim.clock.true_time > MOUNTED for key in good)


@pytest.mark.parametrize("status", [200, 302])
def test_a_maintenance_page_opens_the_breaker_and_nobody_sleeps_beside_the_endpoints_return(
    sim: Simulation, status: int
) -> None:
    keys = crowd(sim, 50)
    sim.redox.refuse = maintenance(status)
    sim.until(lambda: Cause.BREAKER in held_by(sim), within=60, every=1)
    begun = sim.now
    sim.advance(400)
    assert len(sim.redox.between(begun)) <= 41
    assert {sim.healthy(key) for key in keys} == {("False", "ResponseInvalid")}
    sim.redox.refuse = nobody
    sim.until(lambda: all(sim.ready(key) == "True" for key in keys), within=16)


def test_a_redirect_does_not_end_what_a_429_holds(sim: Simulation) -> None:
    sim.redox.refuse = limited()
    for number in range(5):
        sim.create(f"c{number}")
    sim.advance(5)
    sim.redox.refuse = maintenance(302)
    sim.advance(10)
    assert Cause.RATE in held_by(sim)


def test_requests_that_hang_are_joined_though_first_issues_wait_that_may_not_be_served(
    sim: Simulation,
) -> None:
    sim.redox.hanging_clients = {"hangs"}
    for number in range(100):
        sim.create(f"c{number}", "bad", clientId="hangs")
    sim.advance(14.5)
    # Twenty turns, of three attempts each.
    assert len(sim.requests) >= 55


def test_after_its_deadline_a_credential_alone_whose_requests_hang_backs_off(
    sim: Simulation, ehr: Key
) -> None:
    sim.redox.hangs = True
    deadline = sim.now + sim.expiry() - MOUNTED - sim.clock.true_time
    sim.advance(deadline - sim.now)
    assert max(gaps(sim.requests[1:])) <= 5.2
    begun = sim.now + 30
    sim.advance(630)
    sent = sim.redox.between(begun)
    assert len(sent) < 60
    assert max(gaps(sent)) < 76


def test_an_endpoint_that_comes_back_to_the_configuration_has_no_second_burst(
    sim: Simulation,
) -> None:
    for number in range(150):
        sim.create(f"c{number}")
    sim.until(lambda: len(sim.requests) >= US.burst, within=5)
    sim.file.change(CANADA)
    sim.advance(15)
    begun = sim.now
    sim.file.change(US, CANADA)
    sim.until(lambda: len(sim.redox.between(begun)) > 0, within=30)
    sim.advance(1)
    assert len(sim.redox.between(begun)) <= US.requests_per_second + 1


def test_another_rate_does_not_undo_what_a_429_halved(sim: Simulation) -> None:
    sim.redox.refuse = limited()
    sim.create()
    sim.advance(1)
    sim.redox.refuse = nobody
    sim.file.change(replace(US, requests_per_second=10.0), CANADA)
    for number in range(200):
        sim.create(f"c{number}")
    sim.until(lambda: sim.file.endpoints[0].requests_per_second == 10, within=15)
    sim.until(lambda: not held_by(sim), within=30)
    begun = sim.now
    sim.advance(10)
    assert len(sim.redox.between(begun)) < 0.65 * 10 * 10
