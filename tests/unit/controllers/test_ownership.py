from __future__ import annotations

from typing import Any

import pytest

from redox_operator.domain.credential import Key
from redox_operator.domain.target import CREDENTIAL
from tests.support.fake_cluster import CREDENTIALS, SECRETS, Object, encoded
from tests.support.simulation import EHR, Simulation


def foreign(sim: Simulation, **more: Any) -> Object:
    """A Secret of someone else with the target's name."""
    body: Object = {"type": "Opaque", "data": encoded({"password": "p"}), **more}
    return sim.cluster.create(SECRETS, "clinic", "ehr-token", **body)


def test_a_foreign_secret_stays_as_it_is_and_nothing_is_requested(sim: Simulation) -> None:
    before = foreign(sim)
    sim.create()
    sim.advance(120)
    assert sim.secret() == before
    assert sim.requests == []
    assert sim.condition("Ready") == ("False", "TargetConflict")
    assert sim.condition("Stalled") == ("True", "TargetConflict")
    assert "Delete that Secret" in sim.message("Ready")


def test_when_a_foreign_secret_goes_the_target_is_written(sim: Simulation) -> None:
    foreign(sim)
    sim.create()
    sim.advance(30)
    sim.delete_secret()
    sim.until(lambda: sim.ready() == "True", within=12)


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"labels": {"redox-operator.dev/role": "target"}}, id="with our label"),
        pytest.param(
            {
                "ownerReferences": [
                    {
                        "apiVersion": "apps/v1",
                        "kind": "Deployment",
                        "name": "ehr",
                        "uid": "uid-1",
                        "controller": True,
                    }
                ],
                "annotations": {CREDENTIAL: "RedoxCredential/ehr"},
            },
            id="with another controller",
        ),
        pytest.param(
            {"annotations": {CREDENTIAL: "RedoxCredential/other"}}, id="of another credential"
        ),
    ],
)
def test_a_secret_that_names_another_owner_is_a_conflict(sim: Simulation, metadata: Object) -> None:
    sim.create()
    before = foreign(sim, metadata=metadata)
    sim.advance(300)
    assert sim.secret() == before
    assert sim.healthy() == ("False", "TargetConflict")
    assert sim.requests == []


def test_a_target_that_becomes_foreign_is_left_alone_from_then_on(
    sim: Simulation, ehr: Key
) -> None:
    sim.edit_secret({"metadata": {"ownerReferences": None, "annotations": {CREDENTIAL: None}}})
    sim.advance(1)
    before = sim.secret()
    sim.advance(600)
    assert sim.secret() == before
    assert sim.healthy() == ("False", "TargetConflict")
    assert len(sim.requests) == 1


def restored(sim: Simulation, secret: Object) -> None:
    """Put a Secret back as a backup tool does: without owner, with another UID."""
    metadata = {
        name: secret["metadata"][name] for name in ("labels", "annotations", "ownerReferences")
    }
    sim.cluster.create(
        SECRETS,
        "clinic",
        "ehr-token",
        metadata={**metadata, "ownerReferences": []},
        type="Opaque",
        data=secret["data"],
    )


def test_a_secret_restored_without_its_owner_is_taken_back_without_a_gap(
    sim: Simulation, ehr: Key
) -> None:
    secret = sim.secret()
    assert secret is not None
    sim.kill()
    sim.delete_secret()
    restored(sim, secret)
    sim.start()
    sim.advance(2)
    taken = sim.secret()
    assert taken is not None
    assert taken["metadata"]["ownerReferences"] == secret["metadata"]["ownerReferences"]
    assert taken["data"] == secret["data"]
    assert len(sim.requests) == 1
    assert sim.ready() == "True"


def test_a_recreated_credential_takes_its_secret_back_without_a_gap(
    sim: Simulation, ehr: Key
) -> None:
    before = sim.secret()
    assert before is not None
    sim.delete()
    sim.create(key=None)
    for _ in range(100):
        sim.advance(0.1)
        assert sim.token() == "token-1"
    after, credential = sim.secret(), sim.cluster.get(CREDENTIALS, *EHR)
    assert after is not None
    assert credential is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["ownerReferences"][0]["uid"] == credential["metadata"]["uid"]
    assert len(sim.requests) == 1


def test_a_credential_recreated_while_the_operator_was_down_takes_its_secret_back(
    sim: Simulation, ehr: Key
) -> None:
    sim.kill()
    sim.cluster.collects_garbage_after = 60
    sim.delete()
    sim.create(key=None)
    sim.advance(5)
    sim.start()
    sim.advance(90)
    assert sim.token() == "token-1"
    assert len(sim.requests) == 1


def test_a_restored_secret_of_a_dead_token_is_adopted_with_a_new_one(
    sim: Simulation, ehr: Key
) -> None:
    secret = sim.secret()
    assert secret is not None
    sim.kill()
    sim.delete_secret()
    sim.advance(1000)
    restored(sim, secret)
    sim.start()
    sim.until(lambda: sim.token() == "token-2", within=1)
    assert len(sim.requests) == 2


def test_other_owners_of_an_adopted_secret_stay(sim: Simulation, ehr: Key) -> None:
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "uid-1"}
    sim.edit_secret({"metadata": {"ownerReferences": [other]}})
    sim.advance(1)
    secret = sim.secret()
    assert secret is not None
    assert other in secret["metadata"]["ownerReferences"]
    assert len(secret["metadata"]["ownerReferences"]) == 2
