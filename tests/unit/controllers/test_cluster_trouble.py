from __future__ import annotations

from itertools import pairwise

import pytest

from redox_operator.controllers.operator import Options
from redox_operator.domain.credential import Key
from redox_operator.domain.errors import ClusterError, Conflict
from tests.support.cluster_faults import denied, quota_exceeded, unavailable
from tests.support.fake_cluster import CREDENTIALS, SECRETS
from tests.support.simulation import EHR, Simulation

STATUS = "redoxcredentials/status"


def test_a_write_that_is_denied_keeps_the_token_and_is_made_within_ten_seconds_of_the_permission(
    sim: Simulation,
) -> None:
    sim.cluster.fail(denied, verb="create", resource=SECRETS)
    sim.create()
    sim.advance(60)
    assert sim.condition("Ready") == ("False", "WriteDenied")
    assert len(sim.requests) == 1
    sim.cluster.heal()
    sim.until(lambda: sim.token() == "token-1", within=10.1)
    assert len(sim.requests) == 1
    assert sim.healthy() == ("True", "TokenIssued")


def test_a_denied_write_is_tried_every_ten_seconds(sim: Simulation) -> None:
    sim.cluster.fail(denied, verb="create", resource=SECRETS)
    sim.create()
    sim.advance(100)
    tries = [each for each in sim.cluster.log if each.verb == "create"]
    assert len(tries) in (10, 11)


def test_a_quota_that_is_used_up_is_told_and_heals(sim: Simulation) -> None:
    sim.cluster.fail(quota_exceeded, verb="create", resource=SECRETS)
    sim.create()
    sim.advance(301)
    assert sim.condition("Stalled") == ("True", "QuotaExceeded")
    sim.cluster.heal()
    sim.until(lambda: sim.ready() == "True", within=10.1)


def test_a_denied_refresh_is_told_and_ready_ends_when_the_stored_token_expires(
    sim: Simulation, ehr: Key
) -> None:
    expiry = sim.expiry()
    sim.cluster.fail(denied, verb="patch", resource=SECRETS)
    sim.advance(130)
    assert sim.healthy() == ("False", "WriteDenied")
    sim.advance(expiry - sim.clock.true_time - 0.05)
    assert sim.ready() == "True"
    sim.advance(0.1)
    assert sim.condition("Ready") == ("False", "TokenExpired")
    sim.cluster.heal()
    sim.until(lambda: sim.ready() == "True", within=10.1)


def test_a_repair_that_is_denied_and_no_longer_needed_is_over(sim: Simulation, ehr: Key) -> None:
    sim.cluster.fail(denied, verb="patch", resource=SECRETS)
    sim.edit(target={"labels": {"a": "b"}})
    sim.advance(3)
    assert sim.healthy() == ("False", "WriteDenied")
    sim.edit(target={"labels": None})
    sim.advance(11)
    assert sim.healthy() == ("True", "TokenIssued")


def test_a_namespace_that_is_being_deleted_is_told_and_its_secret_not_written(
    sim: Simulation,
) -> None:
    sim.cluster.terminating.add("clinic")
    sim.create()
    sim.advance(60)
    assert sim.healthy() == ("False", "WriteDenied")
    assert "is being deleted" in sim.message("Ready")
    assert len(sim.requests) == 1


@pytest.mark.parametrize("seconds", [5.0, 60.0, 100.0])
def test_an_api_server_that_is_away_during_a_refresh_gets_the_token_afterwards(
    sim: Simulation, ehr: Key, seconds: float
) -> None:
    sim.advance(95)
    sim.cluster.fail()
    sim.advance(seconds)
    sim.cluster.heal()
    sim.until(lambda: sim.token() == "token-2", within=20)
    assert sim.redox.is_live("token-2")
    sim.until(lambda: sim.healthy() == ("True", "TokenIssued"), within=6)


def test_writes_whose_answer_is_lost_are_read_before_they_are_repeated(
    sim: Simulation,
) -> None:
    sim.cluster.fail(verb="create", resource=SECRETS, lost=True, times=1)
    sim.create()
    sim.advance(10)
    assert [each.verb for each in sim.cluster.log if each.resource == SECRETS] == [
        "list",
        "get",
        "get",
        "create",
        "get",
    ]
    assert len(sim.requests) == 1
    assert sim.ready() == "True"


def test_a_refresh_whose_answer_is_lost_is_not_repeated(sim: Simulation, ehr: Key) -> None:
    sim.cluster.fail(verb="patch", resource=SECRETS, lost=True, times=1)
    sim.advance(150)
    assert sim.token() == "token-2"
    writes = [each for each in sim.cluster.writes(1050) if each.resource == SECRETS]
    assert len(writes) == 1


def test_reads_of_the_target_that_fail_do_not_keep_expiry_from_being_told(
    sim: Simulation, ehr: Key
) -> None:
    sim.cluster.fail(verb="get", resource=SECRETS)
    sim.cluster.fail(verb="patch", resource=SECRETS)
    sim.edit_secret({"metadata": {"labels": {"a": "b"}}})
    sim.advance(sim.expiry() - sim.clock.true_time - 0.05)
    assert sim.ready() == "True"
    sim.advance(0.1)
    assert sim.condition("Ready") == ("False", "TokenExpired")
    sim.cluster.heal()
    sim.until(lambda: sim.ready() == "True", within=62)


