from __future__ import annotations

from itertools import pairwise

import pytest

from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import CANADA, US
from redox_operator.domain.errors import ResponseInvalid
from tests.support.fake_token_endpoint import limited, rejected, unavailable
from tests.support.simulation import Simulation


def gaps(sim: Simulation, begin: float = 0.0) -> list[float]:
    return [after.at - before.at for before, after in pairwise(sim.redox.between(begin))]


def test_a_rejected_client_is_tried_after_1_10_60_and_then_every_300_seconds(
    sim: Simulation,
) -> None:
    sim.redox.refuse = rejected
    sim.create()
    sim.advance(1000)
    assert gaps(sim) == [pytest.approx(each, abs=0.3) for each in (1, 10, 60, 300, 300, 300)]
    assert sim.condition("Ready") == ("False", "ClientRejected")
    assert sim.condition("Reconciling") == ("True", "ClientRejected")


def test_a_rejected_client_stalls_after_five_minutes(sim: Simulation) -> None:
    sim.redox.refuse = rejected
    sim.create()
    sim.advance(299)
    assert sim.condition("Stalled")[0] == "False"
    sim.advance(2)
    assert sim.condition("Stalled") == ("True", "ClientRejected")


def test_a_rejected_client_is_tried_at_once_when_its_spec_changes(sim: Simulation) -> None:
    sim.redox.rejected_clients = {"client-1"}
    sim.create()
    sim.advance(200)
    sim.edit(clientId="client-2")
    sim.until(lambda: sim.ready() == "True", within=1)


def test_a_changed_spec_that_is_rejected_as_well_begins_a_row_of_attempts_of_its_own(
    sim: Simulation,
) -> None:
    sim.redox.refuse = rejected
    sim.create()
    sim.advance(200)
    begun = sim.now
    sim.edit(clientId="client-2")
    sim.advance(80)
    assert gaps(sim, begun) == [pytest.approx(each, abs=0.3) for each in (1, 10, 60)]
    assert sim.condition("Stalled")[0] == "False"


def test_a_rejected_client_heals_by_itself_within_five_minutes(sim: Simulation) -> None:
    sim.redox.refuse = rejected
    sim.create()
    sim.advance(200)
    sim.redox.refuse = lambda _: None
    sim.until(lambda: sim.ready() == "True", within=301)
    assert sim.condition("Stalled")[0] == "False"


def test_an_endpoint_that_is_away_is_asked_within_five_seconds_until_the_deadline(
    sim: Simulation, ehr: Key
) -> None:
    sim.advance(90)
    begun = sim.now
    sim.redox.refuse = unavailable
    deadline = 1000 + 300 - 102
    sim.advance(deadline - sim.now)
    before = gaps(sim, begun)
    assert len(before) >= 20
    assert max(before) <= 5.2
    assert sim.healthy() == ("False", "EndpointUnavailable")
    assert sim.ready() == "True"
    assert sim.condition("Reconciling")[0] == "False"


def test_after_the_deadline_an_endpoint_that_is_away_is_asked_once_a_minute_or_so(
    sim: Simulation, ehr: Key
) -> None:
    sim.redox.refuse = unavailable
    sim.advance(1800)
    after = gaps(sim, 1000 + 300)
    assert len(after) >= 20
    assert max(after) <= 60.2
    assert max(after) > 30
    assert sum(after) / len(after) > 15


def test_ready_holds_until_the_very_moment_at_which_the_token_expires(
    sim: Simulation, ehr: Key
) -> None:
    sim.redox.refuse = unavailable
    sim.advance(sim.expiry() - sim.clock.true_time - 0.05)
    assert sim.condition("Ready") == ("True", "TokenIssued")
    sim.advance(0.1)
    assert sim.condition("Ready") == ("False", "TokenExpired")
    assert sim.condition("Stalled")[0] == "False"


def test_an_outage_of_a_minute_at_the_worst_time_is_bridged(sim: Simulation, ehr: Key) -> None:
    sim.until(lambda: len(sim.requests) == 2, within=130)
    sim.until(lambda: sim.now > sim.requests[-1].at + 90, within=100)
    sim.redox.refuse = unavailable
    sim.advance(60)
    sim.redox.refuse = lambda _: None
    for _ in range(60):
        sim.advance(1)
        assert sim.redox.dies_at[str(sim.token())] - sim.clock.true_time > 92


def test_a_first_token_follows_an_outage_within_seconds(sim: Simulation) -> None:
    sim.redox.refuse = unavailable
    sim.create()
    sim.advance(300)
    assert sim.condition("Ready") == ("False", "EndpointUnavailable")
    sim.redox.refuse = lambda _: None
    sim.until(lambda: sim.ready() == "True", within=5.2)


