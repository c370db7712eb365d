"""FHIR R4: read and search of `Patient`, for tokens of OAuth API keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from .bearer import Denied, demand
from .patients import BY_ID, MRN_SYSTEM, PATIENTS, SEARCH_PARAMETERS, Patient, SearchInvalid, search
from .state import STATE
from .tokens import Kind

ENVIRONMENTS = ("Development", "Staging", "Production")
MEDIA_TYPE = "application/fhir+json"
_BASE = "/fhir/R4/{organization}/{environment}"
_MAX_COUNT = 100


def routes() -> list[web.RouteDef]:
    """The routes of this API."""
    return [
        web.get(_BASE + "/metadata", _metadata),
        web.get(_BASE + "/Patient", _search),
        web.post(_BASE + "/Patient/_search", _search),
        web.get(_BASE + "/Patient/{id}", _read),
    ]


def denied(reason: Denied) -> web.Response:
    """The answer to a call that is not allowed."""
    code = "login" if reason.status == 401 else "forbidden"
    return _problem(reason.status, code, reason.sentence, reason.headers)


def not_served(status: int = 404) -> web.Response:
    """The answer to a path or method that is not served."""
    where = f"/fhir/R4/<organization>/<{'|'.join(ENVIRONMENTS)}>/"
    what = "GET Patient, Patient/<id> or metadata, or POST Patient/_search"
    return _problem(status, "not-supported", f"Not served here: {what}, under {where}.")


async def _metadata(request: web.Request) -> web.Response:
    demand(request, Kind.API_KEY)
    if request.match_info["environment"] not in ENVIRONMENTS:
        return not_served()
    parameters = [{"name": name, "type": kind} for name, kind in SEARCH_PARAMETERS.items()]
    patient = {
        "type": "Patient",
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": parameters,
    }
    return _answer(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": "2026-01-01",
            "kind": "instance",
            "implementation": {"description": "redox-sandbox", "url": _base_url(request)},
            "fhirVersion": "4.0.1",
            "format": ["json"],
            "rest": [{"mode": "server", "resource": [patient]}],
        }
    )


async def _read(request: web.Request) -> web.Response:
    demand(request, Kind.API_KEY)
    if request.match_info["environment"] not in ENVIRONMENTS:
        return not_served()
    patient = BY_ID.get(request.match_info["id"])
    if patient is None:
        return _problem(404, "not-found", f"There is no such Patient: try {PATIENTS[0].id}.")
    return _answer(resource(patient))


async def _search(request: web.Request) -> web.Response:
    demand(request, Kind.API_KEY)
    if request.match_info["environment"] not in ENVIRONMENTS:
        return not_served()
    parameters = list(request.query.items())
    if request.method == "POST":
        if request.content_type != "application/x-www-form-urlencoded":
            return _problem(415, "not-supported", "Send a form to _search.")
        parameters += parse_qsl((await request.read()).decode("utf-8", "replace"))
    try:
        found = search(parameters)
        count, offset = _number(parameters, "_count", _MAX_COUNT), _number(parameters, "_offset", 0)
    except SearchInvalid as error:
        return _problem(400, "invalid", f"{error}.")
    return _answer(_bundle(_base_url(request), parameters, found, count, offset))


def resource(patient: Patient) -> dict[str, Any]:
    """The FHIR resource of a patient."""
    return {
        "resourceType": "Patient",
        "id": patient.id,
        "identifier": [{"system": MRN_SYSTEM, "value": patient.mrn}],
        "name": [{"use": "official", "family": patient.family, "given": [patient.given]}],
        "gender": patient.gender,
        "birthDate": patient.birth_date,
    }


def _bundle(
    base_url: str,
    parameters: Sequence[tuple[str, str]],
    found: Sequence[Patient],
    count: int,
    offset: int,
) -> dict[str, Any]:
    kept = [
        (name, value) for name, value in parameters if name.partition(":")[0] in SEARCH_PARAMETERS
    ]
    links = [{"relation": "self", "url": _link(base_url, [*kept, ("_count", str(count))], offset)}]
    if 0 < count < len(found) - offset:
        following = _link(base_url, [*kept, ("_count", str(count))], offset + count)
        links.append({"relation": "next", "url": following})
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "link": links,
        "entry": [
            {
                "fullUrl": f"{base_url}/Patient/{patient.id}",
                "resource": resource(patient),
                "search": {"mode": "match"},
            }
            for patient in found[offset : offset + count]
        ],
    }


def _link(base_url: str, parameters: list[tuple[str, str]], offset: int) -> str:
    more = [("_offset", str(offset))] if offset else []
    return f"{base_url}/Patient?{urlencode([*parameters, *more])}"


def _number(parameters: Sequence[tuple[str, str]], name: str, default: int) -> int:
    text = dict(parameters).get(name, str(default))
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise SearchInvalid(f"{name}: write a whole number")
    return int(text)


def _base_url(request: web.Request) -> str:
    part = request.match_info
    base = request.app[STATE].base_url
    return f"{base}/fhir/R4/{part['organization']}/{part['environment']}"


def _problem(
    status: int, code: str, text: str, headers: dict[str, str] | None = None
) -> web.Response:
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return _answer({"resourceType": "OperationOutcome", "issue": [issue]}, status, headers)


def _answer(
    content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(content).encode(),
        content_type=MEDIA_TYPE,
        charset="utf-8",
        headers=headers,
    )
