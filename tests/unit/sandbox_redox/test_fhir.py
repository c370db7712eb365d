"""FHIR R4 as an application meets it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox_redox.builders import Served, bearer


def given(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["name"][0]["given"][0] for entry in bundle["entry"]]


async def test_a_patient_is_read(redox: Served) -> None:
    response = await redox.patients(await redox.token(), "/Patient/example-1")

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("application/fhir+json")
    assert response.json() == {
        "resourceType": "Patient",
        "id": "example-1",
        "identifier": [{"system": "urn:oid:2.999.1", "value": "MRN-000001"}],
        "name": [{"use": "official", "family": "Example", "given": ["Ada"]}],
        "gender": "female",
        "birthDate": "1970-01-01",
    }


async def test_a_search_by_address_returns_a_searchset(redox: Served) -> None:
    response = await redox.patients(await redox.token(), "/Patient?family=sample&birthdate=ge1983")

    bundle = response.json()
    base = redox.sandbox.fhir_base_url
    assert (bundle["resourceType"], bundle["type"], bundle["total"]) == ("Bundle", "searchset", 1)
    assert given(bundle) == ["Dan"]
    assert bundle["entry"][0]["fullUrl"] == f"{base}/Patient/example-4"
    assert bundle["entry"][0]["search"] == {"mode": "match"}
    assert bundle["link"][0]["relation"] == "self"


async def test_a_search_by_form_adds_to_that_of_the_address(redox: Served) -> None:
    response = await redox.client.post(
        redox.sandbox.fhir_base_url + "/Patient/_search?family=example",
        data={"given": "ben"},
        headers=bearer(await redox.token()),
    )

    assert given(response.json()) == ["Ben"]


async def test_pages_follow_one_another_to_the_end(redox: Served) -> None:
    headers, found, pages = bearer(await redox.token()), list[str](), 0
    url: str | None = redox.sandbox.fhir_base_url + "/Patient?_count=3"

    while url is not None:
        bundle = (await redox.client.get(url, headers=headers)).json()
        assert bundle["total"] == 8
        found, pages = found + given(bundle), pages + 1
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)

    assert found == ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gia", "Hal"]
    assert pages == 3


async def test_a_count_of_zero_returns_the_total_only(redox: Served) -> None:
    bundle = (await redox.patients(await redox.token(), "/Patient?_count=0")).json()

    assert (bundle["total"], bundle["entry"]) == (8, [])


async def test_the_capability_statement_lists_what_is_served(redox: Served) -> None:
    statement = (await redox.patients(await redox.token(), "/metadata")).json()

    assert statement["fhirVersion"] == "4.0.1"
    (patient,) = statement["rest"][0]["resource"]
    assert {entry["code"] for entry in patient["interaction"]} == {"read", "search-type"}
    assert "birthdate" in {entry["name"] for entry in patient["searchParam"]}


@pytest.mark.parametrize("environment", ["Development", "Staging", "Production"])
async def test_every_environment_of_any_organization_answers(
    redox: Served, environment: str
) -> None:
    base = redox.sandbox.token_url.removesuffix("/v2/auth/token")
    url = f"{base}/fhir/R4/example-clinic/{environment}/Patient"

    response = await redox.client.get(url, headers=bearer(await redox.token()))

    assert response.json()["entry"][0]["fullUrl"].startswith(url)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        pytest.param("GET", "/Patient/nobody", 404, "not-found", id="an unknown patient"),
        pytest.param("GET", "/Observation", 404, "not-supported", id="another resource"),
        pytest.param("GET", "/../Testing/Patient", 404, "not-supported", id="no environment"),
        pytest.param("GET", "/../Testing/Patient/a", 404, "not-supported", id="read in none"),
        pytest.param("GET", "/../Testing/metadata", 404, "not-supported", id="metadata of none"),
        pytest.param("DELETE", "/Patient/example-1", 405, "not-supported", id="another method"),
        pytest.param("GET", "/Patient?birthdate=soon", 400, "invalid", id="no date"),
        pytest.param("GET", "/Patient?_count=-1", 400, "invalid", id="no count"),
        pytest.param("POST", "/Patient/_search", 415, "not-supported", id="no form"),
    ],
)
async def test_an_error_is_an_operation_outcome(
    redox: Served, method: str, path: str, status: int, code: str
) -> None:
    response = await redox.client.request(
        method, redox.sandbox.fhir_base_url + path, headers=bearer(await redox.token())
    )

    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("application/fhir+json")
    outcome = response.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["code"] == code


@pytest.mark.parametrize("path", ["/Patient", "/Patient/example-1", "/metadata"])
async def test_nothing_is_shown_without_a_token(redox: Served, path: str) -> None:
    response = await redox.patients(None, path)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    issue = response.json()["issue"][0]
    assert issue["code"] == "login"
    assert "efresh or regenerate your access token and try again" in issue["diagnostics"]


async def test_a_dead_token_is_called_invalid(redox: Served) -> None:
    response = await redox.patients("dead")

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


async def test_calls_are_counted_by_outcome(redox: Served) -> None:
    token = await redox.token()
    for path in ("/Patient", "/Patient/nobody"):
        await redox.patients(token, path)
    await redox.patients(None)
    await redox.patients("dead")
    redox.clock.advance(300)
    await redox.patients(token)

    counts = (await redox.stats())["resourceCalls"]["fhir"]

    assert counts == {"ok": 1, "404": 1, "no-token": 1, "unknown": 1, "expired": 1}