def test_an_endpoint_that_hangs_is_asked_every_five_seconds(sim: Simulation) -> None:
    sim.redox.hangs = True
    sim.create()
    sim.advance(60)
    assert 11 <= len(sim.requests) <= 13
    assert max(gaps(sim)) <= 5.2
    assert sim.healthy() == ("False", "EndpointUnavailable")
    sim.redox.hangs = False
    sim.until(lambda: sim.ready() == "True", within=5.2)


def test_nonsense_from_an_endpoint_is_told_and_asked_again(sim: Simulation, ehr: Key) -> None:
    sim.redox.refuse = lambda _: ResponseInvalid("No JSON object.", status=200)
    sim.advance(150)
    assert sim.healthy() == ("False", "ResponseInvalid")
    assert sim.ready() == "True"
    sim.redox.refuse = lambda _: None
    sim.until(lambda: sim.healthy() == ("True", "TokenIssued"), within=5.2)


def test_a_429_holds_the_endpoint_for_all_its_credentials_and_no_other_endpoint(
    sim: Simulation,
) -> None:
    for number in range(5):
        sim.create(f"us{number}")
    sim.redox.refuse = lambda request: limited()(request) if request.url == US.token_url else None
    sim.advance(1)
    begun = sim.now
    sim.create("ca", endpoint="Canada")
    sim.advance(60)
    sent = sim.redox.between(begun)
    asked = [each.at for each in sent if each.url == US.token_url]
    assert 5 <= len(asked) <= 6
    assert min(after - before for before, after in pairwise(asked)) >= 10
    assert [each.url for each in sent].count(CANADA.token_url) == 1
    assert sim.ready(Key("clinic", "ca")) == "True"
    assert sim.healthy(Key("clinic", "us0")) == ("False", "RateLimited")


def test_retry_after_is_kept(sim: Simulation) -> None:
    sim.redox.refuse = limited(retry_after=42)
    sim.create()
    sim.advance(0.5)
    sim.create("other")
    sim.advance(41)
    assert len(sim.requests) == 1
    sim.redox.refuse = lambda _: None
    sim.advance(3)
    assert sim.ready(Key("clinic", "other")) == "True"


def test_after_a_hold_the_endpoint_is_probed_by_the_nearest_deadline(sim: Simulation) -> None:
    sim.create("a", key="k1")
    sim.advance(30)
    sim.create("b", key="k2")
    sim.advance(50)
    sim.redox.refuse = limited(retry_after=80)
    sim.create("new", key="k3")
    sim.advance(76)
    begun = sim.now
    sim.redox.refuse = lambda _: None
    sim.advance(10)
    assert [request.key_id for request in sim.redox.between(begun)] == ["k1", "k2", "k3"]


def test_a_held_endpoint_is_free_again_after_a_good_answer(sim: Simulation) -> None:
    sim.redox.refuse = limited()
    for number in range(10):
        sim.create(f"c{number}")
    sim.advance(30)
    sim.redox.refuse = lambda _: None
    sim.advance(15)
    ready = [sim.ready(Key("clinic", f"c{number}")) for number in range(10)]
    assert ready == ["True"] * 10


def test_a_turn_of_one_endpoint_is_not_used_for_another(sim: Simulation) -> None:
    sim.redox.refuse = limited(retry_after=30)
    sim.create("a", endpoint="Canada")
    sim.create("b")
    sim.advance(1)
    sim.create("c", key="k2", endpoint="Canada")
    sim.advance(20)
    (us, _) = sim.operator._endpoints
    us.hold(200, halve=False)
    # It waits for Canada, whose turn comes first.
    sim.edit(Key("clinic", "c"), endpoint="US")
    sim.redox.refuse = lambda _: None
    sim.advance(60)
    assert "k2" not in [request.key_id for request in sim.requests]
    sim.advance(160)
    assert sim.ready(Key("clinic", "c")) == "True"


def test_each_attempt_has_an_identifier_of_its_own(sim: Simulation, ehr: Key) -> None:
    sim.redox.refuse = unavailable
    sim.advance(600)
    assert len({request.jti for request in sim.requests}) == len(sim.requests) > 30


def test_outcomes_of_requests_are_counted(sim: Simulation, ehr: Key) -> None:
    sim.redox.refuse = limited()
    sim.advance(130)
    counted = sim.metrics.token_requests
    assert counted["US", "issued"] == 1
    assert counted["US", "RateLimited"] >= 1
    assert sum(counted.values()) == len(sim.requests)
