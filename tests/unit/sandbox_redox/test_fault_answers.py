"""Every fault as a client meets it on the wire."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from tests.unit.sandbox_redox.builders import CLIENT, NOW, Served, form


async def outcomes(redox: Served) -> list[tuple[str, str]]:
    return [(entry["outcome"], entry["reason"]) for entry in await redox.log()]


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + 5
    while not await condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("rule", "content_type", "text"),
    [
        pytest.param({"status": 503}, "text/plain", "", id="without a body"),
        pytest.param({"status": 500, "body": "oops"}, "text/plain", "oops", id="with a text"),
        pytest.param(
            {"status": 401, "body": {"error": "invalid_client"}},
            "application/json",
            '{"error": "invalid_client"}',
            id="with JSON",
        ),
    ],
)
async def test_a_status_is_answered_as_asked(
    redox: Served, rule: dict[str, Any], content_type: str, text: str
) -> None:
    await redox.set_faults({"fault": "status", **rule})

    response = await redox.request()

    assert (response.status_code, response.text) == (rule["status"], text)
    assert response.headers["Content-Type"].startswith(content_type)
    assert await outcomes(redox) == [("fault", "status")]


async def test_headers_of_a_status_are_sent(redox: Served) -> None:
    headers = {"Retry-After": "7", "Content-Type": "text/html"}
    await redox.set_faults({"fault": "status", "status": 429, "headers": headers, "times": 1})

    limited, issued = await redox.request(), await redox.request()

    assert limited.headers["Retry-After"] == "7"
    assert limited.headers["Content-Type"] == "text/html"
    assert (limited.status_code, issued.status_code) == (429, 200)


async def test_a_hanging_answer_never_comes(redox: Served) -> None:
    await redox.set_faults({"fault": "hang"})

    with pytest.raises(httpx.ReadTimeout):
        await redox.client.post(
            redox.sandbox.token_url,
            data=form(redox.assertion()),
            timeout=httpx.Timeout(5, read=0.1),
        )

    assert await outcomes(redox) == [("fault", "hang")]


async def test_a_reset_breaks_the_connection(redox: Served) -> None:
    await redox.set_faults({"fault": "reset"})

    with pytest.raises(httpx.ReadError):
        await redox.request()


async def test_garbage_is_a_200_that_is_not_json(redox: Served) -> None:
    await redox.set_faults({"fault": "garbage"})

    response = await redox.request()

    assert response.status_code == 200
    with pytest.raises(ValueError, match="Expecting value"):
        response.json()


async def test_a_truncated_answer_ends_before_its_length(redox: Served) -> None:
    await redox.set_faults({"fault": "truncated"})

    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await redox.request()


async def test_a_slow_answer_comes_late_and_is_good(redox: Served) -> None:
    await redox.set_faults({"fault": "slow", "seconds": 0.05})
    started = time.monotonic()

    response = await redox.request()

    assert response.status_code == 200
    assert time.monotonic() - started >= 0.05
    assert await outcomes(redox) == [("issued", "")]


async def test_a_client_that_leaves_a_slow_answer_gets_no_token(redox: Served) -> None:
    await redox.set_faults({"fault": "slow", "seconds": 60})

    with pytest.raises(httpx.ReadTimeout):
        await redox.client.post(
            redox.sandbox.token_url,
            data=form(redox.assertion()),
            timeout=httpx.Timeout(5, read=0.1),
        )

    async def abandoned() -> bool:
        return await outcomes(redox) == [("abandoned", "the client left")]

    await eventually(abandoned)
    assert (await redox.stats())["liveTokens"] == 0


async def test_an_oversized_answer_does_not_end(redox: Served) -> None:
    await redox.set_faults({"fault": "oversized"})
    received = 0

    async with redox.client.stream(
        "POST", redox.sandbox.token_url, data=form(redox.assertion())
    ) as response:
        async for chunk in response.aiter_raw():
            received += len(chunk)
            if received > 4_000_000:
                break

    assert received > 4_000_000


async def test_a_redirect_leads_astray_and_following_it_is_counted(redox: Served) -> None:
    await redox.set_faults({"fault": "redirect"})

    response = await redox.request()
    followed = await redox.client.post(response.headers["Location"], data={"x": "y"})

    assert (response.status_code, followed.status_code) == (307, 404)
    assert (await redox.stats())["redirectsFollowed"] == 1


async def test_a_redirect_goes_where_it_is_told(redox: Served) -> None:
    await redox.set_faults({"fault": "redirect", "status": 302, "location": "https://x.example"})

    response = await redox.request()

    assert (response.status_code, response.headers["Location"]) == (302, "https://x.example")


@pytest.mark.parametrize(
    "value",
    [0, -1, 1.5, "300", 1e9, None, True, [], {}],
    ids=lambda value: f"expires_in {value!r}",
)
async def test_an_odd_lifetime_is_told_while_the_token_lives_as_always(
    redox: Served, value: object
) -> None:
    await redox.set_faults({"fault": "answer", "fields": {"expires_in": value}})

    body = (await redox.request()).json()

    assert body["expires_in"] == value
    assert (await redox.patients(body["access_token"])).status_code == 200
    assert await outcomes(redox) == [("issued", "fault answer")]


@pytest.mark.parametrize("name", ["access_token", "token_type", "expires_in", "scope"])
async def test_a_field_of_the_answer_can_be_left_out(redox: Served, name: str) -> None:
    await redox.set_faults({"fault": "answer", "omit": [name]})

    body = (await redox.request()).json()

    assert {"access_token", "token_type", "expires_in", "scope"} - body.keys() == {name}


async def test_a_replaced_token_is_the_live_one(redox: Served) -> None:
    fields = {"access_token": "a-token-of-choice", "token_type": "mac"}
    await redox.set_faults({"fault": "answer", "fields": fields})

    body = (await redox.request()).json()

    assert fields.items() <= body.items()
    assert (await redox.patients("a-token-of-choice")).status_code == 200


async def test_a_wrong_clock_shows_in_date_and_in_what_is_accepted(redox: Served) -> None:
    token = await redox.token()
    await redox.set_faults({"fault": "clock", "seconds": 3600})

    refused = await redox.request()
    accepted = await redox.request(now=NOW + 3600)

    assert parsedate_to_datetime(refused.headers["Date"]).timestamp() == NOW + 3600
    assert refused.json()["error_description"] == ""
    assert accepted.status_code == 200
    # How long a token lives is elapsed time: a wrong clock does not kill it.
    assert (await redox.patients(token)).status_code == 200

    await redox.admin.delete("/faults")

    assert (await redox.request()).status_code == 200


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        pytest.param("token", (503, 200, 200), id="token"),
        pytest.param("fhir", (200, 503, 200), id="fhir"),
        pytest.param("data-model", (200, 200, 503), id="data-model"),
        pytest.param("*", (503, 503, 503), id="all"),
    ],
)
async def test_a_fault_strikes_its_path_only(
    redox: Served, path: str, statuses: tuple[int, ...]
) -> None:
    token = await redox.token()
    await redox.set_faults({"fault": "status", "status": 503, "path": path})

    message = {"Meta": {"DataModel": "Order", "EventType": "New"}}
    headers = {"Authorization": f"Bearer {token}"}
    responses = [
        await redox.request(),
        await redox.patients(token),
        await redox.client.post(redox.sandbox.data_model_url, json=message, headers=headers),
    ]

    assert tuple(response.status_code for response in responses) == statuses


@pytest.mark.parametrize(("client_id", "status"), [(CLIENT, 503), ("app-2", 200)])
async def test_a_fault_can_strike_one_client_only(
    redox: Served, client_id: str, status: int
) -> None:
    token = await redox.token()
    rule = {"fault": "status", "status": 503, "clientId": client_id}
    await redox.set_faults(rule, {**rule, "path": "fhir"})

    assert (await redox.request()).status_code == status
    assert (await redox.patients(token)).status_code == status


async def test_a_repeat_is_counted_even_when_a_fault_swallowed_the_first(redox: Served) -> None:
    await redox.set_faults({"fault": "status", "status": 503, "times": 1})
    fields = form(redox.assertion())

    for _ in range(2):
        await redox.client.post(redox.sandbox.token_url, data=fields)

    assert (await redox.stats())["repeatedJti"] == 1
