"""The operator, run as its Deployment runs it: one process, set up by environment variables."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from demo.cluster import Cluster
from demo.directory import StateDirectory
from demo.errors import DemoError
from demo.processes import READY_SECONDS, Child, console_script, running

MARGINS = {"PROPAGATION_SECONDS": "18", "SAFETY_SECONDS": "2", "RETRY_BUDGET_SECONDS": "15"}
"""A fifth of the defaults, as the tokens live a fifth of Redox's 300 s."""
_WRITES = "redox_operator_secret_writes"
_STORED = {"created", "updated"}


@dataclass(frozen=True, slots=True)
class OperatorProcess:
    """The running operator."""

    child: Child
    metrics_url: str

    async def secret_writes(self, http: httpx.AsyncClient) -> int:
        """How many writes of targets succeeded. Raises httpx.HTTPError."""
        answer = await http.get(self.metrics_url)
        answer.raise_for_status()
        return secret_writes(answer.text)


def secret_writes(exposition: str) -> int:
    """The writes that succeeded, from the text of /metrics."""
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(exposition)
        if family.name == _WRITES
        for sample in family.samples
        if sample.name == f"{_WRITES}_total" and sample.labels["outcome"] in _STORED
    )


@contextlib.asynccontextmanager
async def operator(
    state: StateDirectory, cluster: Cluster, endpoints_file: str, http: httpx.AsyncClient
) -> AsyncIterator[OperatorProcess]:
    """`redox-operator run`, ready."""
    path = state.path / "endpoints.yaml"
    path.write_text(endpoints_file)
    health, metrics = _free_address(), _free_address()
    settings = {
        "ENDPOINTS_FILE": str(path),
        "HEALTH_ADDRESS": health,
        "METRICS_ADDRESS": metrics,
        "LOG_FORMAT": "text",
        **MARGINS,
    }
    if cluster.operator_namespaces:
        settings["NAMESPACES"] = cluster.operator_namespaces
    environment = {f"REDOX_OPERATOR_{name}": value for name, value in settings.items()}
    environment["KUBECONFIG"] = str(cluster.operator_kubeconfig)
    command = [str(console_script("redox-operator")), "run"]
    async with running("operator", command, state, environment) as child:
        await _wait_ready(child, f"http://{health}/readyz", http)
        yield OperatorProcess(child, f"http://{metrics}/metrics")


async def _wait_ready(child: Child, url: str, http: httpx.AsyncClient) -> None:
    said = "no answer"
    try:
        async with asyncio.timeout(READY_SECONDS):
            while True:
                child.check()
                with contextlib.suppress(httpx.HTTPError):
                    answer = await http.get(url)
                    if answer.is_success:
                        return
                    said = answer.text.strip()[:300]
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise DemoError(
            f"the operator was not ready in {READY_SECONDS:g} s: {said}", child.log_tail()
        ) from None


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"127.0.0.1:{listening.getsockname()[1]}"
