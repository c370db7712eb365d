from __future__ import annotations

import pytest

from redox_operator.controllers.operator import Options
from redox_operator.domain.credential import Key
from redox_operator.domain.target import (
    CONTENT_HASH,
    EXPIRES_AT,
    INPUT_HASH,
    ISSUED_AT,
    content_hash,
)
from redox_operator.domain.timestamps import format_time, parse_time
from tests.support.simulation import EHR, Simulation


def test_a_restart_in_the_middle_of_a_life_requests_and_writes_nothing(
    sim: Simulation, ehr: Key
) -> None:
    due = parse_time(sim.status()["nextRefreshTime"])
    assert due is not None
    sim.advance(20)
    begun = sim.now
    for _ in range(3):
        sim.restart(after=2)
        sim.advance(15)
    sim.advance(due - sim.clock.true_time - 1)
    assert sim.redox.between(begun) == []
    assert sim.cluster.writes(begun) == []
    sim.advance(3)
    assert len(sim.redox.between(begun)) == 1


def test_a_thousand_credentials_are_not_refreshed_at_once_by_a_restart() -> None:
    with Simulation() as sim:
        for number in range(150):
            sim.create(f"c{number}")
        sim.advance(30)
        begun = sim.now
        sim.restart()
        sim.advance(60)
        assert sim.redox.between(begun) == []
        assert sim.cluster.writes(begun) == []


def test_a_restart_between_a_token_and_its_write_costs_one_request(sim: Simulation) -> None:
    sim.cluster.latency = 1.0
    sim.create()
    sim.until_asked("create", "secrets")
    sim.restart()
    sim.advance(10)
    assert len(sim.requests) == 2
    assert sim.token() == "token-2"


def test_a_restart_between_a_write_and_its_answer_costs_none(sim: Simulation) -> None:
    sim.cluster.latency = 1.0
    sim.create()
    sim.until(lambda: sim.token() is not None, within=6)
    sim.restart()
    sim.advance(10)
    assert len(sim.requests) == 1
    assert sim.ready() == "True"


def test_status_that_an_earlier_process_did_not_get_to_write_is_written(sim: Simulation) -> None:
    sim.cluster.latency = 1.0
    sim.create()
    sim.until(lambda: sim.token() is not None, within=6)
    sim.restart()
    sim.advance(10)
    assert sim.condition("Ready") == ("True", "TokenIssued")


def test_after_a_long_stop_the_token_is_replaced_at_once(sim: Simulation, ehr: Key) -> None:
    sim.kill()
    sim.advance(1000)
    sim.start()
    assert sim.until(lambda: sim.token() == "token-2", within=1) < 1
    assert sim.ready() == "True"


def test_after_a_stop_a_token_that_is_due_is_refreshed_at_once(sim: Simulation, ehr: Key) -> None:
    sim.kill()
    sim.advance(150)
    sim.start()
    sim.until(lambda: sim.token() == "token-2", within=1)


def test_ready_is_told_false_at_once_for_a_token_that_expired_meanwhile(
    sim: Simulation, ehr: Key
) -> None:
    sim.kill()
    sim.redox.hangs = True
    sim.advance(1000)
    sim.start()
    sim.advance(1)
    assert sim.condition("Ready") == ("False", "TokenExpired")


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({"data": {"access_token": "eA=="}}, id="another token"),
        pytest.param(
            {"metadata": {"annotations": {EXPIRES_AT: "2030-01-01T00:00:00Z"}}},
            id="an expiry that was moved",
        ),
        pytest.param({"metadata": {"annotations": {CONTENT_HASH: None}}}, id="no hash"),
        pytest.param({"metadata": {"annotations": {ISSUED_AT: "soon"}}}, id="no time"),
    ],
)
def test_a_stored_token_that_was_tampered_with_is_replaced_after_a_restart(
    sim: Simulation, ehr: Key, patch: dict[str, object]
) -> None:
    sim.kill()
    sim.edit_secret(patch)
    sim.start()
    sim.until(lambda: sim.token() == "token-2", within=1)
    assert len(sim.requests) == 2


def test_ready_does_not_flicker_while_a_tampered_token_is_replaced(
    sim: Simulation, ehr: Key
) -> None:
    sim.kill()
    sim.edit_secret({"data": {"access_token": "eA=="}})
    begun = sim.now
    sim.start()
    sim.advance(10)
    told = [each for each in sim.cluster.writes(begun) if each.resource != "secrets"]
    assert len(told) == 1


def redated(sim: Simulation, by: float) -> None:
    """Store the token as a clock that is ahead by so much would have."""
    secret = sim.secret()
    assert secret is not None
    times = {
        name: format_time(float(parse_time(secret["metadata"]["annotations"][name]) or 0) + by)
        for name in (EXPIRES_AT, ISSUED_AT)
    }
    data = {**sim.stored(), "expires_at": times[EXPIRES_AT]}
    digest = content_hash(data, times[EXPIRES_AT], times[ISSUED_AT])
    from tests.support.fake_cluster import encoded

    sim.edit_secret(
        {"data": encoded(data), "metadata": {"annotations": {**times, CONTENT_HASH: digest}}}
    )


