"""JWK Sets behind a URL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from redox_sandbox.redox.clients import Client
from redox_sandbox.redox.clock import ManualClock
from redox_sandbox.redox.key_sets import MAX_BYTES, KeySets, cache_seconds
from tests.support.keys import client_entry, jwk, jwk_set, public_jwk
from tests.unit.sandbox_redox.builders import CLIENT, KEY_ID, served


@dataclass
class Publisher:
    """A web server that publishes a JWK Set and counts who reads it."""

    url: str = ""
    body: Any = field(default_factory=lambda: jwk_set([public_jwk(jwk(kid=KEY_ID))]))
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    reads: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def answer(self, request: web.Request) -> web.Response:
        self.reads += 1
        self.asked.set()
        await self.may_answer.wait()
        content = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return web.Response(status=self.status, body=content, headers=self.headers)


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    made, app = Publisher(), web.Application()
    for path in ("/jwks.json", "/elsewhere"):
        app.router.add_get(path, made.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/jwks.json"
    yield made
    await runner.cleanup()


@dataclass
class Reader:
    """What is under test, with the client that it serves."""

    key_sets: KeySets
    client: Client
    clock: ManualClock
    reports: list[str]

    async def key_ids(self) -> list[str]:
        return [key["kid"] for key in await self.key_sets.keys_of(self.client)]


@pytest.fixture
async def reader(publisher: Publisher) -> AsyncIterator[Reader]:
    clock, reports = ManualClock(), list[str]()
    key_sets = KeySets(clock, reports.append)
    yield Reader(key_sets, Client(CLIENT, jwks_url=publisher.url), clock, reports)
    await key_sets.close()


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        pytest.param("", 300, id="nothing said"),
        pytest.param("public, max-age=60", 60, id="a minute"),
        pytest.param("MAX-AGE=86400", 300, id="a day"),
        pytest.param("max-age=0", 0, id="no time"),
        pytest.param("no-store", 0, id="not at all"),
        pytest.param("no-cache, max-age=60", 0, id="only after asking"),
    ],
)
def test_a_set_is_kept_as_long_as_allowed_and_five_minutes_at_most(
    cache_control: str, seconds: int
) -> None:
    assert cache_seconds(cache_control) == seconds


async def test_a_set_is_read_again_when_its_time_is_over(
    publisher: Publisher, reader: Reader
) -> None:
    publisher.headers = {"Cache-Control": "max-age=60"}
    await reader.key_ids()
    publisher.body = jwk_set([public_jwk(jwk(kid="key-2"))])

    reader.clock.advance(59.9)
    kept = await reader.key_ids()
    reader.clock.advance(0.1)

    assert (kept, await reader.key_ids(), publisher.reads) == ([KEY_ID], ["key-2"], 2)


async def test_all_who_ask_at_once_share_one_read(publisher: Publisher, reader: Reader) -> None:
    found = await asyncio.gather(*(reader.key_ids() for _ in range(20)))

    assert found == [[KEY_ID]] * 20
    assert publisher.reads == 1


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        pytest.param(404, b"", "status 404", id="not found"),
        pytest.param(200, b"no", "JSONDecodeError", id="not JSON"),
        pytest.param(200, b"[]", "a JWK Set is an object", id="a list"),
        pytest.param(200, b" " * (MAX_BYTES + 1), "more than", id="too large"),
    ],
)
async def test_a_set_that_cannot_be_read_holds_no_keys_and_is_reported(
    publisher: Publisher, reader: Reader, status: int, body: bytes, reason: str
) -> None:
    publisher.status, publisher.body = status, body

    assert await reader.key_ids() == []
    assert reason in reader.reports[0]

    publisher.status, publisher.body = 200, jwk_set([public_jwk(jwk(kid=KEY_ID))])

    assert await reader.key_ids() == [KEY_ID]


async def test_a_redirect_is_not_followed(publisher: Publisher, reader: Reader) -> None:
    publisher.status, publisher.headers = 302, {"Location": "/elsewhere"}

    assert await reader.key_ids() == []
    assert (publisher.reads, "status 302" in reader.reports[0]) == (1, True)


async def test_closing_drops_a_read_under_way(publisher: Publisher, reader: Reader) -> None:
    publisher.may_answer.clear()
    asking = asyncio.create_task(reader.key_ids())
    await publisher.asked.wait()

    await reader.key_sets.close()
    publisher.may_answer.set()

    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_publisher_that_is_away_is_reported(reader: Reader) -> None:
    away = Client(CLIENT, jwks_url="http://127.0.0.1:1/jwks.json")

    assert await reader.key_sets.keys_of(away) == ()
    assert "ClientConnectorError" in reader.reports[0]


async def test_the_url_wins_over_keys_beside_it(tmp_path: Path, publisher: Publisher) -> None:
    pasted = client_entry(CLIENT, jwk(kid="pasted", number=1), jwksUrl=publisher.url)
    async with served(tmp_path, pasted) as redox:
        by_url = await redox.request(header={"jku": publisher.url})
        by_paste = await redox.request(key=jwk(number=1), header={"kid": "pasted"})

    assert (by_url.status_code, by_paste.status_code) == (200, 400)
