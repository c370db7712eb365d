from __future__ import annotations

from dataclasses import replace

from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import CANADA, US
from tests.support.fake_token_endpoint import unavailable
from tests.support.simulation import Simulation

BURST, RATE = US.burst, US.requests_per_second


def keys(kind: str, count: int) -> list[Key]:
    return [Key("clinic", f"{kind}{number}") for number in range(count)]


def within_rate(sim: Simulation, begin: float = 0.0) -> bool:
    """Whether no stretch of time had more requests than the bucket of US allows."""
    times = [request.at for request in sim.redox.between(begin) if request.url == US.token_url]
    return all(
        later - begun + 1 <= BURST + RATE * (times[later] - times[begun]) + 1e-3
        for begun in range(0, len(times), 7)
        for later in range(begun, len(times), 5)
    )


def test_a_thousand_rejected_clients_delay_no_refresh_of_fifty_good_ones() -> None:
    with Simulation() as sim:
        sim.redox.rejected_clients = {"bad"}
        good = keys("good", 50)
        for key in good:
            sim.create(key.name)
        sim.advance(5)
        for key in keys("bad", 1000):
            sim.create(key.name, clientId="bad")
        sim.advance(125)
        assert all(sim.token(key) != f"token-{number}" for number, key in enumerate(good, 1))
        assert all(sim.ready(key) == "True" for key in good)
        assert max(sim.metrics.latenesses) < 2
        assert within_rate(sim)


def test_a_crowd_of_first_tokens_keeps_to_the_rate_and_refreshes_go_first() -> None:
    with Simulation() as sim:
        old = keys("old", 40)
        for key in old:
            sim.create(key.name)
        sim.advance(95)
        for key in keys("new", 600):
            sim.create(key.name)
        sim.advance(35)
        assert within_rate(sim)
        assert max(sim.metrics.latenesses) < 3
        assert len(sim.metrics.latenesses) == len(old)


def test_an_outage_ends_without_a_herd_beyond_the_rate_and_by_deadline() -> None:
    with Simulation() as sim:
        crowd = keys("c", 300)
        for key in crowd:
            sim.create(key.name)
        sim.advance(90)
        sim.redox.refuse = unavailable
        sim.advance(60)
        begun = sim.now
        sim.redox.refuse = lambda _: None
        sim.advance(40)
        assert within_rate(sim, begun)
        assert all(sim.redox.is_live(str(sim.token(key))) for key in crowd)
        assert all(sim.healthy(key) == ("True", "TokenIssued") for key in crowd)


def test_a_slow_endpoint_holds_up_no_other() -> None:
    with Simulation() as sim:
        sim.redox.delays[CANADA.token_url] = 60.0
        slow = [sim.create(f"slow{number}", endpoint="Canada") for number in range(60)]
        sim.advance(5)
        fast = [sim.create(f"fast{number}") for number in range(60)]
        sim.advance(2)
        assert all(sim.ready(key) == "True" for key in fast)
        assert not any(sim.ready(key) == "True" for key in slow)


def test_slow_keys_of_one_namespace_hold_up_no_refresh_of_another() -> None:
    with Simulation() as sim:
        fine = sim.create()
        sim.advance(95)
        sim.keys.delays["tenant"] = 3.0
        for number in range(200):
            sim.create(f"slow{number}", "tenant", key="broken")
        sim.until(lambda: sim.token(fine) == "token-2", within=30)
        assert max(sim.metrics.latenesses) < 1


def test_a_rate_that_is_lowered_by_the_configuration_is_kept() -> None:
    slow = replace(US, requests_per_second=1.0, burst=2)
    with Simulation(endpoints=(slow, CANADA)) as sim:
        for key in keys("c", 30):
            sim.create(key.name)
        sim.advance(10.5)
        assert 11 <= len(sim.requests) <= 12
