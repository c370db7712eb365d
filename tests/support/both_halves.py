"""The operator with its real adapters, Kubernetes and Redox, on real sockets in one event loop.

Time is virtual for all three, and stands still while anything is on its way. What is not real:
keys are parsed in this process, and no watch runs, since kopf has a thread with a loop of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import yaml
from kubernetes.aio.client import Configuration

from redox_operator.adapters.client_assertion import key_set
from redox_operator.adapters.client_assertion.signing import new_jti, sign
from redox_operator.adapters.cluster import Credentials, Events, Secrets
from redox_operator.adapters.cluster.connection import Connection
from redox_operator.adapters.token_endpoint import TokenEndpointClient
from redox_operator.controllers.operator import Operator, Options, World
from redox_operator.controllers.watch import Watch
from redox_operator.domain.endpoint import US
from redox_operator.domain.private_key import KeySet, KeySetSummary
from redox_sandbox.kubernetes import server as kubernetes
from redox_sandbox.kubernetes.clock import LoopClock
from redox_sandbox.redox import server as redox
from redox_sandbox.redox.clock import Clock
from tests.support.crds import CRDS
from tests.support.fake_world import FakeEndpointsFile, FakeMetrics
from tests.support.keys import client_entry, ec_pem
from tests.support.manifests import credential_manifest, key_secret_manifest
from tests.support.scheduler import Process, SteppedLoop
from tests.support.virtual_time import SocketSelector, VirtualClock, end

T = TypeVar("T")


class _RedoxClock(Clock):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def true_now(self) -> float:
        return self._clock.true_time

    def monotonic(self) -> float:
        return self._clock.boot


class _KeyParser:
    async def parse(
        self, content: bytes, *, namespace: str, key_id: str | None, algorithm: str | None
    ) -> KeySet:
        return key_set.parse(content, key_id=key_id, algorithm=algorithm)

    async def inspect(
        self, content: bytes, *, namespace: str, key_id: str | None, algorithm: str | None
    ) -> KeySetSummary:
        return key_set.inspect(content, key_id=key_id, algorithm=algorithm)


class _NoWatch(Watch):
    async def loop(self) -> None:
        self.set_alive(True, asyncio.get_running_loop().time())
        await asyncio.Event().wait()

    def restart(self) -> None:
        """Nothing runs."""


class Life:
    """One process of the operator, which serves one namespace."""

    def __init__(self, halves: BothHalves, namespace: str) -> None:
        self._halves, self.process = halves, Process()
        self.stop = asyncio.Event()
        self.process.run(lambda: self._start(namespace))

    def _start(self, namespace: str) -> None:
        halves = self._halves
        configuration = Configuration(host=halves.api.url)
        self._connection = connection = Connection(configuration, "test")
        self._token_endpoint = TokenEndpointClient(
            user_agent="test", max_lifetime_seconds=86400, trust_env=False
        )
        world = World(
            clock=halves.clock,
            connection=connection,
            secrets=Secrets(connection),
            credentials=Credentials(connection),
            events=Events(connection, "test"),
            key_parser=_KeyParser(),
            sign=sign,
            new_jti=new_jti,
            token_endpoint=self._token_endpoint,
            endpoints_file=FakeEndpointsFile([halves.endpoint]),
            metrics=FakeMetrics(),
        )
        operator = Operator(world, Options(namespaces=(namespace,)), watch_class=_NoWatch)
        self.task = halves.loop.create_task(operator.run(self.stop))

    def kill(self) -> None:
        """End it before its next step; the kernel shuts its sockets."""
        self.process.stopped = True
        self._halves.loop.cut(self.process)

    async def close(self) -> None:
        """Leave nothing open, when all is over."""
        self.stop.set()
        await self.task
        await self._token_endpoint.close()
        await self._connection.close()


class BothHalves:
    """Both halves of the sandbox, running."""

    def __init__(self, directory: Path, clients: int) -> None:
        """`clients`: how many `client-0`, `client-1`, … Redox knows, all with one key."""
        self.pem = ec_pem()
        self._directory = directory
        entries = [client_entry(f"client-{number}", self.pem) for number in range(clients)]
        (directory / "clients.yaml").write_text(json.dumps({"clients": entries}))
        self.loop = SteppedLoop(SocketSelector())
        self.clock = VirtualClock(self.loop)
        self._stack = AsyncExitStack()
        self._lives: list[Life] = []
        self.run(self._begin())

    async def _begin(self) -> None:
        now = datetime.fromtimestamp(self.clock.true_time, UTC)
        self.api = await self._stack.enter_async_context(
            kubernetes.running(data_dir=self._directory, clock=LoopClock(now))
        )
        settings = redox.Settings(
            clients=self._directory / "clients.yaml",
            data_dir=self._directory,
            clock=_RedoxClock(self.clock),
        )
        self.redox = await self._stack.enter_async_context(redox.running(settings))
        self._person = await self._stack.enter_async_context(aiohttp.ClientSession(self.api.url))
        self.endpoint = replace(
            US,
            token_url=self.redox.token_url,
            audience=self.redox.token_url,
            ca_bundle=str(self.redox.ca_file),
        )
        for path in sorted(CRDS.glob("*.yaml")):
            for document in yaml.safe_load_all(path.read_text()):
                if document and document["kind"] == "CustomResourceDefinition":
                    await self._post(
                        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", document
                    )
        await asyncio.sleep(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for life in list(self._lives):
            self.bury(life)
        self.run(self._stack.aclose())
        end(self.loop)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something of the world's."""
        return self.loop.run_until_complete(coroutine)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.run(asyncio.sleep(seconds))

    def start(self, namespace: str) -> Life:
        """Start an operator for one namespace."""
        life = Life(self, namespace)
        self._lives.append(life)
        return life

    def bury(self, life: Life) -> None:
        """Stop a process; one that was killed has left open what only its own steps close."""
        self.loop.let_go(life.process)
        self.run(life.close())
        self._lives.remove(life)

    def create(self, number: int) -> str:
        """Create a credential of this client in a namespace of its own, which is returned."""
        return self.run(self._create(number))

    async def _create(self, number: int) -> str:
        namespace = f"n{number}"
        await self._post("/api/v1/namespaces", {"metadata": {"name": namespace}})
        key = key_secret_manifest(self.pem, namespace=namespace)
        await self._post(f"/api/v1/namespaces/{namespace}/secrets", key)
        manifest = credential_manifest(namespace=namespace, clientId=f"client-{number}")
        group = "/apis/redox-operator.dev/v1alpha1"
        await self._post(f"{group}/namespaces/{namespace}/redoxcredentials", manifest)
        return namespace

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        async with self._person.post(path, json=body) as answer:
            assert answer.status < 300, await answer.text()

    def get(self, path: str) -> dict[str, Any]:
        """An object as the API shows it."""
        return self.run(self._get(path))

    async def _get(self, path: str) -> dict[str, Any]:
        async with self._person.get(path) as answer:
            body: dict[str, Any] = await answer.json()
            return body

    def requests(self, number: int) -> int:
        """Token requests of a client so far."""
        entries = self.redox.state.journal._entries
        return sum(entry.client_id == f"client-{number}" for entry in entries)
