from __future__ import annotations

from itertools import pairwise

import pytest

from redox_operator.controllers.operator import Options
from redox_operator.domain.credential import Key
from redox_operator.domain.refresh import Margins
from tests.support.fake_cluster import CREDENTIALS
from tests.support.simulation import EHR, Simulation


def gaps(sim: Simulation) -> list[float]:
    return [after.at - before.at for before, after in pairwise(sim.requests)]


def test_tokens_of_five_minutes_are_refreshed_at_123_s_less_jitter(sim: Simulation) -> None:
    for number in range(20):
        sim.create(f"c{number}")
    sim.advance(3)
    sim.redox.requests.clear()
    sim.advance(130)
    ages = [request.at - 1000 for request in sim.requests[:20]]
    assert len(sim.requests) == 20
    assert min(ages) >= 123 - 30
    assert max(ages) <= 123 + 1
    assert max(ages) - min(ages) > 10


def test_a_credential_is_refreshed_at_the_same_age_each_time(sim: Simulation, ehr: Key) -> None:
    sim.advance(1000)
    assert max(gaps(sim)) - min(gaps(sim)) <= 1


def test_hours_of_refreshes_never_lets_a_reader_see_a_token_that_is_about_to_expire(
    sim: Simulation, ehr: Key
) -> None:
    for _ in range(6 * 60):
        sim.advance(60)
        assert sim.redox.dies_at[str(sim.token())] - sim.clock.true_time >= 102
    assert len(sim.requests) <= 6 * 3600 / 90


def test_a_refresh_takes_two_writes_and_no_event(sim: Simulation, ehr: Key) -> None:
    sim.advance(100)
    begun, events = sim.now, list(sim.events.posted)
    sim.advance(1000)
    refreshes = len(sim.redox.between(begun))
    assert refreshes >= 8
    assert len(sim.cluster.writes(begun)) == 2 * refreshes
    assert sim.events.posted == events


def test_status_tells_the_new_times_after_a_refresh(sim: Simulation, ehr: Key) -> None:
    before = sim.status()
    sim.advance(130)
    after = sim.status()
    for name in ("expirationTime", "lastRefreshTime", "nextRefreshTime", "deadlineTime"):
        assert after[name] > before[name]
    assert after["conditions"] == [
        {
            **each,
            "message": each["message"].replace(before["expirationTime"], after["expirationTime"]),
        }
        for each in before["conditions"]
    ]


def test_how_late_refreshes_are_is_measured(sim: Simulation, ehr: Key) -> None:
    sim.advance(1000)
    assert len(sim.metrics.latenesses) == len(sim.requests) - 1
    assert max(sim.metrics.latenesses) < 1


@pytest.mark.parametrize(
    ("lifetime", "earliest", "latest"),
    [
        pytest.param(3600, 2400 - 360, 2400, id="an hour, two thirds of it"),
        pytest.param(300, 93, 123, id="five minutes"),
        pytest.param(60, 15, 20, id="one minute, a third of it"),
        pytest.param(12, 10, 10, id="no more often than every ten seconds"),
        pytest.param(3, 10, 10, id="not even where tokens live three seconds"),
    ],
)
def test_refreshes_come_by_the_life_of_the_tokens(
    sim: Simulation, lifetime: float, earliest: float, latest: float
) -> None:
    sim.redox.lifetime = lifetime
    sim.create()
    sim.advance(3 * lifetime + 60)
    assert len(sim.requests) >= 3
    assert min(gaps(sim)) >= earliest - 1
    assert max(gaps(sim)) <= latest + 1.5


def test_before_expiry_seconds_moves_the_refresh(sim: Simulation) -> None:
    sim.create(refresh={"beforeExpirySeconds": 200})
    sim.advance(300)
    assert 75 - 1 <= gaps(sim)[0] <= 101


def test_a_clamped_before_expiry_seconds_is_told(sim: Simulation) -> None:
    sim.create(refresh={"beforeExpirySeconds": 20})
    sim.advance(3)
    assert "beforeExpirySeconds is 20" in sim.message("RefreshHealthy")


def test_other_margins_move_the_refresh() -> None:
    margins = Margins(propagation=12, safety=3, retry_budget=10)
    with Simulation(Options(margins=margins)) as sim:
        sim.redox.lifetime = 60
        sim.create()
        sim.advance(200)
        assert sim.healthy() == ("True", "TokenIssued")
        assert 29 - 1 <= gaps(sim)[0] <= 36


