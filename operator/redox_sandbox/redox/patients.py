"""Eight invented patients, and the search over them that FHIR and the Data Model share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MRN_SYSTEM = "urn:oid:2.999.1"
"""The identifier system of the medical record numbers, under the OID arc for examples."""

_DATE = re.compile(r"(eq|ne|gt|lt|ge|le)?(\d{4}(?:-\d{2}(?:-\d{2})?)?)")


class SearchInvalid(ValueError):
    """A search parameter that cannot be followed; the text says what to write."""


@dataclass(frozen=True, slots=True)
class Patient:
    """One invented person; `birth_date` is YYYY-MM-DD."""

    id: str
    family: str
    given: str
    birth_date: str
    gender: str
    mrn: str


PATIENTS = (
    Patient("example-1", "Example", "Ada", "1970-01-01", "female", "MRN-000001"),
    Patient("example-2", "Example", "Ben", "1971-02-02", "male", "MRN-000002"),
    Patient("example-3", "Sample", "Cleo", "1982-03-03", "female", "MRN-000003"),
    Patient("example-4", "Sample", "Dan", "1983-04-04", "male", "MRN-000004"),
    Patient("example-5", "Specimen", "Eve", "1994-05-05", "other", "MRN-000005"),
    Patient("example-6", "Specimen", "Finn", "1995-06-06", "male", "MRN-000006"),
    Patient("example-7", "Placeholder", "Gia", "2006-07-07", "female", "MRN-000007"),
    Patient("example-8", "Placeholder", "Hal", "2017-08-08", "unknown", "MRN-000008"),
)
BY_ID: Mapping[str, Patient] = {patient.id: patient for patient in PATIENTS}


def search(parameters: Iterable[tuple[str, str]]) -> list[Patient]:
    """The patients that match every parameter (FHIR R4 search, §3.1.1).

    Commas within a value mean "or"; unknown parameters are ignored, unknown modifiers are not.
    Raises `SearchInvalid`.
    """
    found: Sequence[Patient] = PATIENTS
    for name, value in parameters:
        code, _, modifier = name.partition(":")
        if code not in _MATCHERS:
            continue
        if modifier and not (modifier == "exact" and code in ("family", "given")):
            raise SearchInvalid(f"{name}: this modifier is not known: leave it out")
        matches = _MATCHERS[code]
        choices = value.split(",")
        found = [
            patient
            for patient in found
            if any(matches(patient, choice, bool(modifier)) for choice in choices)
        ]
    return list(found)


def _matches_text(text: str, value: str, exact: bool) -> bool:
    return text == value if exact else text.lower().startswith(value.lower())


def _matches_family(patient: Patient, value: str, exact: bool) -> bool:
    return _matches_text(patient.family, value, exact)


def _matches_given(patient: Patient, value: str, exact: bool) -> bool:
    return _matches_text(patient.given, value, exact)


def _matches_id(patient: Patient, value: str, _exact: bool) -> bool:
    return patient.id == value


def _matches_gender(patient: Patient, value: str, _exact: bool) -> bool:
    return patient.gender == value


def _matches_identifier(patient: Patient, value: str, _exact: bool) -> bool:
    system, bar, code = value.rpartition("|")
    return (not bar or system == MRN_SYSTEM) and code in (patient.mrn, "" if bar else None)


def _matches_birth_date(patient: Patient, value: str, _exact: bool) -> bool:
    match = _DATE.fullmatch(value)
    if match is None:
        raise SearchInvalid(
            "birthdate: write YYYY, YYYY-MM or YYYY-MM-DD, with eq, ne, gt, lt, ge or le"
        )
    # A date of less precision stands for its whole year or month, so only that much is compared.
    born = patient.birth_date[: len(match[2])]
    return {
        "eq": born == match[2],
        "ne": born != match[2],
        "gt": born > match[2],
        "lt": born < match[2],
        "ge": born >= match[2],
        "le": born <= match[2],
    }[match[1] or "eq"]


_MATCHERS = {
    "_id": _matches_id,
    "birthdate": _matches_birth_date,
    "family": _matches_family,
    "gender": _matches_gender,
    "given": _matches_given,
    "identifier": _matches_identifier,
}
SEARCH_PARAMETERS = {
    "_id": "token",
    "birthdate": "date",
    "family": "string",
    "gender": "token",
    "given": "string",
    "identifier": "token",
}
