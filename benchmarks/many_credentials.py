"""Many credentials at once: first tokens a second, memory, and requests for each refresh.

    python -m benchmarks.many_credentials [--credentials 1000] [--namespaces 20] [--watch 240]

The endpoint's rate is off, so that the operator and the API server are the limit. Each namespace
has one RSA-2048 key, as a team with one Redox API key has.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.support.controlplane import ControlPlane
from tests.support.crds import apply_crds
from tests.support.keys import client_entry, rsa_pem
from tests.support.kubernetes_api import KubernetesAPI
from tests.support.manifests import credential_manifest, key_secret_manifest
from tests.support.operator_process import OperatorProcess, sandbox_endpoint
from tests.support.operator_rbac import operator_kubeconfig
from tests.support.redox_sandbox import RedoxSandbox

CREDENTIALS = "/apis/redox-operator.dev/v1alpha1/namespaces/{}/redoxcredentials"


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credentials", type=int, default=1000)
    parser.add_argument("--namespaces", type=int, default=20)
    parser.add_argument("--watch", type=int, default=240, help="seconds of refreshes to watch")
    arguments = parser.parse_args()
    namespaces = [f"bench-{number}" for number in range(arguments.namespaces)]
    keys = {name: rsa_pem(number=number) for number, name in enumerate(namespaces)}
    clients = [client_entry(name, key) for name, key in keys.items()]
    console = Console(stderr=True)
    with ControlPlane.start() as cluster, RedoxSandbox.start(clients=clients) as redox:
        admin = KubernetesAPI.from_kubeconfig(cluster.kubeconfig)
        apply_crds(admin)
        console.print(f"creating {arguments.credentials} credentials …")
        _create(admin, keys, arguments.credentials)
        settings = {"PROPAGATION_SECONDS": "92", "SAFETY_SECONDS": "10"}
        settings |= {"RETRY_BUDGET_SECONDS": "75", "LOG_LEVEL": "WARNING"}
        operator = OperatorProcess(
            operator_kubeconfig(cluster), [sandbox_endpoint(redox)], settings
        )
        with operator:
            servers = {"the API server": cluster.pid, "Redox": redox.pid}
            rows = _measure(operator, redox, servers, arguments, console)
        admin.close()
    table = Table("what", "value", title=f"{arguments.credentials} credentials of 300 s")
    for what, value in rows.items():
        table.add_row(what, value)
    Console().print(table)


def _create(admin: KubernetesAPI, keys: dict[str, str], count: int) -> None:
    for namespace, key in keys.items():
        admin.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        secret = key_secret_manifest(key, "redox-key")
        admin.create(f"/api/v1/namespaces/{namespace}/secrets", secret)
    names = list(keys)

    def create(number: int) -> None:
        namespace = names[number % len(names)]
        manifest = credential_manifest(
            f"c-{number}",
            clientId=namespace,
            endpoint="Sandbox",
            privateKey={"secretRef": {"name": "redox-key"}},
        )
        admin.create(CREDENTIALS.format(namespace), manifest)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(count)))


def _measure(
    operator: OperatorProcess,
    redox: RedoxSandbox,
    servers: dict[str, int],
    arguments: argparse.Namespace,
    console: Console,
) -> dict[str, str]:
    count, watch = arguments.credentials, arguments.watch
    spent = {name: _cpu_seconds(pid) for name, pid in servers.items()}
    started = time.monotonic()
    operator.launch()
    ready = time.monotonic() - started
    while (live := redox.stats()["liveTokens"]) < count:
        console.print(f"{time.monotonic() - started:5.1f} s: {live} tokens", end="\r")
        time.sleep(0.2)
    requested = time.monotonic() - started
    while operator.metric("secret_writes_total", outcome="created") < count:
        time.sleep(0.1)
    written = time.monotonic() - started
    spent = {name: _cpu_seconds(pid) - spent[name] for name, pid in servers.items()}
    time.sleep(5)
    cpu, memory = _cpu_seconds(operator.process.pid), operator.rss_mib()
    requests = _per_token(operator, count)
    console.print(f"\nall written after {written:.1f} s; watching refreshes for {watch} s …")
    before = _counts(operator)
    time.sleep(watch)
    after = {name: value - before[name] for name, value in _counts(operator).items()}
    refreshes, later = max(1.0, after["issued"]), _cpu_seconds(operator.process.pid) - cpu
    return {
        "ready": f"{ready:.1f} s",
        "first tokens, requested": f"{count / (requested - ready):.0f} a second",
        "first tokens, written": f"{count / (written - ready):.0f} a second",
        "all first tokens written after": f"{written:.1f} s",
        "CPU of the operator until then": f"{cpu:.1f} s",
        **{f"CPU of {name} until then": f"{seconds:.1f} s" for name, seconds in spent.items()},
        "RSS after the first tokens": f"{memory:.0f} MiB",
        "API requests for a first token": requests,
        "RSS at the end": f"{operator.rss_mib():.0f} MiB",
        "refreshes watched": f"{after['issued']:.0f}",
        "API writes for a refresh": f"{after['writes'] / refreshes:.2f}",
        "API reads for a refresh": f"{after['reads'] / refreshes:.2f}",
        "Events for a credential in all": f"{_events(operator) / count:.2f}",
        "CPU for 1,000 refreshes": f"{later / refreshes * 1000:.1f} s",
        "latest refresh": f"under {_latest(operator)} s",
    }


def _per_token(operator: OperatorProcess, count: int) -> str:
    """Requests of each kind until the first tokens were written, by credential."""
    total = "kubernetes_requests_total"
    kinds = {
        "get": {"verb": "get"},
        "create Secret": {"verb": "create", "resource": "secrets"},
        "patch status": {"verb": "patch", "resource": "redoxcredentials/status"},
        "Event": {"verb": "create", "resource": "events"},
    }
    return ", ".join(
        f"{operator.metric(total, **labels) / count:.2f} {kind}" for kind, labels in kinds.items()
    )


def _events(operator: OperatorProcess) -> float:
    return operator.metric("kubernetes_requests_total", verb="create", resource="events")


def _counts(operator: OperatorProcess) -> dict[str, float]:
    total = "kubernetes_requests_total"
    writes = sum(operator.metric(total, verb=verb) for verb in ("create", "patch"))
    return {
        "issued": operator.metric("token_requests_total", outcome="issued"),
        "writes": writes - _events(operator),
        "reads": operator.metric(total, verb="get"),
    }


def _latest(operator: OperatorProcess) -> str:
    count = operator.metric("refresh_lateness_seconds_count")
    for bound in ("0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0"):
        if operator.metric("refresh_lateness_seconds_bucket", le=bound) >= count:
            return bound
    return "300"


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
