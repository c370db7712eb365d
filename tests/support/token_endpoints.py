"""Token endpoints that go away each in its own way, and one that stays; behind them one sandbox."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from tests.support.keys import client_entry, rsa_pem
from tests.support.operator_process import sandbox_endpoint
from tests.support.redox_sandbox import RedoxSandbox
from tests.support.tcp_gate import TcpGate

STEADY = "Steady"
REFUSED = "Refused"
FAULTS: dict[str, dict[str, Any]] = {
    "Unavailable": {"fault": "status", "status": 503},
    "Hanging": {"fault": "hang"},
    "Resetting": {"fault": "reset"},
}
WAYS = (REFUSED, *FAULTS)
"""Named as the endpoints are: what happens to a request while the endpoint is away."""


class TokenEndpoints:
    """The endpoints `Steady` and WAYS; a context manager.

    Each has one client of its name, so that a fault of one leaves the others alone.
    """

    def __init__(self, token_lifetime: int) -> None:
        self._token_lifetime = token_lifetime
        self._stack = ExitStack()
        self._away: set[str] = set()
        self.keys = {name: rsa_pem(number=n) for n, name in enumerate((STEADY, *WAYS))}
        """The private key of each endpoint's client, as PEM."""

    def __enter__(self) -> Self:
        with self._stack:
            clients = [client_entry(name, key) for name, key in self.keys.items()]
            self.redox = self._stack.enter_context(
                RedoxSandbox.start(clients=clients, token_lifetime=self._token_lifetime)
            )
            upstream = urlsplit(self.redox.token_url)
            assert upstream.port is not None
            self._gate = self._stack.enter_context(TcpGate(upstream.port))
            gated = urlunsplit(upstream._replace(netloc=f"{upstream.hostname}:{self._gate.port}"))
            self.token_urls = dict.fromkeys(self.keys, self.redox.token_url) | {REFUSED: gated}
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def entries(self) -> list[dict[str, Any]]:
        """The entries for an endpoints file, at the rate of US and Canada."""
        audience = self.redox.token_url
        return [
            sandbox_endpoint(
                self.redox, name=name, tokenUrl=url, audience=audience, requestsPerSecond=12
            )
            for name, url in self.token_urls.items()
        ]

    def take_away(self, way: str) -> None:
        """From now on this endpoint fails in its way, until `bring_back`."""
        self._away.add(way)
        if way == REFUSED:
            self._gate.shut()
        else:
            self._set_faults()

    def bring_back(self, way: str) -> None:
        """Let it answer normally again."""
        self._away.discard(way)
        if way == REFUSED:
            self._gate.open()
        else:
            self._set_faults()

    def _set_faults(self) -> None:
        rules = [{**fault, "clientId": way} for way, fault in FAULTS.items() if way in self._away]
        self.redox.set_faults(rules)
