"""Service addresses and their names, in the place of kube-proxy and a cluster's DNS.

Every address of the Service range is local in the node's network namespace: for each port of each
Service this process listens there, and relays to one of the pods that are ready. The address of the
API server leads to where that listens. `python -m …service_proxy KUBECONFIG` runs until SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
from pathlib import Path

import yaml

from tests.support.kubernetes_api import APIError, KubernetesAPI
from tests.support.real_node.dns import ZONE, NameServer
from tests.support.real_node.endpoints import Address, Endpoints, endpoints
from tests.support.real_node.network import API_ADDRESS, DNS_ADDRESS

LOOK_SECONDS = 0.5
CONNECT_SECONDS = 5
CHUNK = 65536
API: Address = (API_ADDRESS, 443)


class ServiceProxy:
    """Listeners for what the API has; `keep_up` looks at it twice a second."""

    def __init__(self, api: KubernetesAPI, api_server: Address) -> None:
        self._api = api
        self._api_server = api_server
        self._now = Endpoints({}, {})
        self._listeners: dict[Address, asyncio.Server] = {}

    async def keep_up(self) -> None:
        await self._listen(API)
        loop = asyncio.get_running_loop()
        dns = (DNS_ADDRESS, 53)
        await loop.create_datagram_endpoint(lambda: NameServer(self.addresses), local_addr=dns)
        while True:
            # An API server that is away leaves what was known, as kube-proxy does.
            with contextlib.suppress(APIError, OSError):
                self._now = await asyncio.to_thread(self._look)
            for address in self._listeners.keys() - self._now.backends.keys() - {API}:
                self._listeners.pop(address).close()
            for address in self._now.backends.keys() - self._listeners.keys():
                await self._listen(address)
            await asyncio.sleep(LOOK_SECONDS)

    def addresses(self, name: str) -> tuple[str, ...] | None:
        """Of a Service's full name."""
        service, separator, rest = name.partition(f".{ZONE}")
        return self._now.names.get(service) if separator and not rest else None

    def _look(self) -> Endpoints:
        services, pods = (
            self._api.get(f"/api/v1/{kind}")["items"] for kind in ("services", "pods")
        )
        return endpoints(services, pods)

    async def _listen(self, address: Address) -> None:
        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._relay(address, reader, writer)

        self._listeners[address] = await asyncio.start_server(relay, *address)

    async def _relay(
        self, address: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        backends = (self._api_server,) if address == API else self._now.backends.get(address, ())
        with contextlib.suppress(OSError, TimeoutError), contextlib.closing(writer):
            if not backends:
                # A reset, as where nothing listens.
                writer.transport.abort()
                return
            async with asyncio.timeout(CONNECT_SECONDS):
                inner_reader, inner_writer = await asyncio.open_connection(*random.choice(backends))
            with contextlib.closing(inner_writer):
                await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()


async def run(proxy: ServiceProxy) -> None:
    """Until SIGTERM."""
    task = asyncio.ensure_future(proxy.keep_up())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def main() -> None:
    kubeconfig = Path(sys.argv[1])
    server = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    host, port = server.removeprefix("https://").split(":")
    with KubernetesAPI.from_kubeconfig(kubeconfig) as api:
        asyncio.run(run(ServiceProxy(api, (host, int(port)))))


if __name__ == "__main__":
    main()
