"""A whole demo, from the first process to the last."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
import yaml
from kubernetes.aio import config

from demo.cluster import NAMESPACE, Cluster, Say
from demo.consumer import Consumer
from demo.credentials import DemoCredential, make_credentials
from demo.directory import StateDirectory, opened
from demo.errors import DemoError
from demo.existing_cluster import existing
from demo.kubectl import Kubectl, found
from demo.mounts import Kubelet
from demo.observer import Observer
from demo.operator_process import OperatorProcess, operator
from demo.own_cluster import control_plane, in_memory
from demo.processes import console_script
from demo.redox import TOKEN_LIFETIME, Redox, redox_sandbox
from demo.state import Readings, Row, Snapshot, Status
from tests.support.controlplane import find

REQUEST_SECONDS = 5.0


@dataclass(slots=True)
class Session:
    """A running demo."""

    cluster: Cluster
    credentials: tuple[DemoCredential, ...]
    redox: Redox
    operator: OperatorProcess
    observer: Observer
    consumers: dict[str, Consumer]
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def check(self) -> None:
        """Raises DemoError when a part has ended that should run."""
        for child in (self.redox.child, self.operator.child):
            child.check()
        for task in self.tasks:
            if task.done() and not task.cancelled():
                task.result()

    def snapshot(self) -> Snapshot:
        """The demo at this moment."""
        return Snapshot(
            now=time.time(),
            elapsed=time.monotonic() - self.started,
            cluster=self.cluster.description,
            hint=self.cluster.hint(),
            rows=tuple(self._row(credential) for credential in self.credentials),
            totals=self.observer.totals,
            notices=tuple(self.observer.notices.values()),
        )

    def logs(self) -> list[str]:
        """The last lines of the operator and of the sandbox."""
        children = (self.operator.child, self.redox.child)
        return [f"{child.name}: {line}" for child in children for line in child.log_tail()]

    def _row(self, credential: DemoCredential) -> Row:
        consumer = self.consumers.get(credential.name)
        return Row(
            name=credential.name,
            key_format=credential.key_format,
            status=self.observer.statuses.get(credential.name, Status()),
            issued=self.observer.issued.get(credential.client["clientId"], 0),
            readings=consumer.readings if consumer else Readings(),
        )


@contextlib.asynccontextmanager
async def session(api_server: str, context: str | None, say: Say) -> AsyncIterator[Session]:
    """Start everything, and end it in reverse order. Raises DemoError."""
    for name in ("redox-operator", "redox-sandbox"):
        console_script(name)
    found()
    async with AsyncExitStack() as stack:
        state = stack.enter_context(opened())
        cluster = await stack.enter_async_context(_cluster(state, api_server, context, say))
        say(f"API server: {cluster.description}")
        credentials = await asyncio.to_thread(make_credentials)
        redox = await stack.enter_async_context(redox_sandbox(state, credentials))
        say(f"redox-sandbox: {redox.token_url}, tokens of {TOKEN_LIFETIME:.0f} s")
        http = await stack.enter_async_context(
            httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False)
        )
        process = await stack.enter_async_context(
            operator(state, cluster, redox.endpoints_file(), http)
        )
        say("operator: ready")
        kubelet = Kubelet(state.path / "mounts")
        api = await config.new_client_from_config(
            str(cluster.kubeconfig), persist_config=False, temp_file_path=str(state.path)
        )
        stack.push_async_callback(api.close)
        running = Session(
            cluster=cluster,
            credentials=credentials,
            redox=redox,
            operator=process,
            observer=Observer(api, http, redox, process, kubelet),
            consumers={
                each.name: Consumer(kubelet.directory(each.secret_name), each.family, redox)
                for each in credentials
            },
        )
        await _create(Kubectl(state, cluster.kubeconfig), credentials)
        say(f"{len(credentials)} credentials created in the namespace {NAMESPACE}")
        stack.push_async_callback(_cancel, running.tasks)
        runs = [each.run() for each in running.consumers.values()]
        running.tasks += [asyncio.create_task(run) for run in (running.observer.run(), *runs)]
        running.started = time.monotonic()
        yield running


def _cluster(
    state: StateDirectory, api_server: str, context: str | None, say: Say
) -> contextlib.AbstractAsyncContextManager[Cluster]:
    if context is not None:
        return existing(state, context, say)
    if api_server == "in-memory":
        return in_memory(state)
    if find() is not None:
        return control_plane(state)
    if api_server == "control-plane":
        raise DemoError("no control plane is built: run `make controlplane`")
    say("no control plane is built (`make controlplane`): taking the in-memory API")
    return in_memory(state)


async def _create(kubectl: Kubectl, credentials: tuple[DemoCredential, ...]) -> None:
    manifests = [manifest for each in credentials for manifest in each.manifests()]
    await kubectl("create", "--filename=-", stdin=yaml.safe_dump_all(manifests))


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
