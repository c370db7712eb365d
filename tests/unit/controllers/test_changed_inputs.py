from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from redox_operator.domain.credential import Key
from tests.support.fake_token_endpoint import unavailable
from tests.support.simulation import EHR, Simulation


def test_the_refresh_annotation_asks_for_one_token(sim: Simulation, ehr: Key) -> None:
    sim.advance(40)
    begun = sim.now
    sim.ask_for_refresh("2026-11-23")
    sim.until(lambda: sim.token() == "token-2", within=1)
    sim.advance(60)
    assert len(sim.redox.between(begun)) == 1


def test_refreshes_that_are_asked_for_come_at_most_every_thirty_seconds(
    sim: Simulation, ehr: Key
) -> None:
    sim.advance(40)
    for number in range(60):
        sim.ask_for_refresh(str(number))
        sim.advance(1)
    sim.advance(31)
    times = [request.at for request in sim.requests]
    assert min(after - before for before, after in pairwise(times)) > 29.9
    assert len(times) == 4


def test_a_refresh_that_was_asked_for_too_early_is_made_when_its_time_comes(
    sim: Simulation, ehr: Key
) -> None:
    sim.ask_for_refresh("now")
    sim.advance(2)
    assert len(sim.requests) == 2
    sim.ask_for_refresh("once more")
    sim.advance(26)
    assert len(sim.requests) == 2
    sim.advance(4)
    assert len(sim.requests) == 3


def test_a_refresh_that_was_asked_for_and_failed_is_tried_again_within_seconds(
    sim: Simulation, ehr: Key
) -> None:
    sim.advance(40)
    sim.redox.refuse = unavailable
    sim.ask_for_refresh("now")
    sim.advance(1)
    sim.redox.refuse = lambda _: None
    sim.advance(8)
    assert sim.requests[2].at - sim.requests[1].at < 6
    assert sim.token() == "token-2"


def test_removing_the_annotation_asks_for_a_token_as_well(sim: Simulation, ehr: Key) -> None:
    sim.advance(40)
    sim.ask_for_refresh("now")
    sim.advance(40)
    sim.ask_for_refresh("")
    sim.advance(2)
    assert len(sim.requests) == 3


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"clientId": "client-2"}, id="another client"),
        pytest.param({"endpoint": "Canada"}, id="another endpoint"),
        pytest.param({"scopes": ["x"]}, id="another scope"),
    ],
)
def test_a_changed_input_brings_a_new_token_at_once(
    sim: Simulation, ehr: Key, spec: dict[str, Any]
) -> None:
    sim.advance(40)
    sim.edit(**spec)
    sim.until(lambda: sim.token() == "token-2", within=1)
    sim.until(lambda: sim.status()["observedGeneration"] == 2, within=1)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"refresh": {"beforeExpirySeconds": 180}}, id="another margin"),
        pytest.param({"target": {"labels": {"a": "b"}}}, id="another label"),
        pytest.param({"privateKey": {"keyId": "k1"}}, id="a name for the same key"),
    ],
)
def test_what_is_no_input_brings_no_new_token(
    sim: Simulation, ehr: Key, spec: dict[str, Any]
) -> None:
    sim.advance(40)
    sim.edit(**spec)
    sim.advance(20)
    assert len(sim.requests) == 1
    assert sim.status()["observedGeneration"] == 2
    assert sim.condition("Reconciling")[0] == "False"


def test_while_the_token_of_a_changed_spec_is_awaited_the_old_one_is_ready(
    sim: Simulation, ehr: Key
) -> None:
    sim.advance(40)
    sim.redox.delay = 5
    sim.edit(clientId="client-2")
    sim.advance(1)
    assert sim.ready() == "True"
    assert sim.condition("Reconciling")[0] == "True"
    assert sim.token() == "token-1"
    sim.advance(6)
    assert sim.condition("Reconciling")[0] == "False"
    assert sim.token() == "token-2"


