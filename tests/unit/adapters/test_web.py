from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from redox_operator.adapters.web import WebServer
from redox_operator.domain.errors import ConfigurationError


class Served:
    """A server on a free port of loopback."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.server = WebServer("HEALTH_ADDRESS", "127.0.0.1", 0)
        self.server.add_check("/healthz", lambda: self.faults)
        self.server.add_text("/metrics", "text/plain; version=0.0.4", lambda: b"up 1\n")
        self.port = 0

    async def get(self, path: str, method: str = "GET") -> tuple[int, str, str]:
        """Status, content type and text of an answer."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"http://127.0.0.1:{self.port}{path}") as response,
        ):
            kind = response.headers.get("Content-Type", "")
            return response.status, kind, await response.text()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    made = Served()
    made.port = await made.server.start()
    yield made
    await made.server.stop()


async def test_a_check_that_finds_nothing_is_ok(served: Served) -> None:
    status, kind, text = await served.get("/healthz")
    assert (status, text) == (200, "ok\n")
    assert kind.startswith("text/plain")


async def test_a_check_that_finds_faults_tells_them_a_line_each(served: Served) -> None:
    served.faults = ["the workqueue stands still", "not every watch runs"]
    status, _, text = await served.get("/healthz")
    assert (status, text) == (503, "the workqueue stands still\nnot every watch runs\n")


async def test_a_text_has_its_content_type(served: Served) -> None:
    assert await served.get("/metrics") == (200, "text/plain; version=0.0.4", "up 1\n")


@pytest.mark.parametrize("path", ["/", "/healthz/", "/readyz", "/../healthz2"])
async def test_nothing_else_is_served(served: Served, path: str) -> None:
    status, _, _ = await served.get(path)
    assert status == 404


async def test_nothing_can_be_written(served: Served) -> None:
    status, _, _ = await served.get("/healthz", method="POST")
    assert status == 405


async def test_an_address_that_is_taken_is_a_fault_that_names_the_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = WebServer("METRICS_ADDRESS", "127.0.0.1", port)
        with pytest.raises(ConfigurationError, match=f"METRICS_ADDRESS: cannot listen on .*{port}"):
            await server.start()
        await server.stop()


async def test_a_host_that_does_not_exist_is_a_fault_that_names_the_setting() -> None:
    server = WebServer("HEALTH_ADDRESS", "203.0.113.1", 0)
    with pytest.raises(ConfigurationError, match="HEALTH_ADDRESS: cannot listen on"):
        await server.start()
    await server.stop()


async def test_an_empty_host_is_every_interface() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Served()
    made.server = WebServer("HEALTH_ADDRESS", "", port)
    made.server.add_check("/healthz", list)
    made.port = await made.server.start()
    try:
        assert made.port == port
        assert (await made.get("/healthz"))[0] == 200
    finally:
        await made.server.stop()


async def test_stopping_a_server_that_never_started_does_nothing() -> None:
    await WebServer("HEALTH_ADDRESS", "127.0.0.1", 0).stop()