def test_a_token_stored_by_a_clock_far_ahead_counts_as_absent(sim: Simulation, ehr: Key) -> None:
    sim.kill()
    redated(sim, by=400)
    sim.start()
    sim.until(lambda: sim.token() == "token-2", within=1)


@pytest.mark.parametrize("ahead", [100, 250, 290])
def test_a_token_stored_by_a_clock_ahead_is_kept_and_refreshed_in_time(
    sim: Simulation, ehr: Key, ahead: float
) -> None:
    sim.kill()
    redated(sim, by=ahead)
    expiry = sim.expiry()
    sim.start()
    sim.advance(60)
    assert len(sim.requests) == 1
    for _ in range(40):
        sim.advance(30)
        assert sim.redox.is_live(str(sim.token()))
        assert sim.expiry() >= expiry
        expiry = sim.expiry()
        assert sim.ready() == "True"
    # The times in the Secret have come back to what they are.
    assert sim.expiry() == pytest.approx(sim.redox.dies_at[str(sim.token())], abs=3)


def test_a_key_rotated_while_the_operator_was_down_is_picked_up_at_once(
    sim: Simulation, ehr: Key
) -> None:
    sim.kill()
    sim.write_key("k2")
    sim.start()
    sim.until(lambda: sim.requests[-1].key_id == "k2", within=1)
    sim.advance(1)
    assert sim.status()["keyId"] == "k2"
    assert len(sim.requests) == 2


def test_after_a_restart_each_key_is_looked_at_once(sim: Simulation, ehr: Key) -> None:
    sim.restart()
    sim.advance(60)
    assert sim.keys.inspected == ["k1"]
    assert sim.keys.parsed == ["k1"]


def test_a_key_that_went_while_the_operator_was_down_does_no_harm_before_a_refresh_is_due(
    sim: Simulation, ehr: Key
) -> None:
    sim.kill()
    sim.delete_key()
    sim.start()
    sim.advance(60)
    assert sim.healthy() == ("True", "TokenIssued")
    sim.advance(60)
    assert sim.healthy() == ("False", "KeyNotFound")
    assert sim.ready() == "True"


def test_a_spec_edited_while_the_operator_was_down_is_served_at_once(
    sim: Simulation, ehr: Key
) -> None:
    sim.kill()
    sim.edit(clientId="client-2")
    sim.start()
    sim.until(lambda: sim.requests[-1].client_id == "client-2", within=1)
    sim.advance(1)
    assert sim.token() == "token-2"


def test_a_refresh_asked_for_while_the_operator_was_down_is_made_once(
    sim: Simulation, ehr: Key
) -> None:
    sim.kill()
    sim.ask_for_refresh("now")
    sim.start()
    sim.advance(10)
    sim.restart()
    sim.advance(10)
    assert len(sim.requests) == 2


def test_an_input_hash_of_an_unknown_version_counts_as_equal(sim: Simulation, ehr: Key) -> None:
    sim.kill()
    sim.edit_secret({"metadata": {"annotations": {INPUT_HASH: "v9:whatever"}}})
    sim.start()
    sim.advance(30)
    assert len(sim.requests) == 1


def test_a_stop_lets_a_write_finish_and_drops_a_token_request(sim: Simulation, ehr: Key) -> None:
    sim.redox.delay = 60
    sim.create("slow")
    sim.cluster.latency = 2.0
    sim.advance(10)
    sim.edit_secret({"data": {"access_token": "eA=="}})
    sim.until_asked("patch", "secrets")
    begun = sim.now
    assert sim.stop() == 0
    assert sim.now - begun <= 5
    assert sim.token() == "token-1"
    # Another one had joined it.
    assert sim.metrics.token_requests["US", "dropped"] == 2


def test_a_stop_requests_nothing_more(sim: Simulation) -> None:
    for number in range(200):
        sim.create(f"c{number}")
    sim.advance(2)
    sim.cluster.latency = 4.0
    sim.edit_secret({"data": {"access_token": "eA=="}}, Key("clinic", "c0"))
    sim.until_asked("get", "secrets")
    count = len(sim.requests)
    assert count < 150
    assert sim.stop() == 0
    assert len(sim.requests) == count


def test_a_stop_ends_in_time_though_the_api_server_hangs(sim: Simulation, ehr: Key) -> None:
    sim.cluster.fail(delay=1000)
    sim.delete_secret()
    sim.advance(1)
    begun = sim.now
    assert sim.stop() == 0
    assert sim.now - begun <= 4


def test_a_task_that_fails_ends_the_process(sim: Simulation, ehr: Key) -> None:
    sim.events.error = ValueError("unexpected")
    sim.operator._events.add(EHR, "uid", warning=False, reason="r", note="n")
    with pytest.raises(AssertionError, match="ended by itself"):
        sim.advance(30)
    assert sim._process.result() == 1


def test_a_restart_without_a_watch_on_secrets_requests_nothing_either() -> None:
    with Simulation(Options(watch_secrets=False)) as sim:
        sim.create()
        sim.advance(20)
        begun = sim.now
        sim.restart(after=2)
        sim.advance(50)
        assert sim.redox.between(begun) == []
        assert sim.cluster.writes(begun) == []
