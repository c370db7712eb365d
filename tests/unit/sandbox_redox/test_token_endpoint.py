"""`POST /v2/auth/token` over TLS, and the log of what it was asked."""

from __future__ import annotations

import asyncio
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.keys import client_entry, ec_pem, jwk, rsa_pem
from tests.unit.sandbox_redox.builders import CLIENT, KEY_ID, NOW, Served, form, served

BLANK = {"error": "invalid_request", "error_description": ""}


async def test_a_token_is_issued_as_rfc_6749_says(redox: Served) -> None:
    response = await redox.request()

    assert response.status_code == 200
    body = response.json()
    assert len(body.pop("access_token")) >= 43
    assert body == {"token_type": "Bearer", "expires_in": 300, "scope": ""}
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Type"].startswith("application/json")
    assert parsedate_to_datetime(response.headers["Date"]).timestamp() == NOW


async def test_a_requested_scope_comes_back(redox: Served) -> None:
    fields = form(redox.assertion(), scope="system/*.read")

    response = await redox.client.post(redox.sandbox.token_url, data=fields)

    assert response.json()["scope"] == "system/*.read"


async def test_two_tokens_of_one_client_live_side_by_side(redox: Served) -> None:
    tokens = [await redox.token(), await redox.token()]

    assert [(await redox.patients(token)).status_code for token in tokens] == [200, 200]


async def test_a_new_token_kills_the_earlier_ones_when_asked_to(tmp_path: Path) -> None:
    async with served(tmp_path, revoke_earlier=True) as redox:
        earlier, later = await redox.token(), await redox.token()

        assert (await redox.patients(earlier)).status_code == 401
        assert (await redox.patients(later)).status_code == 200
        assert (await redox.stats())["resourceCalls"]["fhir"] == {"revoked": 1, "ok": 1}


async def test_a_repeated_jti_is_refused_without_a_word(redox: Served) -> None:
    fields = form(redox.assertion())
    first = await redox.client.post(redox.sandbox.token_url, data=fields)

    second = await redox.client.post(redox.sandbox.token_url, data=fields)

    assert (first.status_code, second.status_code) == (200, 400)
    assert BLANK.items() <= second.json().items()
    assert [entry["reason"] for entry in await redox.log()] == ["", "jti was used before"]
    assert (await redox.stats())["repeatedJti"] == 1


async def test_of_one_assertion_sent_many_times_at_once_one_is_accepted(redox: Served) -> None:
    fields = form(redox.assertion())

    responses = await asyncio.gather(
        *(redox.client.post(redox.sandbox.token_url, data=fields) for _ in range(10))
    )

    assert sorted(response.status_code for response in responses) == [200] + [400] * 9


async def test_a_refused_assertion_does_not_use_its_jti_up(redox: Served) -> None:
    refused = await redox.request(claims={"jti": "once", "aud": "https://elsewhere.example"})

    accepted = await redox.request(claims={"jti": "once"})

    assert (refused.status_code, accepted.status_code) == (400, 200)


@pytest.mark.parametrize(
    ("fields", "headers", "description"),
    [
        pytest.param({"grant_type": None}, {}, "Missing grant_type parameter", id="a faulty form"),
        pytest.param({"client_assertion": "a.b.c"}, {}, "", id="a faulty assertion"),
        pytest.param({}, {"Authorization": "Basic YTpi"}, "", id="a second authentication"),
        pytest.param(
            {"client_id": "app-2"},
            {},
            "Public key not found, check client_id, kid and Redox dashboard settings",
            id="a client_id that is not iss",
        ),
        pytest.param(
            {},
            {"Content-Type": "application/json"},
            "x-www-form-urlencoded content-type required",
            id="another content type",
        ),
    ],
)
async def test_a_refusal_is_a_400_that_nobody_may_store(
    redox: Served, fields: dict[str, Any], headers: dict[str, str], description: str
) -> None:
    response = await redox.client.post(
        redox.sandbox.token_url, data=form(redox.assertion(), **fields), headers=headers
    )

    assert response.status_code == 400
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json() == {
        "error": "invalid_request",
        "error_description": description,
        "error_uri": "https://docs.redoxengine.com/permalink/7sEi7MTFssZ1JuHpUYLeYJ",
    }


async def test_parameters_in_the_address_do_not_count(redox: Served) -> None:
    response = await redox.client.post(
        redox.sandbox.token_url, params=form(redox.assertion()), data={"x": "y"}
    )

    assert response.json()["error_description"] == "Missing grant_type parameter"


