"""Whoever is not ready yet must not be taken for ready while it is too busy to say so."""

from __future__ import annotations

import asyncio
from contextlib import closing
from http.client import HTTPConnection

from redox_operator.adapters.web import WebServer


def fetch(port: int, path: str) -> int:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path)
        with connection.getresponse() as answer:
            return answer.status


async def test_before_the_first_look_a_process_is_alive_and_not_ready() -> None:
    server = WebServer("HEALTH_ADDRESS", "127.0.0.1", 0)
    server.add_check("/healthz", list)
    server.add_check("/readyz", list, at_first=("not looked at yet",))
    port = await server.start()
    try:
        # No await in between: the loop of this test stands still, as one that starts up does.
        assert [fetch(port, path) for path in ("/healthz", "/readyz")] == [200, 503]
        assert await asyncio.to_thread(fetch, port, "/readyz") == 200
    finally:
        await server.stop()
