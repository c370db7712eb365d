from __future__ import annotations

from typing import Any

import pytest

from redox_operator.domain.credential import Key
from redox_operator.domain.errors import ClientRejected, KeyInvalid, TokenRequestError
from redox_operator.domain.private_key import SigningKey
from tests.support.cluster_faults import denied
from tests.support.fake_token_endpoint import TokenRequest
from tests.support.simulation import Simulation


def test_a_missing_key_is_told_and_heals_within_ten_seconds_of_its_creation(
    sim: Simulation,
) -> None:
    sim.create(key=None)
    sim.advance(3)
    assert sim.condition("Ready") == ("False", "KeyNotFound")
    assert sim.condition("Reconciling") == ("True", "KeyNotFound")
    assert "ehr-redox-key does not exist" in sim.message("Ready")
    sim.advance(45)
    sim.write_key("k1")
    sim.until(lambda: sim.ready() == "True", within=10.1)


def test_a_missing_key_is_looked_at_every_ten_seconds_and_no_more(sim: Simulation) -> None:
    sim.create(key=None)
    sim.advance(100)
    looks = [each.at for each in sim.cluster.log if each.name == "ehr-redox-key"]
    assert len(looks) in (10, 11)


def test_a_missing_key_stalls_after_five_minutes(sim: Simulation) -> None:
    sim.create(key=None)
    sim.advance(299)
    assert sim.condition("Stalled")[0] == "False"
    sim.advance(2)
    assert sim.condition("Stalled") == ("True", "KeyNotFound")
    assert sim.condition("Reconciling") == ("True", "KeyNotFound")


def test_a_key_that_goes_is_told_at_the_next_refresh_and_the_token_stays(
    sim: Simulation, ehr: Key
) -> None:
    sim.delete_key()
    sim.advance(60)
    assert sim.healthy() == ("True", "TokenIssued")
    sim.advance(65)
    assert sim.healthy() == ("False", "KeyNotFound")
    assert sim.ready() == "True"
    sim.advance(130)
    sim.write_key("k1")
    sim.until(lambda: sim.healthy() == ("True", "TokenIssued"), within=10.1)


def test_a_key_that_cannot_be_used_is_told_and_heals_within_ten_seconds(sim: Simulation) -> None:
    sim.create(key="broken")
    sim.advance(3)
    assert sim.condition("Stalled") == ("True", "KeyInvalid")
    sim.write_key("k1")
    sim.until(lambda: sim.ready() == "True", within=10.1)


def test_a_key_that_may_not_be_read_is_told(sim: Simulation) -> None:
    sim.cluster.fail(denied, verb="get", name="ehr-redox-key")
    sim.create()
    sim.advance(3)
    assert sim.healthy() == ("False", "KeyNotFound")
    assert "may not be read" in sim.message("Ready")


def test_a_valid_key_ends_the_report_of_a_missing_one_before_its_token_arrives(
    sim: Simulation,
) -> None:
    sim.create(key=None)
    sim.advance(3)
    sim.redox.delay = 10
    sim.write_key("k1")
    sim.advance(12)
    assert sim.condition("Ready") == ("Unknown", "Pending")


def test_a_rotated_key_signs_the_next_refresh(sim: Simulation, ehr: Key) -> None:
    sim.write_key("k2")
    sim.advance(60)
    assert len(sim.requests) == 1
    sim.advance(65)
    assert [request.key_id for request in sim.requests] == ["k1", "k2"]
    assert sim.status()["keyId"] == "k2"


def test_a_token_is_signed_with_a_key_that_was_read_for_it(sim: Simulation, ehr: Key) -> None:
    sim.advance(1000)
    reads = [each for each in sim.cluster.log if each.name == "ehr-redox-key"]
    assert len(reads) == len(sim.requests)


def test_of_a_set_the_first_key_signs(sim: Simulation) -> None:
    sim.create(key="k1 k2 k3")
    sim.advance(3)
    assert [request.key_id for request in sim.requests] == ["k1"]