def test_tokens_that_live_too_short_for_mounts_are_served_and_told(sim: Simulation) -> None:
    sim.redox.lifetime = 100
    sim.create()
    sim.advance(3)
    assert sim.ready() == "True"
    assert sim.healthy() == ("False", "LifetimeTooShort")
    assert sim.condition("Stalled")[0] == "False"


def test_tokens_that_live_longer_than_is_believed_are_refused() -> None:
    with Simulation(Options(max_lifetime_seconds=3600)) as sim:
        sim.redox.max_lifetime = 3600
        sim.redox.lifetime = 7200
        sim.create()
        sim.advance(75)
        assert sim.condition("Stalled") == ("True", "LifetimeTooLong")
        assert [round(request.at - 1000) for request in sim.requests] == [0, 1, 11, 71]
        sim.redox.lifetime = 300
        sim.until(lambda: sim.ready() == "True", within=301)


def test_a_shorter_token_moves_the_plan_and_not_the_secret(sim: Simulation) -> None:
    sim.redox.lifetime = 3600
    sim.create()
    sim.advance(3)
    written = sim.secret()
    sim.redox.lifetime = 300
    sim.until(lambda: len(sim.requests) == 2, within=3600, every=1)
    sim.advance(2)
    assert sim.secret() == written
    assert sim.ready() == "True"
    begun = sim.now
    sim.until(lambda: len(sim.requests) == 3, within=130)
    assert sim.now - begun > 70
    assert sim.secret() == written
    sim.until(lambda: sim.token() != "token-1", within=1500, every=1)
    assert sim.redox.dies_at["token-1"] - sim.clock.true_time >= 102


def test_while_a_credential_is_suspended_nothing_is_requested_repaired_or_written(
    sim: Simulation, ehr: Key
) -> None:
    sim.edit(suspend=True)
    sim.advance(2)
    assert sim.condition("Ready") == ("True", "Suspended")
    sim.edit_secret({"data": {"access_token": "eA=="}})
    begun = sim.now
    sim.advance(250)
    assert sim.redox.between(begun) == []
    assert {each.resource for each in sim.cluster.writes(begun)} <= {"redoxcredentials/status"}


def test_a_suspended_credential_is_not_ready_from_the_moment_its_token_expires(
    sim: Simulation, ehr: Key
) -> None:
    sim.edit(suspend=True)
    left = sim.expiry() - sim.clock.true_time
    sim.advance(left - 0.1)
    assert sim.condition("Ready") == ("True", "Suspended")
    sim.advance(0.2)
    assert sim.ready() == "False"
    sim.advance(1000)
    assert len(sim.requests) == 1


def test_resuming_after_the_token_expired_is_a_due_issue(sim: Simulation, ehr: Key) -> None:
    sim.edit(suspend=True)
    sim.advance(1000)
    sim.edit(suspend=False)
    sim.until(lambda: sim.ready() == "True", within=1)
    assert len(sim.requests) == 2


def test_resuming_before_a_refresh_is_due_requests_nothing(sim: Simulation, ehr: Key) -> None:
    sim.edit(suspend=True)
    sim.advance(30)
    sim.edit(suspend=False)
    sim.advance(30)
    assert len(sim.requests) == 1
    assert sim.condition("Ready") == ("True", "TokenIssued")


def test_what_was_edited_during_a_suspension_is_repaired_on_resuming(
    sim: Simulation, ehr: Key
) -> None:
    sim.edit(suspend=True)
    sim.advance(2)
    sim.edit_secret({"data": {"access_token": "eA=="}})
    sim.advance(10)
    sim.edit(suspend=False)
    sim.until(lambda: sim.token() == "token-1", within=1)
    assert len(sim.requests) == 1


def test_a_token_that_arrives_after_a_suspension_began_waits_for_its_end(sim: Simulation) -> None:
    sim.redox.delay = 3.0
    sim.create()
    sim.advance(1)
    sim.edit(suspend=True)
    sim.advance(30)
    assert sim.secret() is None
    sim.edit(suspend=False)
    sim.until(lambda: sim.token() == "token-1", within=1)
    assert len(sim.requests) == 1


def test_a_credential_created_suspended_waits(sim: Simulation) -> None:
    sim.create(suspend=True)
    sim.advance(60)
    assert sim.condition("Ready") == ("False", "Suspended")
    assert sim.requests == []


def test_changing_labels_of_a_credential_writes_nothing(sim: Simulation, ehr: Key) -> None:
    begun = sim.now
    sim.cluster.change(CREDENTIALS, *EHR, {"metadata": {"labels": {"team": "a"}}})
    sim.advance(30)
    assert sim.cluster.writes(begun) == []
