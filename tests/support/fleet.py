"""Many credentials at once, each with a client of its own, so that Redox's log tells them apart."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

import httpx

from redox_operator.domain.access_token import AccessToken
from redox_operator.domain.refresh import Margins, refresh_time
from tests.support.keys import client_entry, public_jwk, rsa_pem, thumbprint
from tests.support.kubernetes_api import APIError, KubernetesAPI, Object
from tests.support.ledger import Ledger, Version
from tests.support.manifests import credential_manifest, key_secret_manifest
from tests.support.redox_sandbox import RedoxSandbox

CREDENTIALS = "/apis/redox-operator.dev/v1alpha1/namespaces/{}/redoxcredentials"
KEY_SECRET = "redox-key"
ROUNDING = 1.5
"""Seconds: `issued-at` is a whole second, and clocks are read a moment apart."""


@dataclass(frozen=True, slots=True)
class Untimely:
    """A token request at a time when the stored token was not due."""

    client_id: str
    time: float
    due: float


@dataclass(frozen=True, slots=True)
class Wasted:
    """A token request that led to nothing."""

    client_id: str
    time: float


class Fleet:
    """Credentials `c-0`, `c-1`, … spread over namespaces; each namespace has one key.

    fleet = Fleet(admin, "kills", 60, namespaces=4, margins=MARGINS)
    fleet.register(redox)
    fleet.create()
    """

    def __init__(
        self,
        admin: KubernetesAPI,
        name: str,
        count: int,
        *,
        namespaces: int = 4,
        margins: Margins,
        keys: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        endpoint: str = "Sandbox",
    ) -> None:
        """`keys` are shared out over the namespaces in turn; without them each has an RSA-2048."""
        self.admin, self.margins, self.endpoint = admin, margins, endpoint
        self.labels = dict(labels or {})
        self.namespaces = [f"{name}-{number}" for number in range(namespaces)]
        self._keys = list(keys) or [rsa_pem(number=number) for number in range(namespaces)]
        self.members = [
            (self.namespaces[number % namespaces], f"c-{number}") for number in range(count)
        ]

    @property
    def targets(self) -> set[tuple[str, str]]:
        """Namespace and name of each target Secret."""
        return {(namespace, f"{name}-token") for namespace, name in self.members}

    def register(self, redox: RedoxSandbox) -> None:
        """Make all clients known to this Redox, and no others."""
        redox.set_clients(self.clients())

    def clients(self) -> list[dict[str, Any]]:
        """The entries of the clients file. A key's public half is computed once."""
        public = {key: public_jwk(key, kid=thumbprint(key)) for key in self._keys}
        return [
            client_entry(_client_id(namespace, name), public[self._key(namespace)])
            for namespace, name in self.members
        ]

    def create(self) -> Self:
        """Create namespaces, keys and credentials."""
        for namespace in self.namespaces:
            self.admin.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
            secret = key_secret_manifest(self._key(namespace), KEY_SECRET)
            self.admin.create(f"/api/v1/namespaces/{namespace}/secrets", secret)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda member: self.add(*member), self.members))
        return self

    def add(self, namespace: str, name: str) -> Object:
        """Create one credential of an existing namespace; its client must be registered."""
        manifest = credential_manifest(
            name,
            clientId=_client_id(namespace, name),
            endpoint=self.endpoint,
            privateKey={"secretRef": {"name": KEY_SECRET}},
        )
        manifest["metadata"]["labels"] = self.labels
        return self.admin.create(CREDENTIALS.format(namespace), manifest)

    def close(self) -> None:
        """Remove the namespaces, without waiting; an API server that is gone has none."""
        with contextlib.suppress(httpx.TransportError, APIError):
            for namespace in self.namespaces:
                self.admin.delete(f"/api/v1/namespaces/{namespace}")

    def unready(self) -> dict[str, str]:
        """Credentials whose Ready or RefreshHealthy is not True, each with reasons."""
        found = {}
        for namespace in self.namespaces:
            for item in self.admin.get(CREDENTIALS.format(namespace))["items"]:
                conditions = item.get("status", {}).get("conditions", [])
                status = {each["type"]: each for each in conditions}
                bad = [
                    f"{kind} {status.get(kind, {}).get('reason', 'is absent')}"
                    for kind in ("Ready", "RefreshHealthy")
                    if status.get(kind, {}).get("status") != "True"
                ]
                if bad:
                    found[f"{namespace}/{item['metadata']['name']}"] = ", ".join(bad)
        return found

    def due(self, version: Version) -> float:
        """When the token of this version is to be refreshed, in seconds since the epoch."""
        token = AccessToken("", version.issued_at, version.expires_at)
        return refresh_time(token, version.credential_uid, self.margins)

    def untimely(self, requests: Sequence[Mapping[str, Any]], ledger: Ledger) -> list[Untimely]:
        """Token requests that were sent while the stored token, by its own times, was not due.

        A request whose token was never stored leaves the credential due, so another is timely.
        """
        found, stored = [], ledger.tokens(self.namespaces)
        for request in requests:
            # What it led to is seen after it arrived.
            versions = stored.get(_target(request["clientId"]), [])
            due = [self.due(v) for v in versions if v.seen_at < request["time"]]
            if due and request["time"] < max(due) - ROUNDING:
                found.append(Untimely(request["clientId"], request["time"], max(due)))
        return found

    def wasted(self, requests: Sequence[Mapping[str, Any]], ledger: Ledger) -> list[Wasted]:
        """Token requests whose token was never stored."""
        stored, found = ledger.tokens(self.namespaces), []
        for request in requests:
            sent, versions = request["time"], stored.get(_target(request["clientId"]), [])
            # `issued-at` is the second of sending, rounded down; a request takes its way.
            match = next((v for v in versions if v.issued_at <= sent <= v.seen_at), None)
            if match is None:
                found.append(Wasted(request["clientId"], sent))
            else:
                versions.remove(match)
        return found

    def _key(self, namespace: str) -> str:
        return self._keys[self.namespaces.index(namespace) % len(self._keys)]


def requested(redox: RedoxSandbox) -> int:
    """All token requests, whatever became of them."""
    return sum(redox.stats()["totals"].values())


def least_interval(requests: Sequence[Mapping[str, Any]]) -> float:
    """The least time between two requests of one client, in seconds."""
    last, least = dict[str, float](), float("inf")
    for request in requests:
        client_id, moment = request["clientId"], request["time"]
        least = min(least, moment - last.get(client_id, float("-inf")))
        last[client_id] = moment
    return least


def burst(times: Sequence[float], seconds: float = 1.0) -> int:
    """The most events within any window of that many seconds."""
    ordered, first, most = sorted(times), 0, 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] > seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def _client_id(namespace: str, name: str) -> str:
    return f"{namespace}.{name}"


def _target(client_id: str) -> tuple[str, str]:
    namespace, _, name = client_id.partition(".")
    return namespace, f"{name}-token"
