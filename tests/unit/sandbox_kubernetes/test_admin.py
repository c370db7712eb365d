"""The admin path: the same failures over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from redox_sandbox.kubernetes.server import Api, running

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running() as api:
        yield api


@pytest.fixture
async def http(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=api.url, trust_env=False) as client:
        yield client


async def make(http: httpx.AsyncClient, name: str) -> None:
    (await http.post(MAPS, json={"metadata": {"name": name}})).raise_for_status()


async def names(http: httpx.AsyncClient) -> list[str]:
    return [item["metadata"]["name"] for item in (await http.get(MAPS)).json()["items"]]


@asynccontextmanager
async def watching(http: httpx.AsyncClient, query: str = "") -> AsyncIterator[AsyncIterator[Any]]:
    async with http.stream("GET", f"{MAPS}?watch=1{query}") as stream:
        yield (json.loads(line) async for line in stream.aiter_lines())


async def test_the_admin_path_does_the_same_over_http(api: Api, http: httpx.AsyncClient) -> None:
    added = await http.post(
        "/sandbox/faults", json={"action": "status", "code": 500, "verbs": ["list"]}
    )
    number = added.json()["number"]
    refused = await http.get(MAPS)
    listed = (await http.get("/sandbox/faults")).json()
    await http.delete(f"/sandbox/faults/{number}")
    await make(http, "a")
    requests = (await http.get("/sandbox/requests", params={"verb": "list"})).json()["requests"]
    await http.delete("/sandbox/requests")

    assert refused.status_code == 500
    assert listed[str(number)]["code"] == 500
    assert [(entry["resource"], entry["code"]) for entry in requests] == [("configmaps", 500)]
    assert len(api.requests) == 0
    assert (await http.get(MAPS)).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sandbox/faults", {"action": "explode"}),
        ("/sandbox/faults", {"action": "status", "colour": "red"}),
        ("/sandbox/actions", {"action": "explode"}),
        ("/sandbox/actions", {"action": "rewind", "revision": -1}),
    ],
)
async def test_the_admin_path_refuses_what_it_does_not_know(
    api: Api, http: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    api.faults.compact()

    assert (await http.post(path, json=body)).status_code == 400


async def test_actions_over_http(api: Api, http: httpx.AsyncClient) -> None:
    await make(http, "a")
    then = api.store.revision
    await make(http, "b")

    async def act(action: str, **arguments: Any) -> Any:
        body = {"action": action, **arguments}
        return (await http.post("/sandbox/actions", json=body)).json()

    await act("freeze-reads", resource="configmaps", revision=then)
    assert await names(http) == ["a"]
    await act("thaw-reads")
    assert await names(http) == ["a", "b"]
    async with watching(http, f"&resourceVersion={api.store.revision}") as events:
        assert await act("drop-watches") == {"watches": 1}
        assert [event async for event in events] == []
    await act("rewind", revision=then)
    assert await names(http) == ["a"]
    assert await act("stall-watches") == await act("fail-watches") == {"watches": 0}
    await act("compact")
    async with watching(http, "&resourceVersion=1") as events:
        assert [event["type"] async for event in events] == ["ERROR"]