def test_a_token_of_a_changed_input_replaces_one_that_lives_longer(sim: Simulation) -> None:
    sim.redox.lifetime = 3600
    sim.create()
    sim.advance(40)
    sim.redox.lifetime = 300
    sim.edit(clientId="client-2")
    sim.advance(1)
    assert sim.token() == "token-2"
    assert sim.expiry() < sim.clock.true_time + 301


def test_a_token_of_a_changed_input_is_not_undone_by_a_conflict(sim: Simulation) -> None:
    sim.redox.lifetime = 3600
    sim.create()
    sim.advance(40)
    sim.redox.lifetime = 300
    sim.cluster.latency = 1.0
    sim.edit(clientId="client-2")
    sim.until_asked("patch", "secrets")
    sim.edit_secret({"data": {"theirs": "eA=="}})
    sim.advance(10)
    assert sim.metrics.secret_writes["conflict"] == 1
    assert sim.token() == "token-2"
    assert len(sim.requests) == 2


def test_a_spec_that_changes_while_its_token_is_requested_gets_another_one(
    sim: Simulation,
) -> None:
    sim.redox.delay = 5
    sim.create()
    sim.advance(2)
    sim.edit(clientId="client-2")
    sim.advance(60)
    assert [request.client_id for request in sim.requests] == ["client-1", "client-2"]
    assert sim.token() == "token-2"


def test_another_key_secret_is_read_at_once_though_one_was_read_just_now(
    sim: Simulation, ehr: Key
) -> None:
    sim.write_key("k2", "other")
    sim.edit(privateKey={"secretRef": {"name": "other-redox-key"}})
    sim.advance(35)
    assert [request.key_id for request in sim.requests] == ["k1", "k2"]


def test_another_key_secret_of_the_same_key_brings_no_new_token(sim: Simulation, ehr: Key) -> None:
    sim.write_key("k1", "other")
    sim.edit(privateKey={"secretRef": {"name": "other-redox-key"}})
    sim.advance(40)
    assert len(sim.requests) == 1


def test_a_key_that_is_being_read_when_another_one_is_named_does_not_sign(
    sim: Simulation,
) -> None:
    sim.keys.delay = 2.0
    sim.write_key("k2", "other")
    sim.create()
    sim.advance(1)
    sim.edit(privateKey={"secretRef": {"name": "other-redox-key"}})
    sim.advance(10)
    assert [request.key_id for request in sim.requests] == ["k2"]


def test_a_key_that_cannot_be_used_is_forgotten_when_another_one_is_named(
    sim: Simulation,
) -> None:
    sim.create(key="broken")
    sim.write_key("k2", "other")
    sim.advance(3)
    assert sim.condition("Ready") == ("False", "KeyInvalid")
    sim.edit(privateKey={"secretRef": {"name": "other-redox-key"}})
    sim.until(lambda: sim.ready() == "True", within=1)


def test_a_key_id_selects_another_key_of_a_set(sim: Simulation) -> None:
    sim.create(key="k1 k2")
    sim.advance(40)
    sim.edit(privateKey={"keyId": "k2"})
    sim.until(lambda: sim.requests[-1].key_id == "k2", within=1)
    sim.advance(1)
    assert sim.status()["keyId"] == "k2"


def test_a_credential_that_is_deleted_while_its_token_is_requested_is_not_written(
    sim: Simulation,
) -> None:
    sim.redox.delay = 5
    sim.create()
    sim.advance(2)
    sim.delete()
    sim.advance(30)
    assert sim.secret() is None
    assert not any(each.resource == "secrets" for each in sim.cluster.writes())


def test_a_credential_recreated_while_its_forerunners_token_is_requested_gets_its_own(
    sim: Simulation,
) -> None:
    sim.redox.delay = 5
    sim.create()
    sim.advance(2)
    sim.delete()
    sim.create(key=None, clientId="client-2")
    sim.advance(30)
    assert [request.client_id for request in sim.requests] == ["client-1", "client-2"]
    assert sim.token(EHR) == "token-2"
