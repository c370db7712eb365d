from __future__ import annotations

import pytest

from redox_operator.controllers.operator import Options
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import CANADA, US
from tests.support.cluster_faults import denied
from tests.support.fake_cluster import CREDENTIALS, SECRETS
from tests.support.simulation import EHR, Simulation


def test_a_new_credential_has_its_token_within_a_second(sim: Simulation) -> None:
    sim.advance(10)
    sim.create()
    sim.until(lambda: sim.ready() == "True", within=1)
    assert sim.stored()["authorization"] == "Bearer token-1"
    assert len(sim.requests) == 1


def test_a_first_token_takes_one_write_of_the_secret_and_one_of_status(sim: Simulation) -> None:
    sim.create()
    sim.advance(60)
    assert [(each.verb, each.resource) for each in sim.cluster.writes()] == [
        ("create", "secrets"),
        ("patch", "redoxcredentials/status"),
    ]


def test_the_secret_belongs_to_its_credential(sim: Simulation, ehr: Key) -> None:
    secret, credential = sim.secret(), sim.cluster.get(CREDENTIALS, *EHR)
    assert secret is not None
    assert credential is not None
    (owner,) = secret["metadata"]["ownerReferences"]
    assert owner["uid"] == credential["metadata"]["uid"]
    assert owner["controller"] is True
    assert owner["blockOwnerDeletion"] is False


def test_the_secret_follows_when_its_credential_is_deleted(sim: Simulation, ehr: Key) -> None:
    sim.delete()
    sim.advance(2)
    assert sim.secret() is None
    before = len(sim.cluster.log)
    sim.advance(3600)
    assert {each.verb for each in sim.cluster.log[before:]} == {"list"}


def test_the_assertion_goes_to_the_endpoint_that_the_spec_names(sim: Simulation) -> None:
    sim.create("a")
    sim.create("b", endpoint="Canada", clientId="client-b", scopes=["x", "y"])
    sim.advance(3)
    sent = {each.url: (each.audience, each.client_id, each.scopes) for each in sim.requests}
    assert sent == {
        US.token_url: (US.audience, "client-1", ()),
        CANADA.token_url: (CANADA.audience, "client-b", ("x", "y")),
    }


def test_an_assertion_is_backdated_by_half_a_minute_and_lives_five_minutes(
    sim: Simulation, ehr: Key
) -> None:
    (request,) = sim.requests
    sent = sim.clock.true_time - sim.clock.boot + request.at
    assert request.issued_at == pytest.approx(sent - 30, abs=1)
    assert request.expires_at - request.issued_at == 300


def test_the_lifetime_counts_from_the_moment_of_sending(sim: Simulation) -> None:
    sim.redox.delay = 4.0
    sim.create()
    sim.until(lambda: sim.token() is not None, within=6)
    assert sim.expiry() <= sim.redox.dies_at["token-1"]
    assert sim.expiry() == pytest.approx(sim.redox.dies_at["token-1"], abs=1)


def test_a_first_issue_that_takes_longer_than_two_seconds_is_told(sim: Simulation) -> None:
    sim.redox.delay = 6.0
    sim.create()
    sim.advance(1.9)
    assert "conditions" not in sim.status()
    sim.advance(0.5)
    assert sim.condition("Ready") == ("Unknown", "Pending")
    assert sim.condition("Reconciling") == ("True", "Pending")
    assert sim.status()["observedGeneration"] == 1
    sim.advance(5)
    assert sim.ready() == "True"


def test_two_credentials_of_one_target_name_the_first_keeps_it(sim: Simulation) -> None:
    sim.create("first", target={"secretName": "shared"})
    sim.advance(3)
    second = sim.create("second", target={"secretName": "shared"})
    sim.advance(3)
    assert sim.healthy(second) == ("False", "TargetConflict")
    assert [request.key_id for request in sim.requests] == ["k1"]
    sim.advance(600)
    assert sim.ready(Key("clinic", "first")) == "True"
    assert sim.ready(second) == "False"


def test_the_second_takes_the_target_over_when_the_first_is_deleted(sim: Simulation) -> None:
    first = sim.create("first", target={"secretName": "shared"})
    sim.advance(3)
    second = sim.create("second", key="k2", target={"secretName": "shared"})
    sim.advance(3)
    sim.delete(first)
    sim.until(lambda: sim.ready(second) == "True", within=5)


def test_two_that_race_for_a_target_end_with_one_owner(sim: Simulation) -> None:
    both = [sim.create(name, target={"secretName": "shared"}) for name in ("a", "b")]
    sim.advance(15)
    assert sorted(sim.ready(key) for key in both) == ["False", "True"]
    assert sorted(sim.healthy(key)[1] for key in both) == ["TargetConflict", "TokenIssued"]


def test_keys_and_targets_are_read_in_the_credentials_own_namespace(sim: Simulation) -> None:
    for namespace in ("a", "b"):
        sim.create(namespace=namespace)
    sim.advance(200)
    read = {each.namespace for each in sim.cluster.log if each.verb != "list"}
    assert read == {"a", "b"}


def test_a_spec_that_the_rules_would_refuse_says_what_to_write(sim: Simulation) -> None:
    sim.create(clientId=None)
    sim.advance(3)
    assert sim.condition("Ready") == ("False", "SpecInvalid")
    assert "spec.clientId" in sim.message("Ready")
    sim.edit(clientId="client-1")
    sim.until(lambda: sim.ready() == "True", within=1)


def test_a_spec_that_turns_invalid_keeps_its_token_ready_until_it_expires(
    sim: Simulation, ehr: Key
) -> None:
    sim.edit(clientId=None)
    sim.advance(sim.expiry() - sim.clock.true_time - 0.05)
    assert sim.ready() == "True"
    assert sim.healthy() == ("False", "SpecInvalid")
    sim.advance(0.1)
    assert sim.condition("Ready") == ("False", "TokenExpired")
    sim.edit(clientId="client-1")
    sim.until(lambda: sim.ready() == "True", within=1)


def test_an_unknown_endpoint_is_told_and_nothing_is_requested(sim: Simulation) -> None:
    sim.create(endpoint="Mars")
    sim.advance(30)
    assert sim.condition("Stalled") == ("True", "EndpointUnknown")
    assert "US, Canada" in sim.message("Ready")
    assert sim.requests == []
    sim.edit(endpoint="US")
    sim.until(lambda: sim.ready() == "True", within=1)


def test_a_credential_that_never_was_allowed_to_read_its_target_says_so(sim: Simulation) -> None:
    sim.cluster.fail(denied, verb="get", resource=SECRETS)
    sim.create()
    sim.advance(3)
    assert sim.condition("Ready") == ("False", "WriteDenied")
    assert "may not be read" in sim.message("Ready")
    assert sim.requests == []
    sim.cluster.heal()
    sim.until(lambda: sim.ready() == "True", within=11)


def test_without_a_watch_on_secrets_none_is_listed_or_watched() -> None:
    with Simulation(Options(watch_secrets=False)) as sim:
        sim.create()
        sim.advance(600)
        assert sim.ready() == "True"
        listed = {each.resource for each in sim.cluster.log if each.verb == "list"}
        assert listed == {"redoxcredentials"}
