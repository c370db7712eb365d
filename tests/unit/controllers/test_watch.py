"""The real kopf against the in-memory API: whatever becomes of a watch, changes are seen again."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import yaml
from kubernetes.aio import client

from redox_operator.adapters.cluster.connection import Connection
from redox_operator.controllers.watch import Watch
from redox_operator.controllers.watch_state import Change, WatchFailed
from redox_operator.domain.credential import GROUP, PLURAL, VERSION
from redox_operator.domain.target import ROLE_LABEL, ROLE_TARGET
from redox_sandbox.kubernetes.faults import Fault
from redox_sandbox.kubernetes.server import Api, running
from tests.support.crds import CRDS
from tests.support.manifests import credential_manifest

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CREDENTIALS = f"/apis/{GROUP}/{VERSION}/namespaces/default/{PLURAL}"
SECRETS = "/api/v1/namespaces/default/secrets"
MERGE = {"Content-Type": "application/merge-patch+json"}
SECONDS = 15.0


@dataclass
class Watched:
    """An API server, its watch, and what the watch told."""

    api: Api
    http: httpx.AsyncClient
    watch: Watch
    changes: list[tuple[str, str, bool]] = field(default_factory=list)
    """Kind, name and whether it was deleted."""
    bodies: list[Any] = field(default_factory=list)
    restarts: int = 0
    reopened: int = 0
    revisions: list[str] = field(default_factory=list)
    task: asyncio.Task[None] | None = None

    def take(self, kind: str, change: Change) -> None:
        self.changes.append((kind, change.body["metadata"]["name"], change.deleted))
        self.bodies.append(change.body)

    def restarted(self) -> None:
        self.restarts += 1

    def opened_again(self) -> None:
        self.reopened += 1

    async def create(self, name: str) -> None:
        """Create a credential and a target."""
        answer = await self.http.post(CREDENTIALS, json=credential_manifest(name))
        answer.raise_for_status()
        labels = {ROLE_LABEL: ROLE_TARGET}
        body = {"metadata": {"name": name, "labels": labels}, "stringData": {"access_token": "x"}}
        (await self.http.post(SECRETS, json=body)).raise_for_status()

    async def sees(self, name: str) -> None:
        """Wait until both are told of."""
        wanted = {("credential", name, False), ("target", name, False)}
        await self.until(lambda: wanted <= set(self.changes))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Poll until a condition holds."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, (self.changes, self.watch.signs)
            await asyncio.sleep(0.02)

    async def install(self) -> None:
        """Create the CustomResourceDefinitions."""
        for path in sorted(CRDS.glob("*.yaml")):
            definition = yaml.safe_load(path.read_text())
            if definition["kind"] == "CustomResourceDefinition":
                (await self.http.post(DEFINITIONS, json=definition)).raise_for_status()

    def start(self) -> None:
        """Start the watch."""
        self.task = asyncio.create_task(self.watch.loop())


@pytest.fixture
async def idle() -> AsyncIterator[Watched]:
    """A watch that was not started, of an API server without our definitions."""
    async with running() as api, httpx.AsyncClient(base_url=api.url, trust_env=False) as http:
        connection = Connection(client.Configuration(host=api.url), "redox-operator/test")
        watch = Watch(
            connection=connection,
            namespaces=(),
            watch_secrets=True,
            label_selector=None,
            on_credential=lambda change: made.take("credential", change),
            on_target=lambda change: made.take("target", change),
            on_restart=lambda: made.restarted(),
            on_reopened=lambda: made.opened_again(),
            on_revision=lambda revision: made.revisions.append(revision),
            restart_delays=(0.05,),
        )
        made = Watched(api, http, watch)
        try:
            yield made
        finally:
            if made.task is not None:
                made.task.cancel()
                with contextlib.suppress(asyncio.CancelledError, WatchFailed):
                    await made.task
            await connection.close()


@pytest.fixture
async def watched(idle: Watched) -> Watched:
    """A watch that runs and has told of what was there."""
    await idle.install()
    await idle.create("first")
    idle.start()
    await idle.sees("first")
    await idle.until(lambda: idle.watch.alive and len(idle.api.faults.watches) == 2)
    return idle


async def test_changes_are_told_and_secrets_without_their_data(watched: Watched) -> None:
    await watched.create("second")
    await watched.sees("second")
    (await watched.http.delete(f"{CREDENTIALS}/second")).raise_for_status()
    await watched.until(lambda: ("credential", "second", True) in watched.changes)
    assert watched.restarts == 0
    assert all("data" not in body for body in watched.bodies if body["kind"] != "RedoxCredential")


def refuse(code: int, **more: Any) -> Callable[[Api], None]:
    """Refuse new lists and watches of our kinds twice, and end those that are open."""

    def disturb(api: Api) -> None:
        for resource in (PLURAL, "secrets"):
            verbs = ("list", "watch")
            api.faults.add(Fault("status", code=code, verbs=verbs, resource=resource, **more))
        api.faults.drop_watches()

    return disturb


def cut(api: Api) -> None:
    api.faults.add(Fault("reset", verbs=("watch",), times=3))
    api.faults.drop_watches()


def forget(api: Api) -> None:
    """Let both watches find their revision compacted when they come back."""
    refuse(503, times=1)(api)
    api.faults.compact()


@pytest.mark.parametrize(
    "disturb",
    [
        pytest.param(lambda api: api.faults.drop_watches(), id="a watch that ends"),
        pytest.param(lambda api: api.faults.fail_watches(code=410), id="an ERROR event 410"),
        pytest.param(lambda api: api.faults.fail_watches(code=500), id="an ERROR event 500"),
        pytest.param(lambda api: api.faults.fail_watches(code=403), id="an ERROR event 403"),
        pytest.param(cut, id="connections that are reset"),
        pytest.param(forget, id="a revision that was compacted"),
        pytest.param(refuse(401, times=1), id="401"),
        pytest.param(refuse(403, times=1), id="403"),
        pytest.param(refuse(404, times=1), id="404"),
        pytest.param(refuse(410, times=1), id="410"),
        pytest.param(refuse(429, times=1, retry_after=1), id="429"),
        pytest.param(refuse(500, times=2), id="500"),
        pytest.param(refuse(503, times=2), id="503"),
    ],
)
async def test_a_watch_survives(watched: Watched, disturb: Callable[[Api], object]) -> None:
    disturb(watched.api)
    await watched.create("second")
    await watched.sees("second")
    await watched.create("third")
    await watched.sees("third")
    await watched.until(lambda: watched.watch.alive and not watched.watch.refused)
    assert watched.watch.stopped_at is None


async def test_a_watch_that_ends_at_once_time_and_again_still_tells(watched: Watched) -> None:
    for number in range(20):
        watched.api.faults.drop_watches()
        await watched.create(f"c-{number}")
    for number in range(20):
        await watched.sees(f"c-{number}")


async def test_a_watch_that_is_opened_again_is_told_of_and_the_first_time_is_not(
    watched: Watched,
) -> None:
    assert watched.reopened == 0
    watched.api.faults.drop_watches()
    await watched.until(lambda: watched.reopened == 2)
    assert watched.restarts == 0


async def test_what_the_api_server_refuses_is_known_and_nobodys_fault_here(
    watched: Watched,
) -> None:
    refuse(403)(watched.api)
    await watched.until(lambda: watched.watch.refused == {PLURAL: 403, "secrets": 403})
    assert watched.watch.stopped_at is None
    watched.api.faults.clear()
    await watched.create("second")
    await watched.sees("second")
    assert watched.watch.refused == {}


async def test_a_definition_that_goes_and_comes_back_is_watched_again(watched: Watched) -> None:
    (await watched.http.delete(f"{DEFINITIONS}/{PLURAL}.{GROUP}")).raise_for_status()
    await watched.until(lambda: 404 in watched.watch.refused.values())
    await watched.until(lambda: watched.restarts > 0)
    assert watched.watch.stopped_at is None
    await watched.install()
    (await watched.http.delete(f"{SECRETS}/first")).raise_for_status()
    await watched.create("first")
    await watched.sees("first")


async def test_a_silent_watch_begins_anew_and_tells_what_a_list_found(watched: Watched) -> None:
    watched.watch.signs.tell_within = 0.1
    watched.api.faults.stall_watches()
    await watched.create("second")
    watched.watch.missed(PLURAL, "default", "second", "1000000")
    await watched.sees("second")
    assert watched.restarts == 1
    await watched.create("third")
    await watched.sees("third")


async def test_a_watch_that_told_meanwhile_does_not_begin_anew(watched: Watched) -> None:
    watched.watch.signs.tell_within = 0.1
    watched.watch.missed(PLURAL, "default", "second", "1")
    watched.watch.missed("secrets", "default", "first", None)
    await watched.create("second")
    (await watched.http.delete(f"{SECRETS}/first")).raise_for_status()
    await watched.sees("second")
    await watched.until(lambda: ("target", "first", True) in watched.changes)
    watched.watch.look()
    await watched.create("third")
    await watched.sees("third")
    assert watched.restarts == 0


async def test_a_watch_without_any_sign_begins_anew(watched: Watched) -> None:
    watched.watch.signs.quiet_after = 0.1
    await watched.until(lambda: watched.restarts == 1)
    watched.watch.signs.quiet_after = 60
    await watched.create("second")
    await watched.sees("second")


async def test_a_cancelled_watch_leaves_no_thread_behind(watched: Watched) -> None:
    assert watched.task is not None
    watched.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watched.task
    await watched.until(lambda: all(each.name != "watch" for each in threading.enumerate()))


async def test_a_thread_that_stands_still_ends_the_watch_and_with_it_the_process(
    idle: Watched,
) -> None:
    released = threading.Event()

    class Blocking:
        server = idle.api.url

        async def authorization(self) -> dict[str, str]:
            released.wait(SECONDS)  # the thread of the watch stands still here
            return {}

        session = idle.watch.connection.session

    idle.watch.connection = Blocking()
    idle.watch.look_interval = 0.02
    idle.start()
    assert idle.task is not None
    try:
        with pytest.raises(WatchFailed):
            await asyncio.wait_for(idle.task, SECONDS)
        assert not idle.watch.alive
    finally:
        released.set()


async def test_a_watch_that_is_restarted_before_it_began_begins_anew(idle: Watched) -> None:
    await idle.install()
    idle.start()
    await asyncio.sleep(0)
    idle.watch.restart()
    await idle.until(lambda: idle.restarts == 1)
    await idle.create("first")
    await idle.sees("first")
