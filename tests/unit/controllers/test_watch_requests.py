"""What the requests of the watches tell, over a real connection."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from redox_operator.adapters.cluster.connection import Connection
from redox_operator.controllers.watch_requests import WatchRequests

EVENT = b'{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"7"},"note":"%s"}}\n'
BOOKMARK = b'{"type":"BOOKMARK","object":{"kind":"Secret","metadata":{"resourceVersion":"12"}}}\n'


@pytest.mark.parametrize(
    ("lines", "revisions"),
    [
        pytest.param(BOOKMARK, ["12"], id="a bookmark"),
        pytest.param(EVENT % b"x" + BOOKMARK, ["12"], id="a bookmark behind an event"),
        pytest.param(EVENT % rb"{\"type\":\"BOOKMARK\"", [], id="an event that quotes one"),
        pytest.param(EVENT % b"x", [], id="an event"),
    ],
)
async def test_an_open_watch_and_its_bookmarks_are_told_of(
    lines: bytes, revisions: list[str]
) -> None:
    opened: list[str] = []
    marked: list[tuple[str, str]] = []

    async def watch(_: web.Request) -> web.Response:
        return web.Response(body=lines)

    app = web.Application()
    app.router.add_get("/api/v1/namespaces/clinic/secrets", watch)
    async with TestServer(app) as server:
        url = str(server.make_url("/")).rstrip("/")
        connection = Connection(client.Configuration(host=url), "redox-operator/test")
        requests = WatchRequests(
            connection,
            answered=lambda *_: None,
            heard=lambda _: None,
            opened=opened.append,
            marked=lambda *bookmark: marked.append(bookmark),
        )
        path = f"{url}/api/v1/namespaces/clinic/secrets"
        async with requests.session() as session:
            async with session.get(path, params={"watch": "true"}) as response:
                async for _ in response.content.iter_chunked(1024):
                    pass
            assert opened == ["secrets in clinic"]
            async with session.get(path):
                pass
        await connection.close()
    assert opened == ["secrets in clinic"], "a list opens no watch"
    assert marked == [("secrets in clinic", revision) for revision in revisions]