def test_only_an_unknown_public_key_moves_on_to_the_next_of_the_set(sim: Simulation) -> None:
    sim.redox.unknown_keys = {"k1"}
    sim.create(key="k1 k2 k3")
    sim.until(lambda: sim.ready() == "True", within=1)
    assert [request.key_id for request in sim.requests] == ["k1", "k2"]
    assert sim.status()["keyId"] == "k2"
    assert sim.healthy() == ("True", "TokenIssued")


def test_any_other_rejection_does_not_move_on(sim: Simulation) -> None:
    sim.redox.rejected_clients = {"client-1"}
    sim.create(key="k1 k2")
    sim.advance(5)
    assert {request.key_id for request in sim.requests} == {"k1"}


def test_the_choice_of_a_later_key_holds_five_minutes(sim: Simulation) -> None:
    sim.redox.unknown_keys = {"k1"}
    sim.create(key="k1 k2")
    sim.advance(290)
    assert [request.key_id for request in sim.requests] == ["k1", "k2", "k2", "k2"]
    sim.advance(300)
    assert [request.key_id for request in sim.requests].count("k1") == 2


def test_when_the_first_key_is_known_again_it_signs_after_five_minutes(sim: Simulation) -> None:
    sim.redox.unknown_keys = {"k1"}
    sim.create(key="k1 k2")
    sim.advance(60)
    sim.redox.unknown_keys = set()
    sim.advance(400)
    assert sim.requests[-1].key_id == "k1"
    assert sim.status()["keyId"] == "k1"


def test_falling_back_is_no_changed_input(sim: Simulation) -> None:
    sim.redox.unknown_keys = {"k1"}
    sim.create(key="k1 k2")
    sim.advance(60)
    assert len(sim.requests) == 2


def test_a_set_of_which_no_key_is_known_is_a_rejected_client(sim: Simulation) -> None:
    sim.redox.unknown_keys = {"k1", "k2", "k3"}
    sim.create(key="k1 k2 k3")
    sim.advance(0.9)
    assert [request.key_id for request in sim.requests] == ["k1", "k2", "k3"]
    assert sim.condition("Ready") == ("False", "ClientRejected")
    sim.advance(1)
    assert [request.key_id for request in sim.requests] == ["k1", "k2", "k3"] * 2


def test_when_the_chosen_key_is_withdrawn_the_others_are_tried_at_once(sim: Simulation) -> None:
    sim.redox.unknown_keys = {"k1"}
    sim.create(key="k1 k2")
    sim.advance(3)
    sim.redox.unknown_keys = {"k2"}
    sim.advance(125)
    assert [request.key_id for request in sim.requests] == ["k1", "k2", "k2", "k1"]
    assert sim.healthy() == ("True", "TokenIssued")


def test_a_rotation_by_a_set_is_one_edit_without_a_gap(sim: Simulation, ehr: Key) -> None:
    sim.redox.unknown_keys = {"k2"}
    sim.write_key("k2 k1")
    for _ in range(60):
        sim.advance(10)
        assert sim.healthy() == ("True", "TokenIssued")
        if sim.now > 1250:
            sim.redox.unknown_keys = {"k1"}
    assert sim.requests[-1].key_id == "k2"


def test_another_content_begins_with_its_first_key(sim: Simulation) -> None:
    sim.redox.unknown_keys = {"k1"}
    sim.create(key="k1 k2")
    sim.advance(3)
    sim.write_key("k3 k2")
    sim.advance(125)
    assert sim.requests[-1].key_id == "k3"


def test_a_rejected_key_is_looked_at_every_ten_seconds_and_parsed_when_it_changed(
    sim: Simulation,
) -> None:
    sim.redox.unknown_keys = {"k1"}
    sim.create()
    sim.advance(100)
    requests = len(sim.requests)
    assert sim.keys.inspected == []
    sim.write_key("k2")
    sim.until(lambda: sim.ready() == "True", within=10.2)
    assert len(sim.requests) == requests + 1


