"""The server on an event loop, for `redox-sandbox kubernetes` and for tests in the same process."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from redox_sandbox.kubernetes.clock import Clock, SystemClock
from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.definition_controller import DefinitionController
from redox_sandbox.kubernetes.faults import Faults
from redox_sandbox.kubernetes.garbage_collector import GarbageCollector
from redox_sandbox.kubernetes.kubeconfig import write_kubeconfig
from redox_sandbox.kubernetes.namespace_controller import NamespaceController
from redox_sandbox.kubernetes.request_log import RequestLog
from redox_sandbox.kubernetes.serving.handler import Handler
from redox_sandbox.kubernetes.store import Store
from redox_sandbox.kubernetes.watching import Watches

# So long a request that hangs may go on when the server ends.
SHUTDOWN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Api:
    """A running server, and what a test in the same process can reach into."""

    url: str
    kubeconfig: Path
    store: Store
    cluster: Cluster
    faults: Faults
    requests: RequestLog


def parse_address(text: str) -> tuple[str, int]:
    """Split `host:port`; an IPv6 host stands in brackets.

    Raises:
        ValueError: it is no IP address with a port.
    """
    host, colon, port = text.rpartition(":")
    address = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdecimal():
        raise ValueError(f"{text!r} is no address: write it as 127.0.0.1:0")
    # Only addresses: resolving a name would need a thread.
    ipaddress.ip_address(address)
    return address, int(port)


@asynccontextmanager
async def running(
    address: str = "127.0.0.1:0",
    *,
    data_dir: Path | None = None,
    clock: Clock | None = None,
    history: int = 10_000,
    controller_delay: float = 0.0,
) -> AsyncIterator[Api]:
    """Serve until the block ends; open watches and hanging requests are cut then.

    Controllers (garbage collection, ends of namespaces, serving of new definitions) act by the
    clock, a moment after the change: while a clock stands still, they wait.

    Args:
        address: where to listen; port 0 takes a free one.
        data_dir: where the kubeconfig goes; a temporary directory when absent.
        clock: the only source of time; the machine's when absent.
        history: changes that are kept of each resource.
        controller_delay: seconds by which garbage collection and the like lag behind.

    Raises:
        ValueError: the address is none.
        OSError: nothing can listen there.
    """
    host, port = parse_address(address)
    async with AsyncExitStack() as stack:
        directory = data_dir or Path(stack.enter_context(TemporaryDirectory()))
        store = Store(history)
        cluster = Cluster(store, clock or SystemClock())
        watches, requests = Watches(), RequestLog()
        faults = Faults(cluster, watches)
        DefinitionController(cluster, watches, controller_delay)
        NamespaceController(cluster, controller_delay)
        GarbageCollector(cluster, controller_delay)
        handler = Handler(cluster, watches, faults, requests)
        runner = web.ServerRunner(
            web.Server(handler, handler_cancellation=True, access_log=None),
            # Zero would mean for ever.
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        stack.callback(faults.drop_watches)
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0]
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        url = f"http://{shown}:{bound[1]}"
        kubeconfig = directory / "kubeconfig"
        write_kubeconfig(kubeconfig, url)
        stack.callback(kubeconfig.unlink, missing_ok=True)
        yield Api(url, kubeconfig, store, cluster, faults, requests)
