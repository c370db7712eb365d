from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from http.client import HTTPConnection

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


def fetch(port: int, path: str) -> tuple[int, str]:
    """Ask without the event loop, which may stand still."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
async def impatient() -> AsyncIterator[Served]:
    """A server that takes a loop for dead after two missed heartbeats."""
    made = Served()
    made.server = WebServer("HEALTH_ADDRESS", "127.0.0.1", 0, still_after=2)
    made.server.add_check("/healthz", lambda: made.faults)
    made.server.add_text("/metrics", "text/plain", lambda: b"up 1\n")
    made.port = await made.server.start()
    yield made
    await made.server.stop()


async def test_an_event_loop_that_stands_still_is_answered_with_503_and_healthy_again_afterwards(
    impatient: Served,
) -> None:
    assert (await impatient.get("/healthz"))[0] == 200

    # No await until the end of the block: the loop of this test stands still, as an operator's.
    deadline, answers = time.monotonic() + 15, list[tuple[int, str]]()
    while time.monotonic() < deadline and (not answers or answers[-1][0] != 503):
        answers.append(fetch(impatient.port, "/healthz"))

    assert answers[0] == (200, "ok\n"), "a short pause is no fault"
    assert answers[-1] == (503, "the event loop stands still\n")
    assert fetch(impatient.port, "/metrics")[0] == 503

    # The heartbeats that it missed arrive with its first turn.
    await asyncio.sleep(0)
    assert await asyncio.to_thread(fetch, impatient.port, "/healthz") == (200, "ok\n")
    assert await asyncio.to_thread(fetch, impatient.port, "/metrics") == (200, "up 1\n")


async def test_while_the_event_loop_is_busy_the_last_known_faults_are_told(
    served: Served,
) -> None:
    served.faults = ["the workqueue stands still"]
    assert (await served.get("/healthz"))[0] == 503
    served.faults = []

    assert fetch(served.port, "/healthz") == (503, "the workqueue stands still\n")

    assert (await served.get("/healthz"))[0] == 200


async def test_a_check_that_raises_is_an_error_and_the_server_lives_on() -> None:
    def broken() -> list[str]:
        raise LookupError("unexpected")

    server = WebServer("HEALTH_ADDRESS", "127.0.0.1", 0)
    server.add_check("/broken", broken)
    server.add_check("/healthz", list)
    port = await server.start()
    try:
        assert (await asyncio.to_thread(fetch, port, "/broken"))[0] == 500
        assert (await asyncio.to_thread(fetch, port, "/healthz"))[0] == 200
    finally:
        await server.stop()


async def test_a_stopped_server_listens_no_longer() -> None:
    made = Served()
    made.port = await made.server.start()
    await made.server.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(fetch, made.port, "/healthz")