def test_a_new_key_that_is_rejected_as_well_has_the_first_attempts_of_its_own(
    sim: Simulation,
) -> None:
    sim.redox.unknown_keys = {"k1", "k2"}
    sim.create()
    sim.advance(150)
    begun = sim.now
    sim.write_key("k2")
    sim.advance(60)
    times = [request.at - begun for request in sim.redox.between(begun)]
    assert len(times) == 3
    assert times[0] <= 10.2
    assert times[1] - times[0] == pytest.approx(1, abs=0.2)
    assert times[2] - times[1] == pytest.approx(10, abs=0.2)


def test_a_rejected_key_that_turns_unusable_is_told(sim: Simulation) -> None:
    sim.redox.unknown_keys = {"k1"}
    sim.create()
    sim.advance(80)
    sim.write_key("broken")
    sim.advance(11)
    assert sim.healthy() == ("False", "KeyInvalid")


def test_an_api_server_that_cannot_tell_the_key_is_asked_again_soon(sim: Simulation) -> None:
    sim.cluster.fail(verb="get", name="ehr-redox-key")
    sim.create()
    sim.advance(20)
    assert sim.requests == []
    sim.cluster.heal()
    sim.until(lambda: sim.ready() == "True", within=6)


def test_a_parser_that_fails_unexpectedly_is_not_asked_in_a_loop(
    sim: Simulation, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    async def parse(content: bytes, **_: object) -> None:
        calls.append(content)
        raise ValueError(content.decode() * 5)

    sim.keys.parse = parse  # type: ignore[method-assign,assignment]
    sim.create("other", key="k9")
    sim.advance(60)
    assert 10 <= len(calls) <= 60
    assert "reading the key of clinic/other failed unexpectedly: ValueError" in caplog.text
    assert "k9k9k9" not in caplog.text


def test_a_signer_that_fails_unexpectedly_is_not_asked_in_a_loop(
    sim: Simulation, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    def refuse(request: TokenRequest) -> TokenRequestError | None:
        calls.append(request)
        raise ValueError(request.jti * 5)

    sim.redox.refuse = refuse
    sim.create()
    sim.advance(60)
    assert 10 <= len(calls) <= 60
    assert "the token request of clinic/ehr failed unexpectedly: ValueError" in caplog.text
    assert "jti-0jti-0" not in caplog.text
    assert sim.operator.health.liveness() == []


def test_a_key_that_signs_wrongly_is_told_and_is_no_fault_of_the_endpoint(
    sim: Simulation, ehr: Key
) -> None:
    honest, signed = sim.sign, []

    def sign(key: SigningKey, **claims: Any) -> str:
        signed.append(sim.now)
        if key.key_id == "k2":
            raise KeyInvalid("What the private key signs does not verify.")
        return honest(key, **claims)

    sim.sign = sign
    for number in range(20):
        sim.create(f"other-{number}", key="k2")
    sim.advance(30)
    assert sim.healthy(Key("clinic", "other-7")) == ("False", "KeyInvalid")
    assert "does not verify" in sim.message("Ready", Key("clinic", "other-7"))
    assert 3 * 20 <= len(signed) <= 4 * 20
    assert len(sim.requests) == 1
    sim.advance(100)
    assert len(sim.requests) == 2
    assert sim.healthy() == ("True", "TokenIssued")
    sim.write_key("k3", "other-7")
    sim.until(lambda: sim.ready(Key("clinic", "other-7")) == "True", within=10.2)


def test_a_rejection_after_a_success_keeps_the_token_ready(sim: Simulation, ehr: Key) -> None:
    sim.redox.refuse = lambda _: ClientRejected("The client is not known.", status=401)
    sim.advance(130)
    assert sim.healthy() == ("False", "ClientRejected")
    assert sim.ready() == "True"
    assert "Readers hold a valid token until" in sim.message("RefreshHealthy")
