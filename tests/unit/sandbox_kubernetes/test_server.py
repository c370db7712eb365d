"""The server in a test's own process: its clock, its end, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from redox_sandbox.kubernetes.clock import LoopClock
from redox_sandbox.kubernetes.faults import Fault
from redox_sandbox.kubernetes.server import Api, parse_address, running
from tests.unit.sandbox_kubernetes.clocks import ManualClock
from tests.unit.sandbox_kubernetes.widgets import GROUP, widget, widget_definition

MAPS = "/api/v1/namespaces/default/configmaps"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def api(clock: ManualClock) -> AsyncIterator[Api]:
    async with running(clock=clock) as api:
        yield api


@pytest.fixture
async def http(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=api.url, trust_env=False) as client:
        yield client


async def events(stream: httpx.Response) -> AsyncIterator[Any]:
    async for line in stream.aiter_lines():
        yield json.loads(line)


async def test_objects_carry_the_time_of_the_clock(
    clock: ManualClock, http: httpx.AsyncClient
) -> None:
    clock.advance(3600)

    created = (await http.post(MAPS, json={"metadata": {"name": "a"}})).json()

    assert created["metadata"]["creationTimestamp"] == "2026-01-01T01:00:00Z"


async def test_a_watch_ends_and_is_bookmarked_by_the_clock(
    clock: ManualClock, http: httpx.AsyncClient
) -> None:
    query = "watch=1&timeoutSeconds=300&allowWatchBookmarks=true"
    async with http.stream("GET", f"{MAPS}?{query}") as stream:
        seen = events(stream)
        clock.advance(60)
        assert (await anext(seen))["type"] == "BOOKMARK"
        clock.advance(240)
        rest = [event["type"] async for event in seen]

    # At 120, 180, 240 and 298 s; that of 300 s coincides with the end.
    assert rest[:4] == ["BOOKMARK"] * 4


async def test_controllers_act_when_the_clock_says_so(
    clock: ManualClock, http: httpx.AsyncClient
) -> None:
    owner = (await http.post(MAPS, json={"metadata": {"name": "owner"}})).json()["metadata"]
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["uid"],
    }
    dependent = {"metadata": {"name": "dependent", "ownerReferences": [reference]}}
    await http.post(MAPS, json=dependent)
    await http.delete(f"{MAPS}/owner")

    before = (await http.get(f"{MAPS}/dependent")).status_code
    clock.advance()
    after = (await http.get(f"{MAPS}/dependent")).status_code

    assert (before, after) == (200, 404)


async def test_a_definition_is_served_when_the_clock_says_so(
    clock: ManualClock, http: httpx.AsyncClient
) -> None:
    path = f"/apis/{GROUP}/v1/namespaces/default/widgets"
    await http.post(DEFINITIONS, json=widget_definition())

    before = (await http.post(path, json=widget("w"))).status_code
    clock.advance()
    after = (await http.post(path, json=widget("w"))).status_code

    assert (before, after) == (404, 201)


async def test_a_restored_backup_forgets_later_definitions(
    api: Api, clock: ManualClock, http: httpx.AsyncClient
) -> None:
    path = f"/apis/{GROUP}/v1/namespaces/default/widgets"
    then = api.store.revision
    await http.post(DEFINITIONS, json=widget_definition())
    clock.advance()
    await http.post(path, json=widget("w"))

    api.faults.rewind(then)
    clock.advance()

    assert (await http.get(path)).status_code == 404


async def test_the_time_can_be_that_of_the_event_loop() -> None:
    clock = LoopClock(datetime(2030, 1, 1, tzinfo=UTC))
    async with running(clock=clock) as api, httpx.AsyncClient(trust_env=False) as client:
        body = {"metadata": {"name": "a"}}
        created = (await client.post(f"{api.url}{MAPS}", json=body)).json()

    assert created["metadata"]["creationTimestamp"].startswith("2030-01-01T00:00:0")


async def test_no_thread_is_started(http: httpx.AsyncClient) -> None:
    before = threading.active_count()

    await http.post(MAPS, json={"metadata": {"name": "a"}})
    async with http.stream("GET", f"{MAPS}?watch=1") as stream:
        await anext(events(stream))

    assert threading.active_count() == before


async def test_the_end_cuts_what_is_open_at_once(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(trust_env=False) as client:
        async with running(data_dir=tmp_path) as api:
            api.faults.add(Fault("hang", resource="secrets", times=1))
            watched = asyncio.create_task(client.get(f"{api.url}{MAPS}?watch=1"))
            hanging = asyncio.create_task(client.get(f"{api.url}/api/v1/secrets"))
            async with asyncio.timeout(5):
                while not api.faults.watches or api.faults.in_force():  # noqa: ASYNC110 - two things
                    await asyncio.sleep(0.01)
            start = loop.time()
        took = loop.time() - start

        assert took < 1
        assert (await watched).status_code == 200
        with pytest.raises(httpx.TransportError):
            await hanging
    assert not api.kubeconfig.exists()


async def test_the_kubeconfig_names_the_server(api: Api) -> None:
    config = yaml.safe_load(api.kubeconfig.read_text())

    assert config["clusters"][0]["cluster"] == {"server": api.url}
    assert config["current-context"] == config["contexts"][0]["name"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:8080", ("::1", 8080)),
    ],
)
def test_an_address_is_an_ip_address_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["127.0.0.1", "localhost:0", ":80", "127.0.0.1:http"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message differs by what is wrong
        parse_address(text)
