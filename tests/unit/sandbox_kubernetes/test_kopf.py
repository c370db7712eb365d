"""kopf runs against the in-memory API: every change is seen, also after a 410."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import kopf
import pytest

from redox_sandbox.kubernetes.faults import Fault
from redox_sandbox.kubernetes.server import Api, running
from tests.unit.sandbox_kubernetes.widgets import GROUP, Object, widget, widget_definition

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = f"/apis/{GROUP}/v1/namespaces/default/widgets"
SECRETS = "/api/v1/namespaces/default/secrets"
MERGE = {"Content-Type": "application/merge-patch+json"}
ROLE = "example.com/role"


class Observed:
    """The events that the operator's handlers saw, as (type, kind, name)."""

    def __init__(self) -> None:
        self.events: list[tuple[str | None, str, str]] = []
        self.colors: dict[str, str] = {}

    async def has(self, *event: str | None) -> None:
        """Wait until an event was seen."""
        await until(lambda: event in self.events, f"{event} in {self.events}")


async def until(condition: Callable[[], bool], what: str) -> None:
    """Poll until a condition holds; fail after 10 s."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - kopf has no event to wait for
            await asyncio.sleep(0.02)
    assert condition(), what


@asynccontextmanager
async def operator(api: Api) -> AsyncIterator[Observed]:
    observed = Observed()
    registry = kopf.OperatorRegistry()
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.chunk_size = 2
    settings.watching.label_selectors["v1", "secrets"] = f"{ROLE}=target"
    settings.watching.reconnect_backoff = 0.05
    settings.networking.error_backoffs = [0.05] * 20

    @kopf.on.login(registry=registry)
    async def login(**_: object) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server=api.url)

    @kopf.on.event(GROUP, "v1", "widgets", registry=registry)
    async def on_widget(type: str | None, body: kopf.Body, name: str, **_: object) -> None:  # noqa: A002 - kopf's name
        observed.events.append((type, "Widget", name))
        observed.colors[name] = body.spec["color"]

    @kopf.on.event("v1", "secrets", registry=registry)
    async def on_secret(type: str | None, name: str, **_: object) -> None:  # noqa: A002 - kopf's name
        observed.events.append((type, "Secret", name))

    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(
        kopf.operator(
            registry=registry,
            settings=settings,
            clusterwide=True,
            standalone=True,
            stop_flag=stop,
            ready_flag=ready,
        )
    )
    await asyncio.wait_for(ready.wait(), 10)
    try:
        for resource in ("widgets", "secrets"):
            await until(
                lambda plural=resource: bool(api.requests.find(verb="watch", resource=plural)),
                f"{resource} are watched",
            )
        yield observed
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running() as api:
        yield api


@pytest.fixture
async def http(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=api.url, trust_env=False) as client:
        await post(client, DEFINITIONS, widget_definition())
        yield client


async def post(client: httpx.AsyncClient, path: str, body: Object) -> None:
    (await client.post(path, json=body)).raise_for_status()


async def patch(client: httpx.AsyncClient, path: str, body: Object) -> None:
    (await client.patch(path, json=body, headers=MERGE)).raise_for_status()


def secret(name: str, role: str = "target") -> Object:
    return {"metadata": {"name": name, "labels": {ROLE: role}}, "stringData": {"key": "value"}}


async def test_kopf_sees_creation_update_and_deletion(api: Api, http: httpx.AsyncClient) -> None:
    for number in range(5):
        await post(http, WIDGETS, widget(f"old-{number}"))
        await post(http, SECRETS, secret(f"old-{number}"))

    async with operator(api) as observed:
        await observed.has(None, "Widget", "old-4")
        await observed.has(None, "Secret", "old-4")
        await post(http, WIDGETS, widget("new"))
        await observed.has("ADDED", "Widget", "new")
        await patch(http, f"{WIDGETS}/new", {"spec": {"color": "green"}})
        await observed.has("MODIFIED", "Widget", "new")
        await http.delete(f"{WIDGETS}/new")
        await observed.has("DELETED", "Widget", "new")

    assert observed.colors["new"] == "green"
    assert all((None, "Widget", f"old-{number}") in observed.events for number in range(5))
    # Five objects in pages of two are three requests.
    assert len(api.requests.find(verb="list", resource="widgets")) == 3


async def test_kopf_sees_only_secrets_that_its_label_selector_selects(
    api: Api, http: httpx.AsyncClient
) -> None:
    await post(http, SECRETS, secret("foreign", role="other"))

    async with operator(api) as observed:
        await post(http, SECRETS, secret("target"))
        await observed.has("ADDED", "Secret", "target")
        await patch(http, f"{SECRETS}/foreign", {"metadata": {"labels": {ROLE: "target"}}})
        await observed.has("ADDED", "Secret", "foreign")
        await patch(http, f"{SECRETS}/target", {"metadata": {"labels": {ROLE: "other"}}})
        await observed.has("DELETED", "Secret", "target")

    assert (None, "Secret", "foreign") not in observed.events


async def test_kopf_lists_again_after_410_and_sees_what_it_missed(
    api: Api, http: httpx.AsyncClient
) -> None:
    await post(http, WIDGETS, widget("first"))

    async with operator(api) as observed:
        await observed.has(None, "Widget", "first")
        refused = api.faults.add(Fault("status", verbs=("watch",), resource="widgets", code=503))
        api.faults.drop_watches("widgets")
        await post(http, WIDGETS, widget("missed"))
        api.faults.compact("widgets.widgets.example.com")
        api.faults.remove(refused)
        await observed.has(None, "Widget", "missed")
        await post(http, WIDGETS, widget("later"))
        await observed.has("ADDED", "Widget", "later")

    assert len(api.requests.find(verb="list", resource="widgets")) >= 2
