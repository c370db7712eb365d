"""A TCP relay that can be shut: whoever connects then is refused, as by a server that is down."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine
from typing import Any, Self

CALL_SECONDS = 10
CHUNK = 65536


class TcpGate:
    """Relays to an address on loopback while it is open; a context manager that stops it.

    It begins open. Its own port stays reserved while it is shut.
    """

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        # Bound and never listening: alone it refuses, and nobody else gets the port.
        self._reservation = _bound(0)
        self.port: int = self._reservation.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._relays: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="gate", daemon=True)
        self._thread.start()
        self.open()

    def open(self) -> None:
        """Relay connections."""
        self._call(self._open())

    def shut(self) -> None:
        """Refuse new connections and cut those that there are."""
        self._call(self._shut())

    def stop(self) -> None:
        """Shut it for good."""
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._reservation.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_SECONDS)

    async def _open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, sock=_bound(self.port))

    async def _shut(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay = asyncio.current_task()
        assert relay is not None
        self._relays.add(relay)
        try:
            up, down = await asyncio.open_connection("127.0.0.1", self._upstream_port)
            try:
                await asyncio.gather(_pump(reader, down), _pump(up, writer))
            finally:
                down.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._relays.discard(relay)
            writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound
