"""The Data Model, legacy keys and the Platform API: which token opens which."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.keys import client_entry, jwk
from tests.unit.sandbox_redox.builders import CLIENT, KEY_ID, Served, bearer, served

LEGACY = {"apiKey": "legacy-1", "secret": "legacy-secret"}
QUERY = {"DataModel": "PatientSearch", "EventType": "Query"}


@pytest.fixture
async def redox(tmp_path: Path) -> AsyncIterator[Served]:
    clients = (
        client_entry(CLIENT, jwk(kid=KEY_ID)),
        client_entry("user-1", jwk(kid=KEY_ID), userLevel=True),
    )
    async with served(tmp_path, *clients, legacy_keys=[LEGACY]) as sandbox:
        yield sandbox


async def send(redox: Served, message: Any, token: str | None = None) -> httpx.Response:
    headers = bearer(token or await redox.token())
    return await redox.client.post(redox.sandbox.data_model_url, json=message, headers=headers)


async def legacy(redox: Served, path: str, body: Any) -> httpx.Response:
    base = redox.sandbox.token_url.removesuffix("/v2/auth/token")
    return await redox.client.post(f"{base}/auth/{path}", json=body)


async def environments(redox: Served, token: str | None) -> httpx.Response:
    base = redox.sandbox.token_url.removesuffix("/v2/auth/token")
    url = f"{base}/platform/v1/organizations/7/environments"
    return await redox.client.get(url, headers=bearer(token))


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        pytest.param({"Identifiers": [{"ID": "MRN-000003"}]}, "Cleo", id="by identifier"),
        pytest.param(
            {"Demographics": {"FirstName": "Ada", "LastName": "Example", "DOB": "1970-01-01"}},
            "Ada",
            id="by demographics",
        ),
        pytest.param(
            {"Demographics": {"FirstName": "Ada", "DOB": "1999-01-01"}}, None, id="nobody"
        ),
        pytest.param({"Demographics": {"FirstName": 7}}, None, id="a number as name"),
        pytest.param({"Identifiers": [7]}, None, id="a number as identifier"),
        pytest.param({}, None, id="by nothing"),
    ],
)
async def test_a_patient_search_finds_one_or_nobody(
    redox: Served, patient: dict[str, Any], expected: str | None
) -> None:
    response = await send(redox, {"Meta": QUERY, "Patient": patient})

    assert response.status_code == 200
    body = response.json()
    assert body["Meta"]["EventType"] == "Response"
    assert body["PotentialMatches"] == []
    found = body["Patient"]
    assert (found and found["Demographics"]["FirstName"]) == expected


async def test_a_patient_search_that_fits_several_returns_them_as_potential(redox: Served) -> None:
    patient = {"Demographics": {"LastName": "Example"}}

    body = (await send(redox, {"Meta": QUERY, "Patient": patient})).json()

    assert body["Patient"] is None
    names = [match["Demographics"]["FirstName"] for match in body["PotentialMatches"]]
    assert names == ["Ada", "Ben"]


async def test_a_message_is_accepted_with_an_id(redox: Served) -> None:
    meta = {"DataModel": "PatientAdmin", "EventType": "NewPatient"}

    body = (await send(redox, {"Meta": meta, "Patient": {"Identifiers": []}})).json()

    assert body["Meta"]["Message"]["ID"] > 0
    assert body["Meta"]["Logs"][0]["ID"]
    assert meta.items() <= body["Meta"].items()


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        pytest.param([], "not a JSON object", id="a list"),
        pytest.param({}, "Required field missing - Meta", id="no Meta"),
        pytest.param({"Meta": {"DataModel": "Order"}}, "Meta.EventType", id="no EventType"),
        pytest.param({"Meta": {"EventType": "New"}}, "Meta.DataModel", id="no DataModel"),
        pytest.param(
            {"Meta": {"DataModel": "Weather", "EventType": "New"}}, "known data model", id="unknown"
        ),
        pytest.param({"Meta": QUERY}, "Patient in PatientSearch:Query", id="no Patient"),
    ],
)
async def test_a_faulty_message_is_a_400_with_its_detail(
    redox: Served, message: Any, detail: str
) -> None:
    response = await send(redox, message)

    assert response.status_code == 400
    body = response.json()
    assert detail in body["errorDetail"]
    assert body["Meta"]["Errors"][0]["Text"] == body["errorDetail"]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(b"{}", "text/plain"), (b"{", "application/json")],
)
async def test_what_is_not_json_is_a_400(redox: Served, content: bytes, content_type: str) -> None:
    headers = {**bearer(await redox.token()), "Content-Type": content_type}

    response = await redox.client.post(
        redox.sandbox.data_model_url, content=content, headers=headers
    )

    assert response.status_code == 400
    assert "JSON" in response.json()["errorDetail"] or "json" in response.json()["errorDetail"]


async def test_a_legacy_key_gets_a_token_of_24_hours(redox: Served) -> None:
    body = (await legacy(redox, "authenticate", LEGACY)).json()

    assert body["expires"] == "2027-01-16T08:00:00.000Z"
    message = {"Meta": {"DataModel": "Order", "EventType": "New"}}
    assert (await send(redox, message, body["accessToken"])).status_code == 200
    redox.clock.advance(24 * 3600)
    assert (await send(redox, message, body["accessToken"])).status_code == 401


async def test_a_legacy_token_is_refreshed_by_its_refresh_token(redox: Served) -> None:
    first = (await legacy(redox, "authenticate", LEGACY)).json()
    fields = {"apiKey": "legacy-1", "refreshToken": first["refreshToken"]}

    second = await legacy(redox, "refreshToken", fields)

    assert second.status_code == 200
    assert second.json()["accessToken"] != first["accessToken"]


@pytest.mark.parametrize(
    ("path", "fields", "status", "sentence"),
    [
        pytest.param(
            *("authenticate", {**LEGACY, "apiKey": "x"}, 401, "This source is not authorized."),
            id="an unknown key",
        ),
        pytest.param(
            *("authenticate", {**LEGACY, "secret": "x"}, 401, "Invalid source secret"),
            id="a wrong secret",
        ),
        pytest.param(*("authenticate", {"apiKey": 7}, 400, "apiKey and secret"), id="no secret"),
        pytest.param(*("authenticate", [], 400, "Send JSON"), id="a list"),
        pytest.param(
            *("refreshToken", {"apiKey": "legacy-1", "refreshToken": "x"}, 401, "not authorized"),
            id="never authenticated",
        ),
    ],
)
async def test_a_legacy_key_that_is_not_good_is_refused(
    redox: Served, path: str, fields: Any, status: int, sentence: str
) -> None:
    response = await legacy(redox, path, fields)

    assert response.status_code == status
    assert sentence in response.text


async def test_a_legacy_request_that_is_not_json_is_refused(redox: Served) -> None:
    base = redox.sandbox.token_url.removesuffix("/v2/auth/token")

    response = await redox.client.post(f"{base}/auth/authenticate", content=b"{")

    assert (response.status_code, "Send JSON" in response.text) == (400, True)


async def test_a_wrong_refresh_token_is_refused(redox: Served) -> None:
    await legacy(redox, "authenticate", LEGACY)

    response = await legacy(redox, "refreshToken", {"apiKey": "legacy-1", "refreshToken": "x"})

    assert (response.status_code, response.text) == (401, "Invalid refresh token")


async def test_a_user_level_token_opens_the_platform_api(redox: Served) -> None:
    response = await environments(redox, await redox.token(client_id="user-1"))

    body = response.json()
    assert body["meta"] == {"version": "1.0.0"}
    flags = [entry["environmentFlag"] for entry in body["payload"]["environments"]]
    assert flags == ["Development", "Staging", "Production"]


@pytest.mark.parametrize(
    ("kind", "api", "sentence"),
    [
        pytest.param("user-1", "fhir", "this API needs an API key", id="user-level at FHIR"),
        pytest.param("user-1", "data-model", "needs an API key", id="user-level at the Data Model"),
        pytest.param("legacy", "fhir", "needs an OAuth API key", id="legacy at FHIR"),
        pytest.param("legacy", "platform", "needs", id="legacy at the Platform API"),
        pytest.param(
            CLIENT, "platform", "needs a user-level API key", id="API key at the Platform"
        ),
    ],
)
async def test_a_token_of_the_wrong_kind_is_forbidden_with_a_sentence(
    redox: Served, kind: str, api: str, sentence: str
) -> None:
    if kind == "legacy":
        token = (await legacy(redox, "authenticate", LEGACY)).json()["accessToken"]
    else:
        token = await redox.token(client_id=kind)

    response = await {
        "fhir": lambda: redox.patients(token),
        "data-model": lambda: send(redox, {}, token),
        "platform": lambda: environments(redox, token),
    }[api]()

    assert response.status_code == 403
    assert sentence in response.text
    assert (await redox.stats())["resourceCalls"][api] == {"wrong-kind": 1}


async def test_the_platform_api_is_closed_without_a_token(redox: Served) -> None:
    assert (await environments(redox, None)).status_code == 401
