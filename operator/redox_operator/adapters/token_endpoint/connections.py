"""Open connections, kept for each endpoint."""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx

from redox_operator.adapters.token_endpoint.timeouts import Timeouts
from redox_operator.domain.endpoint import Endpoint

_LIMITS = httpx.Limits(
    max_connections=100,
    # Twenty workers, each with one.
    max_keepalive_connections=20,
    # Below the 60 s of common load balancers: a request on a connection that the other end is
    # closing is lost, and its assertion with it.
    keepalive_expiry=20.0,
)

_FileState = tuple[int, int, int, int]


@dataclass(slots=True, eq=False)
class _Entry:
    endpoint: Endpoint
    ca_bundle: _FileState | None
    client: httpx.AsyncClient
    in_use: int = 0


class Connections:
    """An `httpx.AsyncClient` for each endpoint; another when the entry or its caBundle changes."""

    def __init__(
        self,
        *,
        user_agent: str,
        timeouts: Timeouts,
        transport: httpx.AsyncBaseTransport | None,
        trust_env: bool,
    ) -> None:
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": user_agent,
        }
        self._timeouts = timeouts
        self._transport = transport
        self._trust_env = trust_env
        self._entries: dict[str, _Entry] = {}
        self._outdated: list[_Entry] = []

    def use(self, endpoint: Endpoint) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        """The client for an endpoint, as a context: inside it, the client stays open.

        Raises `OSError`, at once, for a caBundle that cannot be used.
        """
        return self._use(self._current(endpoint))

    async def close(self) -> None:
        """Close all connections, also those in use."""
        entries = [*self._entries.values(), *self._outdated]
        self._entries.clear()
        self._outdated.clear()
        for entry in entries:
            await entry.client.aclose()

    def _current(self, endpoint: Endpoint) -> _Entry:
        ca_bundle = None if endpoint.ca_bundle is None else _file_state(endpoint.ca_bundle)
        entry = self._entries.get(endpoint.name)
        if entry is not None and (entry.endpoint, entry.ca_bundle) == (endpoint, ca_bundle):
            return entry
        client = self._open(endpoint.ca_bundle)
        if entry is not None:
            self._outdated.append(entry)
        self._entries[endpoint.name] = _Entry(endpoint, ca_bundle, client)
        return self._entries[endpoint.name]

    def _open(self, ca_bundle: str | None) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=(
                self._public_trust
                if ca_bundle is None
                else ssl.create_default_context(cafile=ca_bundle)
            ),
            headers=self._headers,
            timeout=self._timeouts.steps,
            limits=_LIMITS,
            follow_redirects=False,
            trust_env=self._trust_env,
            transport=self._transport,
            # A client is shared by all credentials; a cookie would tie them together.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    @asynccontextmanager
    async def _use(self, entry: _Entry) -> AsyncIterator[httpx.AsyncClient]:
        entry.in_use += 1
        try:
            yield entry.client
        finally:
            entry.in_use -= 1
            await self._close_outdated()

    async def _close_outdated(self) -> None:
        for entry in [entry for entry in self._outdated if not entry.in_use]:
            self._outdated.remove(entry)
            await entry.client.aclose()

    @functools.cached_property
    def _public_trust(self) -> ssl.SSLContext:
        """Once for all endpoints: reading the public certificates takes 20 ms and more."""
        return httpx.create_ssl_context(trust_env=self._trust_env)


def _file_state(path: str) -> _FileState:
    """Changes with the file, also when the kubelet swaps the directory that holds it."""
    state = Path(path).stat()
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns
