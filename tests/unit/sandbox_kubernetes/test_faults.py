"""Failures on request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from redox_sandbox.kubernetes.faults import Fault
from redox_sandbox.kubernetes.server import Api, running

MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = {"Content-Type": "application/merge-patch+json"}
SOON = 0.3


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


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (429, "TooManyRequests"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
    ],
)
async def test_a_status_is_answered_as_often_as_asked(
    api: Api, http: httpx.AsyncClient, code: int, reason: str
) -> None:
    api.faults.add(Fault("status", code=code, times=2, retry_after=7))

    answers = [await http.get(MAPS) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [code, code, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json()["reason"] == reason
    assert api.faults.in_force() == {}


async def test_a_fault_meets_only_the_requests_that_it_names(
    api: Api, http: httpx.AsyncClient
) -> None:
    await make(http, "a")
    await make(http, "b")
    number = api.faults.add(
        Fault(
            "status",
            verbs=("get", "delete"),
            resource="configmaps",
            namespace="default",
            name="a",
            user_agent="python-httpx",
        )
    )

    async def code(path: str, agent: str = "python-httpx/1") -> int:
        return (await http.get(path, headers={"User-Agent": agent})).status_code

    assert await code(f"{MAPS}/a") == 503
    assert await code(f"{MAPS}/b") == 200
    assert await code(MAPS) == 200
    assert await code(f"{MAPS}/a", agent="other/1") == 200
    assert await code("/api/v1/namespaces/default/secrets/a") == 404
    assert (await http.delete(f"{MAPS}/a")).status_code == 503
    api.faults.remove(number)
    assert await code(f"{MAPS}/a") == 200


async def test_a_subresource_can_be_met_alone(api: Api, http: httpx.AsyncClient) -> None:
    pods = "/api/v1/namespaces/default/pods"
    (await http.post(pods, json={"metadata": {"name": "p"}, "spec": {}})).raise_for_status()
    api.faults.add(Fault("status", subresource="status"))

    assert (await http.get(f"{pods}/p")).status_code == 200
    assert (await http.get(f"{pods}/p/status")).status_code == 503


async def test_a_hanging_request_gets_no_answer_and_changes_nothing(
    api: Api, http: httpx.AsyncClient
) -> None:
    api.faults.add(Fault("hang", verbs=("create",), times=1))

    with pytest.raises(httpx.ReadTimeout):
        await http.post(MAPS, json={"metadata": {"name": "a"}}, timeout=SOON)

    assert await names(http) == []


async def test_a_write_can_be_carried_out_and_its_answer_lost(
    api: Api, http: httpx.AsyncClient
) -> None:
    api.faults.add(Fault("reset", verbs=("create",), after=True, times=1))

    with pytest.raises(httpx.TransportError):
        await http.post(MAPS, json={"metadata": {"name": "a"}})

    assert await names(http) == ["a"]
    assert [request.code for request in api.requests.find(verb="create")] == [0]


async def test_a_reset_cuts_the_connection(api: Api, http: httpx.AsyncClient) -> None:
    api.faults.add(Fault("reset", times=1))

    with pytest.raises(httpx.TransportError):
        await http.get(MAPS)

    assert (await http.get(MAPS)).status_code == 200


async def test_a_slow_answer_is_still_the_answer(api: Api, http: httpx.AsyncClient) -> None:
    api.faults.add(Fault("slow", seconds=SOON, times=1))
    loop = asyncio.get_running_loop()
    start = loop.time()

    answer = await http.get(MAPS)

    assert answer.status_code == 200
    assert loop.time() - start >= SOON


async def test_open_watches_are_dropped_cleanly(api: Api, http: httpx.AsyncClient) -> None:
    async with watching(http) as events:
        assert api.faults.drop_watches("secrets") == 0
        assert api.faults.drop_watches("configmaps") == 1

        assert [event async for event in events] == []


async def test_open_watches_get_an_error_event(api: Api, http: httpx.AsyncClient) -> None:
    async with watching(http) as events:
        api.faults.fail_watches(code=410)
        seen = [event async for event in events]

    assert [event["type"] for event in seen] == ["ERROR"]
    assert (seen[0]["object"]["code"], seen[0]["object"]["reason"]) == (410, "Expired")


async def test_a_stalled_watch_stays_open_and_silent(api: Api, http: httpx.AsyncClient) -> None:
    async with watching(http, "&timeoutSeconds=1") as events:
        await make(http, "seen")
        assert (await anext(events))["object"]["metadata"]["name"] == "seen"
        api.faults.stall_watches()
        await make(http, "unseen")

        with pytest.raises(TimeoutError):
            # Longer than the watch would have lasted.
            await asyncio.wait_for(anext(events), 1.2)


async def test_a_new_watch_can_be_stalled_from_the_start(api: Api, http: httpx.AsyncClient) -> None:
    await make(http, "a")
    api.faults.add(Fault("stall", verbs=("watch",), times=1))

    async with watching(http) as events:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), SOON)


async def test_a_new_watch_can_be_refused(api: Api, http: httpx.AsyncClient) -> None:
    api.faults.add(Fault("status", verbs=("watch",), code=403))

    assert (await http.get(f"{MAPS}?watch=1")).status_code == 403
    assert (await http.get(MAPS)).status_code == 200


async def test_a_compacted_history_is_410(api: Api, http: httpx.AsyncClient) -> None:
    await make(http, "a")
    before = (await http.get(MAPS)).json()["metadata"]["resourceVersion"]
    await make(http, "b")
    api.faults.compact()

    async with watching(http, f"&resourceVersion={before}") as events:
        seen = [event async for event in events]

    assert [(event["type"], event["object"]["code"]) for event in seen] == [("ERROR", 410)]


async def test_frozen_reads_serve_an_earlier_state(api: Api, http: httpx.AsyncClient) -> None:
    await make(http, "a")
    then = api.store.revision
    await make(http, "b")
    await http.delete(f"{MAPS}/a")

    api.faults.freeze_reads("configmaps", then)
    frozen = (await http.get(MAPS)).json()
    codes = [(await http.get(f"{MAPS}/{name}")).status_code for name in "ab"]
    api.faults.thaw_reads()

    assert [item["metadata"]["name"] for item in frozen["items"]] == ["a"]
    assert frozen["metadata"]["resourceVersion"] == str(then)
    assert codes == [200, 404]
    assert await names(http) == ["b"]


async def test_a_restored_backup_has_an_older_revision(api: Api, http: httpx.AsyncClient) -> None:
    await make(http, "a")
    then = api.store.revision
    await make(http, "b")

    async with watching(http) as events:
        api.faults.rewind(then)
        seen = [event["object"]["metadata"]["name"] async for event in events]

    assert seen == ["a", "b"]
    assert await names(http) == ["a"]
    assert (await http.get(MAPS)).json()["metadata"]["resourceVersion"] == str(then)


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(ValueError, match="action must be one of status, hang"):
        Fault("explode")  # type: ignore[arg-type]


async def test_requests_are_logged_without_their_bodies(api: Api, http: httpx.AsyncClient) -> None:
    secrets = "/api/v1/namespaces/default/secrets"
    body = {"metadata": {"name": "s"}, "stringData": {"key": "a-secret-value"}}
    await http.post(secrets, json=body)
    await http.patch(f"{secrets}/s", json={}, headers=MERGE)
    await http.get(f"{secrets}/none")
    async with watching(http):
        pass

    logged = [
        (entry.verb, entry.resource, entry.namespace, entry.name, entry.code)
        for entry in api.requests
    ]
    assert logged == [
        ("create", "secrets", "default", "", 201),
        ("patch", "secrets", "default", "s", 200),
        ("get", "secrets", "default", "none", 404),
        ("watch", "configmaps", "default", "", 200),
    ]
    assert len(api.requests.find(resource="secrets", code=200)) == 1
    assert len(api.requests.find(user_agent="python-httpx")) == 4
    assert "a-secret-value" not in repr(list(api.requests))
