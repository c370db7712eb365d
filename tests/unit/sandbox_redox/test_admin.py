"""The admin address."""

from __future__ import annotations

import pytest

from tests.unit.sandbox_redox.builders import CLIENT, Served


async def test_faults_are_set_shown_and_ended(redox: Served) -> None:
    rule = {"fault": "hang", "times": 3}

    await redox.set_faults(rule)
    shown = await redox.admin.get("/faults")
    ended = await redox.admin.delete("/faults")

    assert shown.json() == [{**rule, "remaining": 3}]
    assert (ended.status_code, (await redox.admin.get("/faults")).json()) == (204, [])


@pytest.mark.parametrize(
    ("method", "path", "content", "sentence"),
    [
        pytest.param("PUT", "/faults", "{", "send JSON", id="no JSON"),
        pytest.param("PUT", "/faults", '[{"fault": "x"}]', "`fault` is one of", id="no fault"),
        pytest.param("POST", "/tokens/revoke", "[]", 'send {"clientId": "…"}', id="no client"),
        pytest.param("PUT", "/settings", "[]", "send an object", id="a list of settings"),
        pytest.param("PUT", "/settings", '{"x": 1}', "known are", id="an unknown setting"),
        pytest.param("PUT", "/settings", '{"tokenLifetime": 0}', "above 0", id="no lifetime"),
        pytest.param("PUT", "/settings", '{"tokenLifetime": "9"}', "known are", id="a text"),
        pytest.param("PUT", "/settings", '{"revokeEarlier": 1}', "true or false", id="a number"),
    ],
)
async def test_a_faulty_call_is_refused_with_a_sentence(
    redox: Served, method: str, path: str, content: str, sentence: str
) -> None:
    response = await redox.admin.request(method, path, content=content)

    assert response.status_code == 400
    assert sentence in response.json()["error"]


async def test_the_lifetime_of_new_tokens_changes_at_once(redox: Served) -> None:
    earlier = await redox.token()

    response = await redox.admin.put("/settings", json={"tokenLifetime": 60})
    later = await redox.request()

    assert response.json() == {"tokenLifetime": 60, "revokeEarlier": False, "rateLimit": 0}
    assert later.json()["expires_in"] == 60
    redox.clock.advance(60)
    assert (await redox.patients(later.json()["access_token"])).status_code == 401
    assert (await redox.patients(earlier)).status_code == 200


async def test_a_client_s_tokens_are_revoked(redox: Served) -> None:
    token = await redox.token()

    response = await redox.admin.post("/tokens/revoke", json={"clientId": CLIENT})

    assert response.json() == {"revoked": 1}
    assert (await redox.patients(token)).status_code == 401
    assert (await redox.stats())["liveTokens"] == 0


async def test_totals_say_who_got_what(redox: Served) -> None:
    await redox.request()
    await redox.request(claims={"aud": "https://elsewhere.example"})
    await redox.set_faults({"fault": "garbage"})
    await redox.request()

    stats = await redox.stats()

    counts = {"issued": 1, "refused": 1, "fault": 1}
    assert stats == {
        "clients": {CLIENT: counts},
        "totals": counts,
        "repeatedJti": 0,
        "resourceCalls": {},
        "redirectsFollowed": 0,
        "liveTokens": 1,
    }
    assert (await redox.admin.get("/requests")).json()["counts"] == counts


async def test_forgetting_the_log_does_not_forget_a_used_jti(redox: Served) -> None:
    await redox.request(claims={"jti": "once"})

    await redox.admin.delete("/requests")

    assert await redox.log() == []
    assert (await redox.stats())["totals"] == {}
    assert (await redox.request(claims={"jti": "once"})).status_code == 400


async def test_web_pages_are_kept_out(redox: Served) -> None:
    response = await redox.admin.get("/stats", headers={"Origin": "https://page.example"})

    assert response.status_code == 403
