"""The search that FHIR and the Data Model share."""

from __future__ import annotations

import pytest

from redox_sandbox.redox.patients import MRN_SYSTEM, PATIENTS, SearchInvalid, search


@pytest.mark.parametrize(
    ("parameters", "given_names"),
    [
        pytest.param([("family", "exam")], ["Ada", "Ben"], id="the beginning of a family name"),
        pytest.param([("family:exact", "Exam")], [], id="an exact family name"),
        pytest.param([("given", "ada,GIA")], ["Ada", "Gia"], id="one of two names"),
        pytest.param([("family", "sample"), ("given", "dan")], ["Dan"], id="both"),
        pytest.param([("_id", "example-3")], ["Cleo"], id="an id"),
        pytest.param([("gender", "male")], ["Ben", "Dan", "Finn"], id="a gender"),
        pytest.param([("identifier", "MRN-000004")], ["Dan"], id="a number"),
        pytest.param([("identifier", f"{MRN_SYSTEM}|MRN-000004")], ["Dan"], id="system and number"),
        pytest.param([("identifier", "urn:other|MRN-000004")], [], id="another system"),
        pytest.param([("identifier", "|MRN-000004")], [], id="without a system"),
        pytest.param([("birthdate", "1970-01-01")], ["Ada"], id="a date"),
        pytest.param([("birthdate", "1982")], ["Cleo"], id="a year"),
        pytest.param([("birthdate", "ge1983-04")], ["Dan", "Eve", "Finn", "Gia", "Hal"], id="from"),
        pytest.param([("birthdate", "gt2006")], ["Hal"], id="after a year"),
        pytest.param([("birthdate", "lt1971"), ("given", "a")], ["Ada"], id="before"),
        pytest.param([("birthdate", "le1971")], ["Ada", "Ben"], id="up to a year"),
        pytest.param([("birthdate", "ne1970"), ("family", "exa")], ["Ben"], id="not in a year"),
        pytest.param([("shoe-size", "43"), ("given", "hal")], ["Hal"], id="an unknown parameter"),
    ],
)
def test_search_finds(parameters: list[tuple[str, str]], given_names: list[str]) -> None:
    assert [patient.given for patient in search(parameters)] == given_names


def test_a_search_for_a_system_finds_all_of_it() -> None:
    assert search([("identifier", f"{MRN_SYSTEM}|")]) == list(PATIENTS)


@pytest.mark.parametrize(
    "parameter",
    [
        pytest.param(("birthdate", "yesterday"), id="no date"),
        pytest.param(("birthdate", "ap1970"), id="an unknown prefix"),
        pytest.param(("family:phonetic", "x"), id="an unknown modifier"),
        pytest.param(("_id:exact", "x"), id="a modifier for texts"),
    ],
)
def test_what_cannot_be_followed_is_refused(parameter: tuple[str, str]) -> None:
    with pytest.raises(SearchInvalid):
        search([parameter])


def test_every_patient_is_visibly_invented() -> None:
    families = {patient.family for patient in PATIENTS}

    assert families == {"Example", "Sample", "Specimen", "Placeholder"}
    assert len({patient.id for patient in PATIENTS}) == len(PATIENTS)
