"""Lists of large objects, answers that are none, and requests that wait for others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from aiohttp import web
from kubernetes.aio import client

from redox_operator.adapters.cluster import Credentials, Leases, Secrets, connection
from redox_operator.adapters.cluster.connection import MAX_BODY, Connection
from redox_operator.adapters.cluster.secrets import TARGET_SELECTOR
from redox_operator.domain.errors import ClusterError, ClusterUnavailable, Invalid
from redox_sandbox.kubernetes.server import running
from tests.support import builders

MIB = 1024 * 1024


class Pages:
    """A list of objects of these sizes, from where `Connection` stands."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = sizes
        self.limits: list[int] = []

    async def request(
        self, verb: str, resource: str, path: str, *, query: dict[str, str], **_: Any
    ) -> dict[str, Any]:
        begin, limit = int(query.get("continue", "0")), int(query["limit"])
        self.limits.append(limit)
        end = begin + limit
        if sum(self.sizes[begin:end]) > MAX_BODY:
            raise Invalid("list: the object is too large.", too_large=True)
        metadata = {"resourceVersion": "7"}
        if end < len(self.sizes):
            metadata["continue"] = str(end)
        names = range(begin, min(end, len(self.sizes)))
        return {"metadata": metadata, "items": [{"name": str(name)} for name in names]}


async def listed(pages: Pages) -> list[int]:
    items, revision = await Credentials(pages).list(None)  # type: ignore[arg-type]
    assert revision == "7"
    return [int(item["name"]) for item in items]


@pytest.mark.parametrize(
    ("sizes", "limits"),
    [
        pytest.param([], [100], id="none"),
        pytest.param([1000] * 250, [100, 100, 100], id="small ones"),
        pytest.param([MIB // 8] * 80, [100, 50, 100], id="65 of them are too large for a page"),
        pytest.param([1000] * 100 + [3 * MIB // 2] * 5, [100, 100], id="few of the largest"),
        pytest.param([5 * MIB] * 3, [100, 50, 25, 12, 6, 3, 1, 2, 1, 2], id="larger than any"),
    ],
)
async def test_every_object_is_listed_once_however_large(
    sizes: list[int], limits: list[int]
) -> None:
    pages = Pages(sizes)
    assert await listed(pages) == list(range(len(sizes)))
    assert pages.limits == limits


async def test_a_single_object_that_is_too_large_fails_the_list() -> None:
    with pytest.raises(Invalid):
        await listed(Pages([1000, MAX_BODY + 1]))


async def test_a_refusal_of_the_list_is_not_tried_with_fewer_objects() -> None:
    class Refused(Pages):
        async def request(self, *_: Any, query: dict[str, str], **__: Any) -> dict[str, Any]:
            self.limits.append(int(query["limit"]))
            raise Invalid("list: the API server answered 400.", status=400)

    pages = Refused([1])
    with pytest.raises(Invalid):
        await listed(pages)
    assert pages.limits == [100]


async def test_targets_with_large_annotations_are_all_listed() -> None:
    label, value = TARGET_SELECTOR.split("=")
    async with running() as api, httpx.AsyncClient(base_url=api.url, trust_env=False) as http:
        for number in range(45):
            metadata = {
                "name": f"s{number}",
                "labels": {label: value},
                "annotations": {"theirs": "x" * 200_000},
            }
            body = {"metadata": metadata}
            (await http.post("/api/v1/namespaces/default/secrets", json=body)).raise_for_status()
        connected = Connection(client.Configuration(host=api.url), "redox-operator/test")
        try:
            found = await Secrets(connected).list_targets(None)
        finally:
            await connected.close()
    assert {name for _, name, _ in found} == {f"s{number}" for number in range(45)}
    assert len(found) == 45


class Answering:
    """A server that gives one answer to everything, at once or when it is let go."""

    def __init__(self) -> None:
        self.body, self.asked = b"{}", list[str]()
        self.go, self.busy = asyncio.Event(), asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.method)
        if len(self.asked) == connection.CONCURRENCY:
            self.busy.set()
        await self.go.wait()
        return web.Response(body=self.body, content_type="application/json")


@pytest.fixture
async def answering() -> AsyncIterator[tuple[Answering, Connection]]:
    made, app = Answering(), web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host = f"http://127.0.0.1:{runner.addresses[0][1]}"
    connected = Connection(client.Configuration(host=host), "redox-operator/test")
    yield made, connected
    made.go.set()
    await connected.close()
    await runner.cleanup()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<html>sign in</html>", id="a page of a proxy"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="a JSON array"),
        pytest.param(b'{"items": [', id="half of an object"),
    ],
)
async def test_a_success_that_holds_no_object_is_no_answer(
    answering: tuple[Answering, Connection], body: bytes
) -> None:
    server, connected = answering
    server.body = body
    server.go.set()
    with pytest.raises(ClusterUnavailable, match="look for a proxy"):
        await Credentials(connected).list(None)
    with pytest.raises(ClusterUnavailable, match="look for a proxy"):
        await Leases(connected, "default", "operator").read()


async def occupied(server: Answering, connected: Connection) -> list[asyncio.Task[dict[str, Any]]]:
    """Reads that hang, as many as may be under way at once."""
    reads = [
        asyncio.create_task(connected.request("get", "secrets", f"/{number}"))
        for number in range(connection.CONCURRENCY)
    ]
    async with asyncio.timeout(10):
        await server.busy.wait()
    return reads


async def test_a_write_that_waits_for_others_is_given_up_and_never_sent(
    answering: tuple[Answering, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, connected = answering
    codes = list[tuple[str, str]]()
    connected.on_request = lambda verb, _resource, code: codes.append((verb, code))
    credential = builders.credential()
    reads = await occupied(server, connected)
    monkeypatch.setattr(connection, "TIMEOUT", 0.2)
    with pytest.raises(ClusterUnavailable):
        await Credentials(connected).patch_status(credential.key, credential.uid, {"status": {}})
    assert codes == [("patch", "error")]
    server.go.set()
    await asyncio.gather(*reads)
    assert set(server.asked) == {"GET"}


async def test_a_read_waits_for_its_turn(
    answering: tuple[Answering, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, connected = answering
    reads = await occupied(server, connected)
    monkeypatch.setattr(connection, "TIMEOUT", 1.0)
    late = asyncio.create_task(connected.request("get", "secrets", "/late"))
    done, _ = await asyncio.wait({late}, timeout=1.2)
    assert not done
    server.go.set()
    try:
        assert await late == {}
    except ClusterError as error:
        raise AssertionError("its own time begins with its turn") from error
    await asyncio.gather(*reads)
