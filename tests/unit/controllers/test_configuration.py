from __future__ import annotations

from dataclasses import replace

from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import CANADA, US, AllowedNamespaces
from tests.support.fake_token_endpoint import rejected
from tests.support.simulation import Simulation

SANDBOX = replace(US, name="Sandbox", token_url="https://sandbox.example/t", audience="sandbox")


def test_an_endpoint_that_is_added_heals_the_credentials_that_name_it(sim: Simulation) -> None:
    sim.create(endpoint="Sandbox")
    sim.advance(10)
    assert sim.healthy() == ("False", "EndpointUnknown")
    sim.file.change(US, CANADA, SANDBOX)
    sim.until(lambda: sim.ready() == "True", within=6)
    assert sim.requests[-1].audience == "sandbox"


def test_an_endpoint_that_is_removed_keeps_its_tokens_until_they_expire(
    sim: Simulation, ehr: Key
) -> None:
    sim.file.change(CANADA)
    sim.advance(6)
    assert sim.healthy() == ("False", "EndpointUnknown")
    assert sim.ready() == "True"
    sim.advance(300)
    assert sim.condition("Ready") == ("False", "TokenExpired")
    assert len(sim.requests) == 1


def test_an_endpoint_that_returns_is_used_at_once(sim: Simulation, ehr: Key) -> None:
    sim.file.change(CANADA)
    sim.advance(400)
    sim.file.change(US, CANADA)
    sim.until(lambda: sim.ready() == "True", within=6)


def test_who_waited_for_an_endpoint_that_was_removed_is_served_when_it_returns(
    sim: Simulation,
) -> None:
    sim.redox.delay = 60
    for number in range(50):
        sim.create(f"c{number}")
    sim.advance(3)
    sim.file.change(CANADA)
    sim.advance(10)
    sim.redox.delay = 0.05
    sim.file.change(US, CANADA)
    sim.advance(20)
    assert all(sim.ready(Key("clinic", f"c{number}")) == "True" for number in range(50))


def test_an_endpoint_that_moves_brings_new_tokens(sim: Simulation, ehr: Key) -> None:
    sim.advance(40)
    sim.file.change(replace(US, token_url="https://new.example/t"), CANADA)
    sim.until(lambda: sim.token() == "token-2", within=6)
    assert sim.requests[-1].url == "https://new.example/t"


def test_another_base_url_is_written_without_a_request(sim: Simulation) -> None:
    sim.create(target={"stringData": {"base": "$(fhirBaseUrl)"}})
    sim.advance(3)
    sim.file.change(replace(US, fhir_base_url="https://fhir.example"), CANADA)
    sim.until(lambda: sim.stored()["base"] == "https://fhir.example", within=6)
    assert len(sim.requests) == 1


def test_a_rejected_client_is_tried_at_once_when_its_endpoint_changes(sim: Simulation) -> None:
    sim.redox.refuse = rejected
    sim.create()
    sim.advance(200)
    sim.redox.refuse = lambda _: None
    sim.file.change(replace(US, assertion_type="client-authentication+jwt"), CANADA)
    sim.until(lambda: sim.ready() == "True", within=6)


def test_a_namespace_that_loses_an_endpoint_is_told_which_others_it_may_use(
    sim: Simulation, ehr: Key
) -> None:
    closed = replace(US, allowed_namespaces=AllowedNamespaces(frozenset({"other"})))
    sim.file.change(closed, CANADA)
    sim.advance(6)
    assert sim.healthy() == ("False", "NotAllowed")
    assert "Canada" in sim.message("RefreshHealthy")
    assert sim.ready() == "True"


def test_a_faulty_file_shows_in_readiness_and_the_last_good_endpoints_stay_in_use(
    sim: Simulation, ehr: Key
) -> None:
    sim.file.faults = ["ENDPOINTS_FILE: is no YAML."]
    sim.advance(600)
    assert sim.ready() == "True"
    assert sim.operator.health.readiness() == ["ENDPOINTS_FILE: is no YAML."]
    assert sim.operator.health.liveness() == []
    assert sim.operator.overview.snapshot().endpoints_file_faulty


def test_a_file_that_did_not_change_makes_nothing_due(sim: Simulation, ehr: Key) -> None:
    begun = sim.now
    sim.file.change(US, CANADA)
    sim.advance(30)
    assert sim.cluster.writes(begun) == []
    assert sim.redox.between(begun) == []