async def test_an_unknown_client_is_told_what_redox_tells(redox: Served) -> None:
    response = await redox.request(client_id="app-2")

    assert response.json()["error_description"].startswith("Public key not found")
    stats = await redox.stats()
    assert (stats["clients"], stats["totals"]) == ({}, {"refused": 1})


async def test_a_published_key_heals_a_client_at_the_next_request(redox: Served) -> None:
    new = jwk("P-384", kid="new")
    signing = {"key": new, "header": {"kid": "new", "alg": "ES384"}}
    before = await redox.request(**signing)

    redox.set_clients(client_entry(CLIENT, jwk(kid=KEY_ID), new))

    assert (before.status_code, (await redox.request(**signing)).status_code) == (400, 200)


async def test_a_faulty_clients_file_keeps_the_clients_and_is_reported(redox: Served) -> None:
    redox.clients_file.write_text("clients: [")

    assert (await redox.request()).status_code == 200
    assert len(redox.reports) == 1
    assert "not YAML" in redox.reports[0]


async def test_keys_of_pem_files_are_known_by_their_thumbprint(tmp_path: Path) -> None:
    entry = client_entry(CLIENT, rsa_pem(), ec_pem("P-384"))
    async with served(tmp_path, entry) as redox:
        key_ids = [key["kid"] for key in entry["jwks"]["keys"]]

        one = await redox.request(header={"kid": key_ids[0]})
        two = await redox.request(key=jwk("P-384"), header={"kid": key_ids[1], "alg": "ES384"})

        assert (one.status_code, two.status_code) == (200, 200)


async def test_other_methods_are_not_served(redox: Served) -> None:
    response = await redox.client.get(redox.sandbox.token_url)

    assert response.status_code == 405
    assert await redox.log() == []


async def test_an_endless_request_is_cut_off(redox: Served) -> None:
    response = await redox.client.post(redox.sandbox.token_url, data={"x": "y" * 300_000})

    assert response.status_code == 413


async def test_the_log_names_what_was_asked_and_never_what_was_shown(redox: Served) -> None:
    text, elsewhere = redox.assertion(claims={"jti": "one"}), {"aud": "https://elsewhere.example"}
    token = (await redox.client.post(redox.sandbox.token_url, data=form(text))).json()
    await redox.request(claims={"jti": "two", **elsewhere})

    log = await redox.log()

    common = {"clientId": CLIENT, "kid": KEY_ID, "time": NOW}
    assert log == [
        {**common, "jti": "one", "outcome": "issued", "reason": ""},
        {**common, "jti": "two", "outcome": "refused", "reason": "aud is not the token URL"},
    ]
    shown = str(log) + str(await redox.stats())
    assert token["access_token"] not in shown
    assert not [segment for segment in text.split(".") if segment in shown]


async def test_the_rate_limit_answers_429_with_its_header(tmp_path: Path) -> None:
    async with served(tmp_path, rate_limit=2) as redox:
        token = await redox.token()
        calls = [await redox.patients(token), await redox.request(), await redox.patients(token)]

        assert [call.status_code for call in calls] == [200, 429, 429]
        assert calls[1].headers["X-RateLimit-Limit"] == "2"
        assert "Retry-After" not in calls[1].headers
        assert (await redox.stats())["clients"][CLIENT] == {"issued": 1, "limited": 1}

        redox.clock.advance(300)

        assert (await redox.request()).status_code == 200


@pytest.mark.parametrize(
    ("live", "seconds"),
    [pytest.param(200, 299.5, id="before its end"), pytest.param(401, 300, id="at its end")],
)
async def test_a_token_dies_at_the_end_of_its_life(
    redox: Served, live: int, seconds: float
) -> None:
    token = await redox.token()

    redox.clock.advance(seconds)

    assert (await redox.patients(token)).status_code == live
    assert (await redox.stats())["liveTokens"] == (1 if live == 200 else 0)


@pytest.mark.parametrize("header", [None, "Bearer dead", "Bearer", "Basic YTpi", "dead"])
async def test_without_a_live_token_a_call_is_401_with_redox_s_sentence(
    redox: Served, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}

    response = await redox.client.post(redox.sandbox.data_model_url, headers=headers)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert "efresh or regenerate your access token and try again" in response.text
