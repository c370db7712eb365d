from __future__ import annotations

import pytest

from redox_operator.controllers.operator import Options
from redox_operator.domain.credential import Key
from redox_operator.domain.errors import ClusterUnavailable, Forbidden, NotFound
from tests.support.fake_cluster import CREDENTIALS, SECRETS
from tests.support.simulation import EHR, Simulation


def deaf(sim: Simulation) -> None:
    """Let the watch miss everything from now on."""
    sim.cluster.delivery = lambda: ()


def missing() -> NotFound:
    return NotFound("The API server answered 404.", status=404)


def forbidden() -> Forbidden:
    return Forbidden("The API server answered 403.")


def test_a_credential_that_the_watch_missed_is_found_within_a_minute(sim: Simulation) -> None:
    sim.advance(1)
    deaf(sim)
    sim.create()
    assert sim.until(lambda: sim.token() is not None, within=61) > 30


def test_an_edit_that_the_watch_missed_is_found_within_a_minute(sim: Simulation, ehr: Key) -> None:
    deaf(sim)
    sim.edit(suspend=True)
    sim.until(lambda: sim.condition("Ready") == ("True", "Suspended"), within=62)


def test_a_credential_whose_deletion_was_missed_is_swept(sim: Simulation, ehr: Key) -> None:
    deaf(sim)
    sim.cluster.collects_garbage_after = 10_000
    sim.delete()
    sim.advance(62)
    before = len(sim.requests)
    sim.advance(300)
    assert len(sim.requests) == before


def test_a_target_whose_deletion_was_missed_is_written_again(sim: Simulation, ehr: Key) -> None:
    deaf(sim)
    token = sim.token()
    sim.delete_secret()
    sim.until(lambda: sim.token() is not None, within=62)
    assert (sim.token(), len(sim.requests)) == (token, 1)


def test_a_target_whose_edit_was_missed_is_written_again(sim: Simulation, ehr: Key) -> None:
    deaf(sim)
    sim.edit_secret({"data": {"access_token": "eA=="}})
    sim.until(lambda: sim.token() == "token-1", within=62)
    assert len(sim.requests) == 1


def test_a_credential_that_is_deleted_while_it_is_listed_stays_forgotten(
    sim: Simulation, ehr: Key
) -> None:
    sim.cluster.latency = 2.0
    sim.until(lambda: sim.cluster.log[-1].verb == "list" and sim.now > 1058, within=60)
    # In a second the list is made, in two it arrives: the watch is faster.
    sim.advance(1.5)
    sim.delete()
    sim.advance(1)
    assert sim.operator.overview.records.get(EHR) is None


def test_a_credential_that_is_created_while_others_are_listed_is_not_swept(
    sim: Simulation, ehr: Key
) -> None:
    sim.cluster.latency = 4.0
    # The list is made at 1062 and arrives at 1064.
    sim.advance(60)
    sim.create("late")
    sim.advance(40)
    assert sim.token(Key("clinic", "late")) is not None
    reads = [each for each in sim.cluster.log if each.name == "late-token" and each.verb == "get"]
    assert len(reads) == 1


def test_lists_come_every_minute_and_five_seconds_after_one_that_failed(sim: Simulation) -> None:
    sim.advance(30)
    sim.cluster.fail(verb="list", resource=CREDENTIALS, times=2)
    sim.advance(120)
    times = [round(each.at - 1000) for each in sim.cluster.log if each.resource == CREDENTIALS]
    assert times == [0, 60, 65, 70, 130]


def test_what_was_listed_when_is_told_by_the_wall_clock(sim: Simulation) -> None:
    sim.cluster.fail(forbidden, verb="list", resource=SECRETS)
    sim.advance(2)
    listed = sim.operator.overview.snapshot().listed_at
    assert listed == {"redoxcredentials": sim.clock.true_time - 2}


def test_nothing_is_watched_before_the_definition_is_there(sim: Simulation) -> None:
    sim.cluster.fail(missing, verb="list", resource=CREDENTIALS)
    sim.advance(20)
    assert sim.cluster.watchers == []
    assert sim.operator.health.readiness() == [
        "the CustomResourceDefinition is missing: apply crds/",
        "not every watch runs",
    ]
    sim.cluster.heal()
    sim.create()
    sim.advance(8)
    assert sim.operator.health.readiness() == []
    assert sim.ready() == "True"


