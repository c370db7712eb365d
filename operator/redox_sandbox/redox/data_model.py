"""The Data Model API: `POST /endpoint`, for tokens of OAuth and legacy API keys."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from .bearer import demand
from .patients import Patient, search
from .state import STATE
from .tokens import Kind

_DATA_MODELS = frozenset(
    (
        *("Claim", "ClinicalDecisions", "ClinicalSummary", "Device", "Financial", "Flowsheet"),
        *("Inventory", "Media", "Medications", "Notes", "Order", "Organization", "PatientAdmin"),
        *("PatientEducation", "PatientSearch", "Provider", "Referral", "Research", "Results"),
        *("Scheduling", "SSO", "SurgicalScheduling", "Vaccination"),
    )
)
_OF_A_PATIENT = frozenset(("PatientAdmin", "PatientSearch"))


class _Incomplete(ValueError):
    """A message without what its data model needs."""


def routes() -> list[web.RouteDef]:
    """The routes of this API."""
    return [web.post("/endpoint", _receive)]


async def _receive(request: web.Request) -> web.Response:
    demand(request, Kind.API_KEY, Kind.LEGACY)
    try:
        message = _message(request.content_type, await request.read())
    except _Incomplete as error:
        text = str(error)
        problem = {"ID": _number(), "Text": text, "Type": "message", "Module": "DataModels"}
        return web.json_response({"errorDetail": text, "Meta": {"Errors": [problem]}}, status=400)
    meta = message["Meta"]
    answer: dict[str, Any] = {
        "Meta": {
            "DataModel": meta["DataModel"],
            "EventType": meta["EventType"],
            "EventDateTime": _timestamp(request.app[STATE].clock.now()),
            "Test": True,
            "Message": {"ID": _number()},
            "Logs": [{"ID": str(uuid.uuid4()), "AttemptID": str(uuid.uuid4())}],
        }
    }
    if (meta["DataModel"], meta["EventType"]) == ("PatientSearch", "Query"):
        answer["Meta"]["EventType"] = "Response"
        found = [_patient(patient) for patient in _find(message["Patient"])]
        answer["Patient"] = found[0] if len(found) == 1 else None
        answer["PotentialMatches"] = found if len(found) > 1 else []
    return web.json_response(answer)


def _message(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type != "application/json":
        raise _Incomplete("Content-Type must be application/json")
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise _Incomplete("The request body is not JSON") from None
    if not isinstance(message, dict):
        raise _Incomplete("The request body is not a JSON object")
    meta = message.get("Meta")
    if not isinstance(meta, dict):
        raise _Incomplete("Required field missing - Meta")
    for name in ("DataModel", "EventType"):
        if not isinstance(meta.get(name), str) or not meta[name]:
            raise _Incomplete(f"Required field missing - Meta.{name}")
    if meta["DataModel"] not in _DATA_MODELS:
        raise _Incomplete("Meta.DataModel is not a known data model")
    if meta["DataModel"] in _OF_A_PATIENT and not isinstance(message.get("Patient"), dict):
        raise _Incomplete(
            f"Required field missing - Patient in {meta['DataModel']}:{meta['EventType'][:64]}"
        )
    return message


def _find(patient: Mapping[str, Any]) -> list[Patient]:
    """By identifier when there is one, else by demographics; nobody when neither says anything."""
    identifiers = patient.get("Identifiers")
    demographics = patient.get("Demographics")
    parameters: list[tuple[str, str]] = []
    if isinstance(identifiers, list) and identifiers:
        values = [entry.get("ID") for entry in identifiers if isinstance(entry, dict)]
        parameters = [("identifier", str(values[0]))] if values else []
    elif isinstance(demographics, dict):
        names = {"LastName": "family", "FirstName": "given"}
        parameters = [
            (f"{ours}:exact", demographics[theirs])
            for theirs, ours in names.items()
            if isinstance(demographics.get(theirs), str)
        ]
    found = search(parameters) if parameters else []
    born = demographics.get("DOB") if isinstance(demographics, dict) else None
    return [patient for patient in found if born in (None, patient.birth_date)]


def _patient(patient: Patient) -> dict[str, Any]:
    return {
        "Identifiers": [{"ID": patient.mrn, "IDType": "MR"}],
        "Demographics": {
            "FirstName": patient.given,
            "LastName": patient.family,
            "DOB": patient.birth_date,
            "Sex": patient.gender.capitalize(),
        },
    }


def _number() -> int:
    return uuid.uuid4().int % 1_000_000_000


def _timestamp(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")