def test_a_target_that_may_not_be_read_any_more_is_told(sim: Simulation, ehr: Key) -> None:
    sim.cluster.fail(denied, verb="get", resource=SECRETS)
    sim.edit_secret({"metadata": {"labels": {"a": "b"}}})
    sim.advance(5)
    assert sim.healthy() == ("False", "WriteDenied")
    assert "may not be read" in sim.message("RefreshHealthy")
    assert sim.ready() == "True"
    sim.cluster.heal()
    sim.until(lambda: sim.healthy() == ("True", "TokenIssued"), within=11)


def test_after_a_restart_nothing_is_told_before_the_target_was_seen(
    sim: Simulation, ehr: Key
) -> None:
    sim.kill()
    sim.cluster.fail(unavailable, verb="get", resource=SECRETS)
    begun = sim.now
    sim.start()
    sim.advance(30)
    assert sim.ready() == "True"
    assert sim.cluster.writes(begun) == []
    sim.cluster.heal()
    sim.advance(10)
    assert sim.cluster.writes(begun) == []


def test_status_that_could_not_be_written_is_written_within_seconds(sim: Simulation) -> None:
    fault = sim.cluster.fail(verb="patch", resource=STATUS)
    sim.create()
    sim.advance(20)
    assert "conditions" not in sim.status()
    sim.cluster.faults.remove(fault)
    sim.until(lambda: sim.ready() == "True", within=5.1)
    assert sim.events.reasons(EHR) == ["TokenIssued"]


def test_status_that_meets_a_conflict_is_written_again(sim: Simulation) -> None:
    sim.cluster.fail(lambda: Conflict("x", status=409), verb="patch", resource=STATUS, times=1)
    sim.create()
    sim.until(lambda: sim.ready() == "True", within=6)


@pytest.mark.parametrize("count", [1, 50])
def test_statuses_that_are_written_slowly_delay_no_refresh(sim: Simulation, count: int) -> None:
    keys = [sim.create(f"c-{number}") for number in range(count)]
    sim.advance(10)
    expiries = {key: sim.expiry(key) for key in keys}
    sim.cluster.fail(verb="patch", resource=STATUS, delay=9.0)
    sim.advance(80)
    for key in keys:
        sim.edit(key, target={"labels": {"a": "b"}})
    sim.advance(45)
    assert all(sim.expiry(key) > expiries[key] for key in keys)
    assert max(sim.metrics.latenesses) < 1


def test_a_status_is_written_once_at_a_time_and_the_last_word_stands(
    sim: Simulation, ehr: Key
) -> None:
    sim.cluster.latency = 1.0
    for number in range(6):
        sim.edit(suspend=number % 2 == 0)
        sim.advance(0.2)
    sim.until(lambda: sim.condition("Ready") == ("True", "TokenIssued"), within=10)
    sim.advance(10)
    assert sim.condition("Ready") == ("True", "TokenIssued")
    assert sim.status()["observedGeneration"] == sim.generation()
    times = [each.at for each in sim.cluster.log if each.resource == STATUS]
    assert all(later - earlier >= 0.9 for earlier, later in pairwise(times))


def test_an_api_server_that_is_away_for_ten_minutes_is_survived(sim: Simulation, ehr: Key) -> None:
    sim.cluster.fail()
    sim.advance(600)
    assert sim.operator.health.liveness() == []
    sim.cluster.heal()
    sim.until(lambda: sim.token() != "token-1" and sim.ready() == "True", within=65)
    assert sim.redox.is_live(str(sim.token()))


def test_without_a_watch_reads_that_fail_are_not_repeated_in_a_loop() -> None:
    with Simulation(Options(watch_secrets=False)) as sim:
        sim.create()
        sim.advance(3)
        sim.cluster.fail(verb="get", resource=SECRETS)
        sim.advance(100)
        reads = [each for each in sim.cluster.log if each.name == "ehr-token"]
        assert 5 <= len(reads) <= 60


def test_errors_of_no_known_kind_are_survived(sim: Simulation, ehr: Key) -> None:
    sim.cluster.fail(lambda: ClusterError("x", status=418))
    sim.advance(300)
    sim.cluster.heal()
    sim.until(lambda: sim.ready() == "True" and sim.token() != "token-1", within=65)


def test_events_that_cannot_be_posted_are_dropped(sim: Simulation) -> None:
    sim.events.error = ClusterError("x")
    sim.create()
    sim.advance(3)
    sim.events.error = None
    sim.create("other")
    sim.advance(3)
    assert sim.events.reasons(EHR) == []
    assert sim.events.reasons(Key("clinic", "other")) == ["TokenIssued"]


def test_a_target_written_by_someone_else_meanwhile_is_not_overwritten_blindly(
    sim: Simulation,
) -> None:
    sim.cluster.latency = 1.0
    sim.create()
    sim.until_asked("create", "secrets")
    sim.cluster.create(SECRETS, "clinic", "ehr-token", type="Opaque", data={})
    before = sim.secret()
    sim.advance(60)
    assert sim.secret() == before
    assert sim.healthy() == ("False", "TargetConflict")


def test_a_credential_without_its_definition_any_more_is_not_hammered(
    sim: Simulation, ehr: Key
) -> None:
    sim.delete()
    sim.cluster.delivery = lambda: ()
    before = len(sim.cluster.log)
    sim.advance(30)
    assert len([each for each in sim.cluster.log[before:] if each.resource != CREDENTIALS]) < 5