def test_a_namespace_that_cannot_be_listed_keeps_no_other_from_being_served() -> None:
    with Simulation(Options(namespaces=("closed", "clinic"))) as sim:
        sim.cluster.fail(forbidden, verb="list", namespace="closed")
        sim.create()
        sim.create(namespace="closed")
        sim.advance(5)
        assert sim.token() is not None
        assert sim.operator.health.readiness() == [
            f"the API server refuses the list of {each} in closed (403): see deploy/'s RBAC"
            for each in (CREDENTIALS, SECRETS)
        ]
        sim.cluster.heal()
        sim.advance(6)
        assert sim.operator.health.readiness() == []


def test_only_the_namespaces_that_are_served_are_asked_for() -> None:
    with Simulation(Options(namespaces=("clinic", "ward"))) as sim:
        sim.create()
        sim.create(namespace="ward")
        sim.create(namespace="elsewhere")
        sim.advance(70)
        assert {each.namespace for each in sim.cluster.log} == {"clinic", "ward"}
        assert sim.ready(Key("ward", "ehr")) == "True"
        assert sim.status(Key("elsewhere", "ehr")) == {"observedGeneration": -1}


def test_when_the_clusters_history_goes_back_everything_is_read_anew(
    sim: Simulation, ehr: Key
) -> None:
    backup = sim.cluster.snapshot()
    sim.advance(120)
    assert sim.token() == "token-2"
    late = sim.create("late")
    sim.advance(5)
    sim.cluster.restore(backup)
    sim.advance(66)
    assert sim.token() in ("token-2", "token-3", "token-4")
    assert sim.redox.is_live(str(sim.token()))
    assert sim.operator.overview.records.get(late) is None
    assert len(sim.cluster.watchers) == 1


def test_a_restored_cluster_gets_the_youngest_token_without_a_request(
    sim: Simulation, ehr: Key
) -> None:
    sim.advance(58)
    backup = sim.cluster.snapshot()
    sim.advance(62)
    assert sim.token() == "token-2"
    requests = len(sim.requests)
    sim.cluster.restore(backup)
    assert sim.token() == "token-1"
    sim.until(lambda: sim.token() == "token-2", within=62)
    assert len(sim.requests) == requests


def test_a_list_that_fails_for_a_reason_of_the_cluster_ends_nothing(sim: Simulation) -> None:
    sim.cluster.fail(lambda: ClusterUnavailable("x", status=500), verb="list")
    sim.create()
    sim.advance(60)
    sim.cluster.heal()
    sim.until(lambda: sim.ready() == "True", within=8)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 5.0])
def test_a_watch_that_begins_anew_asks_for_a_list(
    sim: Simulation, ehr: Key, seconds: float
) -> None:
    sim.advance(seconds)
    lists = [each for each in sim.cluster.log if each.verb == "list"]
    deaf(sim)
    sim.operator._watch.restart()
    sim.advance(3)
    assert len([each for each in sim.cluster.log if each.verb == "list"]) == len(lists) + 2


def lists(sim: Simulation) -> list[float]:
    """Seconds of the lists of credentials so far."""
    return [
        each.at - 1000
        for each in sim.cluster.log
        if (each.verb, each.resource) == ("list", CREDENTIALS)
    ]


def test_a_backup_that_is_newer_than_the_last_list_is_noticed(
    sim: Simulation, ehr: Key, caplog: pytest.LogCaptureFixture
) -> None:
    backup = sim.cluster.snapshot()
    late = sim.create("late")
    sim.until(lambda: sim.ready(late) == "True", within=5)
    sim.cluster.restore(backup)
    sim.advance(62)
    assert "the cluster's history went back" in caplog.text
    assert sim.operator.overview.records.get(late) is None


def test_a_watch_that_is_opened_again_has_a_list_made(sim: Simulation, ehr: Key) -> None:
    sim.advance(20)
    watch = sim.operator._watch
    watch.opened(CREDENTIALS)
    sim.advance(1)
    before = len(lists(sim))
    watch.opened(CREDENTIALS)
    sim.advance(1)
    assert len(lists(sim)) == before + 1


def test_watches_that_are_opened_again_and_again_cause_no_storm_of_lists(
    sim: Simulation, ehr: Key
) -> None:
    for _ in range(600):
        sim.operator._watch.opened(CREDENTIALS)
        sim.advance(0.1)
    assert 8 <= len(lists(sim)) <= 14


def test_lists_that_take_long_are_farther_apart(sim: Simulation, ehr: Key) -> None:
    sim.cluster.latency = 1.0
    for _ in range(120):
        sim.operator._watch.opened(CREDENTIALS)
        sim.advance(1)
    assert len(lists(sim)) <= 7
