from __future__ import annotations

import pytest

from redox_operator.controllers.operator import Options
from redox_operator.domain.credential import Key
from redox_operator.domain.target import EXPIRES_AT, ISSUED_AT
from tests.support.fake_cluster import SECRETS, Object
from tests.support.simulation import Simulation


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({"data": {"access_token": "eA=="}}, id="another token"),
        pytest.param({"data": {"authorization": None}}, id="a key that was removed"),
        pytest.param({"metadata": {"labels": None}}, id="labels that were removed"),
        pytest.param({"metadata": {"annotations": None}}, id="annotations that were removed"),
        pytest.param(
            {"metadata": {"annotations": {EXPIRES_AT: "2030-01-01T00:00:00Z"}}},
            id="an expiry that was moved",
        ),
        pytest.param(
            {"metadata": {"annotations": {ISSUED_AT: "2020-01-01T00:00:00Z"}}},
            id="an issue that was moved",
        ),
    ],
)
def test_an_edited_target_is_rewritten_within_a_second_and_without_a_request(
    sim: Simulation, ehr: Key, patch: Object
) -> None:
    before = sim.secret()
    assert before is not None
    sim.edit_secret(patch)
    sim.advance(1)
    after = sim.secret()
    assert after is not None
    assert after["data"] == before["data"]
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert len(sim.requests) == 1


def test_a_deleted_target_is_written_again_within_a_second_and_without_a_request(
    sim: Simulation, ehr: Key
) -> None:
    before = sim.stored()
    sim.delete_secret()
    sim.advance(1)
    assert sim.stored() == before
    assert len(sim.requests) == 1
    assert sim.ready() == "True"


def test_what_others_add_to_a_target_stays(sim: Simulation, ehr: Key) -> None:
    begun = sim.now
    sim.edit_secret(
        {"data": {"theirs": "eA=="}, "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}
    )
    sim.advance(250)
    secret = sim.secret()
    assert secret is not None
    assert secret["data"]["theirs"] == "eA=="
    assert secret["metadata"]["labels"]["a"] == "b"
    assert secret["metadata"]["annotations"]["c"] == "d"
    assert len(sim.cluster.writes(begun)) == 2 * len(sim.redox.between(begun))


def test_what_the_author_drops_from_the_spec_goes_from_the_target(sim: Simulation) -> None:
    sim.create(target={"labels": {"a": "1"}, "stringData": {"header": "A: $(authorization)"}})
    sim.advance(3)
    assert sim.stored()["header"] == "A: Bearer token-1"
    sim.edit(target={"labels": None, "stringData": None})
    sim.advance(1)
    secret = sim.secret()
    assert secret is not None
    assert "header" not in secret["data"]
    assert "a" not in secret["metadata"]["labels"]
    assert len(sim.requests) == 1


def test_a_target_that_someone_keeps_changing_is_not_fought_over(sim: Simulation, ehr: Key) -> None:
    change = sim.cluster.before_change
    fight = iter(range(10**6))

    def strip(resource: str, before: Object | None, after: Object | None) -> None:
        """An admission webhook that takes our label away."""
        if resource == SECRETS and after is not None and before is not None:
            after["metadata"]["labels"] = {"webhook": str(next(fight))}
        change(resource, before, after)

    sim.cluster.before_change = strip
    begun = sim.now
    sim.edit_secret({"data": {"access_token": "eA=="}})
    sim.advance(60)
    assert len(sim.cluster.writes(begun)) <= 60
    assert sim.token() == "token-1"


def test_an_immutable_target_is_told_and_served_again_when_it_is_deleted(
    sim: Simulation, ehr: Key
) -> None:
    sim.edit_secret({"immutable": True})
    sim.advance(400)
    assert sim.condition("Stalled") == ("True", "TargetImmutable")
    assert len(sim.requests) == 1
    sim.delete_secret()
    sim.until(lambda: sim.ready() == "True", within=1)


def test_without_a_watch_an_edited_target_is_found_within_a_minute() -> None:
    with Simulation(Options(watch_secrets=False)) as sim:
        sim.create()
        sim.advance(3)
        sim.edit_secret({"data": {"access_token": "eA=="}})
        sim.until(lambda: sim.token() == "token-1", within=61)
        assert len(sim.requests) == 1
        sim.delete_secret()
        sim.until(lambda: sim.token() is not None, within=61)


def test_without_a_watch_a_target_is_read_in_time_though_other_things_happen() -> None:
    with Simulation(Options(watch_secrets=False)) as sim:
        sim.create()
        sim.advance(30)
        sim.delete_secret()
        sim.edit(refresh={"beforeExpirySeconds": 100})
        sim.until(lambda: sim.token() == "token-1", within=31)


@pytest.mark.parametrize("watch_secrets", [True, False], ids=["watching", "not watching"])
def test_a_target_deleted_during_a_suspension_is_told(watch_secrets: bool) -> None:
    with Simulation(Options(watch_secrets=watch_secrets)) as sim:
        sim.create()
        sim.advance(3)
        sim.edit(suspend=True)
        sim.advance(2)
        sim.delete_secret()
        sim.until(lambda: sim.condition("Ready") == ("False", "Suspended"), within=61)
        assert sim.secret() is None


def test_a_target_deleted_while_it_is_being_written_is_written_again(
    sim: Simulation, ehr: Key
) -> None:
    sim.cluster.latency = 2.0
    sim.edit_secret({"data": {"access_token": "eA=="}})
    sim.until_asked("patch", "secrets")
    # In a second the patch takes effect, in two it is answered: the watch is faster.
    sim.advance(1.5)
    sim.delete_secret()
    sim.until(lambda: sim.token() == "token-1", within=8)
    assert len(sim.requests) == 1


def test_a_target_deleted_while_it_is_being_read_is_written_again(
    sim: Simulation, ehr: Key
) -> None:
    sim.cluster.latency = 2.0
    sim.edit_secret({"metadata": {"labels": {"a": "b"}}})
    sim.until_asked("get", "secrets")
    sim.advance(1.5)
    sim.delete_secret()
    sim.until(lambda: sim.token() == "token-1", within=8)
    assert len(sim.requests) == 1


def test_a_target_edited_while_it_is_being_read_is_read_again(sim: Simulation, ehr: Key) -> None:
    sim.cluster.latency = 2.0
    sim.edit_secret({"metadata": {"labels": {"a": "b"}}})
    sim.until_asked("get", "secrets")
    sim.advance(1.5)
    sim.edit_secret({"data": {"access_token": "eA=="}})
    sim.until(lambda: sim.token() == "token-1", within=8)
    assert len(sim.requests) == 1


def test_a_write_that_conflicts_is_decided_anew_and_made_at_once(sim: Simulation, ehr: Key) -> None:
    sim.cluster.latency = 0.2
    sim.edit_secret({"data": {"access_token": "eA=="}})
    sim.until_asked("patch", "secrets")
    sim.edit_secret({"data": {"theirs": "eA=="}})
    sim.until(lambda: sim.token() == "token-1", within=4)
    assert sim.stored()["theirs"] == "x"
    assert sim.metrics.secret_writes["conflict"] == 1
    asked = [each for each in sim.cluster.log if each.resource == "secrets"][-3:]
    assert [each.verb for each in asked] == ["patch", "get", "patch"]
    assert asked[2].at - asked[0].at < 0.5
