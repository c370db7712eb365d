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


def test_five_thousand_new_objects_of_one_namespace_delay_no_refresh_and_no_other_first_token() -> (
    None
):
    with Simulation() as sim:
        old = [sim.create(f"old{number}", f"tenant{number % 5}") for number in range(100)]
        sim.advance(92)
        sim.metrics.latenesses.clear()
        for number in range(5000):
            sim.create(f"new{number}", "crowd")
        sim.advance(5)
        others = [sim.create("first", f"tenant{number}") for number in range(5)]
        sim.until(lambda: all(sim.ready(key) == "True" for key in others), within=5)
        sim.advance(15)
        assert len(sim.metrics.latenesses) >= len(old) / 3
        assert max(sim.metrics.latenesses) < 5
        assert within_rate(sim)
        served = sum(each.client_id == "client-1" for each in sim.redox.between(sim.now - 10))
        assert served >= 0.9 * 10 * RATE


def test_a_tenant_whose_requests_hang_delays_no_refresh_of_another() -> None:
    with Simulation() as sim:
        good = [
            sim.create(f"good{number}", f"tenant{number % 3}", clientId="good")
            for number in range(60)
        ]
        sim.advance(60)
        sim.redox.hanging_clients = {"hangs"}
        for number in range(1000):
            sim.create(f"bad{number}", "bad", clientId="hangs")
        sim.metrics.latenesses.clear()
        sim.advance(20)
        first = sim.create("first", "newcomer", clientId="good")
        sim.until(lambda: sim.ready(first) == "True", within=6)
        sim.advance(200)
        assert len(sim.metrics.latenesses) >= len(good)
        assert max(sim.metrics.latenesses) < 12
        assert within_rate(sim)


def test_more_refreshes_than_the_rate_has_room_for_make_only_their_own_namespace_late() -> None:
    slow = replace(US, requests_per_second=1.0, burst=5)
    with Simulation(endpoints=(slow, CANADA)) as sim:
        few = [sim.create(f"few{number}", f"tenant{number % 2}") for number in range(10)]
        sim.advance(15)
        # 130 of these a life are about all that the rate has room for; there are more.
        for number in range(250):
            sim.create(f"many{number}", "crowd")
        for _ in range(60):
            sim.advance(10)
            remaining = [sim.expiry(key) - sim.clock.true_time for key in few]
            assert min(remaining) > 102


def test_rejected_clients_have_a_tenth_of_the_rate_and_each_namespace_its_turn() -> None:
    with Simulation() as sim:
        sim.redox.rejected_clients = {"bad", "other"}
        for number in range(300):
            sim.create(f"bad{number}", "bad", clientId="bad")
        other = sim.create("other", "other", clientId="other")
        sim.advance(30)
        begun = sim.now
        sim.redox.rejected_clients = {"bad"}
        sim.advance(60)
        rejected = [each for each in sim.redox.between(begun) if each.client_id == "bad"]
        assert len(rejected) <= 0.1 * (RATE * 60 + BURST) + 1
        sim.edit(other, scopes=["again"])
        sim.until(lambda: sim.ready(other) == "True", within=3)


def test_rejected_credentials_that_hold_a_token_are_served_by_deadline_within_their_share() -> None:
    with Simulation() as sim:
        keys = [sim.create(f"c{number}", f"n{number % 3}") for number in range(30)]
        sim.advance(60)
        sim.redox.rejected_clients = {"client-1"}
        sim.advance(70)
        sim.redox.rejected_clients = set()
        sim.advance(61)
        assert all(sim.healthy(key) == ("True", "TokenIssued") for key in keys)
