from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from redox_operator.controllers.records import KeyChoice, KeyReading, Record, Records, is_newer
from redox_operator.domain.credential import REFRESH_ANNOTATION, Credential, Key
from redox_operator.domain.errors import SpecInvalid
from tests.support.builders import credential_body, target, token

EHR = Key("clinic", "ehr")


def body(version: int = 1, **changes: Any) -> dict[str, Any]:
    made = credential_body(**changes)
    made["metadata"]["resourceVersion"] = str(version)
    return made


def known(records: Records, version: int = 1, **changes: Any) -> Record:
    record, _ = records.observe(body(version, **changes), boot=5.0)
    record.target, record.target_known = target(), True
    record.token = token()
    record.key_reading = KeyReading("content", "thumbprint", at=5.0)
    record.key_choice = KeyChoice("content", 1, until=300.0)
    record.key_looked_at = 5.0
    return record


def test_a_credential_that_is_seen_first_is_a_change() -> None:
    records = Records()
    record, changed = records.observe(body(), boot=5.0)
    assert changed
    assert (record.key, record.first_seen, len(records)) == (EHR, 5.0, 1)
    assert records.get(EHR) is record


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        pytest.param({}, False, id="the same again is no change"),
        pytest.param({"status": {"keyId": "k1"}}, False, id="status is no change"),
        pytest.param({"annotations": {"team": "a"}}, False, id="someone's annotation is no change"),
        pytest.param({"clientId": "client-2", "generation": 2}, True, id="a new spec is a change"),
        pytest.param({"generation": 2}, True, id="a new generation is to be reported"),
        pytest.param(
            {"annotations": {REFRESH_ANNOTATION: "now"}}, True, id="the refresh annotation is"
        ),
        pytest.param({"clientId": None, "generation": 2}, True, id="a spec that turns invalid is"),
    ],
)
def test_what_counts_as_a_change(changes: dict[str, Any], changed: bool) -> None:
    records = Records()
    known(records)
    _, seen = records.observe(body(2, **changes), boot=9.0)
    assert seen is changed


def test_an_event_older_than_what_is_known_is_ignored() -> None:
    records = Records()
    record = known(records, version=9)
    _, changed = records.observe(body(8, clientId="client-0", generation=2), boot=9.0)
    assert not changed
    assert isinstance(record.credential, Credential)
    assert record.credential.client_id == "client-1"


def test_a_recreated_credential_is_another_one_of_which_nothing_is_known() -> None:
    records = Records()
    before = known(records)
    record, changed = records.observe(body(7, uid="another"), boot=9.0)
    assert changed
    assert before.gone
    assert not record.gone
    assert (record.token, record.target, record.first_seen) == (None, None, 9.0)
    assert records.get(EHR) is record


def test_a_late_event_of_a_recreated_credentials_forerunner_is_ignored() -> None:
    records = Records()
    record = known(records, version=9, uid="another")
    _, changed = records.observe(body(8), boot=9.0)
    assert not changed
    assert records.get(EHR) is record


def test_an_invalid_spec_that_stays_invalid_changes_with_its_generation_only() -> None:
    records = Records()
    records.observe(body(1, clientId=None), boot=5.0)
    _, same = records.observe(body(2, clientId=None), boot=5.0)
    record, other = records.observe(body(3, clientId=None, generation=2), boot=5.0)
    assert (same, other) == (False, True)
    assert isinstance(record.credential, SpecInvalid)
    assert record.generation == 2


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"privateKey": {"secretRef": {"name": "other-key"}}}, id="another Secret"),
        pytest.param(
            {"privateKey": {"secretRef": {"name": "ehr-redox-key", "key": "b"}}}, id="another key"
        ),
        pytest.param(
            {"privateKey": {"secretRef": {"name": "ehr-redox-key"}, "keyId": "k2"}}, id="a key ID"
        ),
        pytest.param({"algorithm": "PS384"}, id="an algorithm"),
    ],
)
def test_what_was_read_of_one_key_says_nothing_about_another(spec: dict[str, Any]) -> None:
    records = Records()
    record = known(records)
    records.observe(body(2, generation=2, **spec), boot=9.0)
    assert (record.key_reading, record.key_choice) == (None, None)
    assert record.key_looked_at == float("-inf")


def test_a_new_client_keeps_what_was_read_of_the_key_and_the_target() -> None:
    records = Records()
    record = known(records)
    records.observe(body(2, generation=2, clientId="client-2"), boot=9.0)
    assert record.key_reading is not None
    assert record.target_known


def test_another_target_is_read_before_anything_is_decided() -> None:
    records = Records()
    record = known(records)
    record.target_version = "7"
    records.observe(body(2, generation=2, target={"secretName": "other"}), boot=9.0)
    assert (record.target, record.target_known, record.target_version) == (None, False, None)
    assert record.token is not None


def test_a_spec_that_turns_invalid_leaves_the_target_as_it_was_seen() -> None:
    records = Records()
    record = known(records)
    records.observe(body(2, generation=2, clientId=None), boot=9.0)
    assert record.target is not None
    records.observe(body(3, generation=3, target={"secretName": "other"}), boot=9.0)
    assert (record.target, record.target_known) == (None, False)


def test_credentials_are_found_by_the_name_of_their_target() -> None:
    records = Records()
    for name, secret in (("a", "shared"), ("b", "shared"), ("c", "own")):
        records.observe(body(name=name, uid=name, target={"secretName": secret}), boot=5.0)
    records.observe(body(name="d", uid="d", clientId=None), boot=5.0)
    found = [record.key.name for record in records.targeting("clinic", "shared")]
    assert found == ["a", "b"]
    assert records.targeting("elsewhere", "shared") == []


def test_the_index_of_targets_follows_changes_and_deletions() -> None:
    records = Records()
    known(records)
    records.observe(body(2, generation=2, target={"secretName": "other"}), boot=9.0)
    assert records.targeting("clinic", "ehr-token") == []
    assert len(records.targeting("clinic", "other")) == 1
    records.observe(body(3, generation=3, clientId=None), boot=9.0)
    assert records.targeting("clinic", "other") == []
    records.observe(body(4, generation=4), boot=9.0)
    records.forget(EHR)
    records.forget(EHR)
    assert records.targeting("clinic", "ehr-token") == []
    assert len(records) == 0


def test_records_may_be_forgotten_while_they_are_walked() -> None:
    records = Records()
    for name in "abc":
        records.observe(body(name=name, uid=name), boot=5.0)
    for record in records:
        records.forget(record.key)
    assert len(records) == 0


@pytest.mark.parametrize(
    ("version", "than", "newer"),
    [
        pytest.param("10", "9", True, id="versions are numbers, not text"),
        pytest.param("9", "10", False, id="a smaller number is older"),
        pytest.param("9", "9", False, id="the same is not newer"),
        pytest.param("9", None, True, id="anything is newer than nothing"),
        pytest.param(None, None, False, id="nothing is not newer than nothing"),
        pytest.param(None, "9", False, id="nothing is newer than nothing else"),
        pytest.param("a", "b", True, id="what is no number is news when it differs"),
        pytest.param("a", "a", False, id="what is no number is no news when it is the same"),
    ],
)
def test_which_resource_version_is_newer(
    version: str | None, than: str | None, newer: bool
) -> None:
    assert is_newer(version, than) is newer


def test_a_record_shows_neither_token_nor_key() -> None:
    record = known(Records())
    record.token = replace(token(), value="the-token")
    assert "the-token" not in repr(record)
