"""Assertions, forms and a served sandbox for the tests of this folder."""

from __future__ import annotations

import base64
import itertools
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from joserfc import jws
from joserfc.jwk import JWKRegistry

from redox_sandbox.redox.clock import ManualClock
from redox_sandbox.redox.server import Sandbox, Settings, running
from tests.support.keys import client_entry, jwk

CLIENT = "app-1"
KEY_ID = "key-1"
NOW = 1_800_000_000
AUDIENCE = "https://127.0.0.1:8443/v2/auth/token"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_JTI = itertools.count(1)
_REGISTRY = jws.JWSRegistry(
    algorithms=[f + s for f in ("RS", "PS", "ES", "HS") for s in ("256", "384", "512")],
    strict_check_header=False,
)
_REGISTRY.max_header_length = 4096


def without(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members whose value is not None: None in an override removes one."""
    return {name: value for name, value in members.items() if value is not None}


def assertion(
    audience: str = AUDIENCE,
    *,
    key: dict[str, Any] | None = None,
    header: Mapping[str, Any] | None = None,
    claims: Mapping[str, Any] | None = None,
    now: int = NOW,
    client_id: str = CLIENT,
) -> str:
    """A good assertion with these changes; None as a value leaves the member out."""
    all_claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": now - 30,
        "exp": now + 270,
        "jti": f"jti-{next(_JTI)}",
        **(claims or {}),
    }
    return signed(
        without({"alg": "RS384", "kid": KEY_ID, "typ": "JWT", **(header or {})}),
        json.dumps(without(all_claims)),
        key or jwk(),
    )


def signed(header: Mapping[str, Any], payload: str, key: dict[str, Any]) -> str:
    """A JWS in compact form over any payload."""
    return jws.serialize_compact(
        dict(header), payload, JWKRegistry.import_key(key), registry=_REGISTRY
    )


def unsigned(header: object, payload: object, signature: str = "c2ln") -> str:
    """Three segments that nobody signed."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in (header, payload)]
    return ".".join([*(part.rstrip(b"=").decode() for part in parts), signature])


def form(assertion: str, **changes: str | None) -> dict[str, str]:
    """The fields of a token request with these changes; None leaves one out."""
    return without(
        {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
            **changes,
        }
    )


@dataclass
class Served:
    """A sandbox in this process, at a clock that stands still, and a client that trusts its CA."""

    sandbox: Sandbox
    client: httpx.AsyncClient
    admin: httpx.AsyncClient
    clock: ManualClock
    clients_file: Path
    reports: list[str] = field(default_factory=list)

    def assertion(self, **changes: Any) -> str:
        """A good assertion for this sandbox at its present time."""
        now = int(self.clock.true_now())
        return assertion(self.sandbox.token_url, **{"now": now, **changes})

    async def request(self, **changes: Any) -> httpx.Response:
        """Ask for a token with a new assertion."""
        return await self.client.post(self.sandbox.token_url, data=form(self.assertion(**changes)))

    async def token(self, **changes: Any) -> str:
        """A live access token."""
        response = await self.request(**changes)
        assert response.status_code == 200, response.text
        token: str = response.json()["access_token"]
        return token

    async def patients(self, token: str | None, path: str = "/Patient") -> httpx.Response:
        """A FHIR call with this token."""
        return await self.client.get(self.sandbox.fhir_base_url + path, headers=bearer(token))

    async def stats(self) -> dict[str, Any]:
        """The totals."""
        stats: dict[str, Any] = (await self.admin.get("/stats")).json()
        return stats

    async def log(self) -> list[dict[str, Any]]:
        """The log of token requests."""
        entries: list[dict[str, Any]] = (await self.admin.get("/requests")).json()["requests"]
        return entries

    async def set_faults(self, *rules: Mapping[str, Any]) -> None:
        """Replace the rules."""
        response = await self.admin.put("/faults", json=list(rules))
        assert response.status_code == 200, response.text

    def set_clients(self, *clients: Mapping[str, Any], **more: Any) -> None:
        """Replace the clients file."""
        write_clients(self.clients_file, *clients, **more)


def bearer(token: str | None) -> dict[str, str]:
    """The Authorization header of a token; none for None."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def write_clients(path: Path, *clients: Mapping[str, Any], **more: Any) -> None:
    """Write a clients file in one step."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"clients": list(clients), **more}))
    draft.replace(path)


@asynccontextmanager
async def served(
    directory: Path, *clients: Mapping[str, Any], **settings: Any
) -> AsyncIterator[Served]:
    """Serve a sandbox with these clients, by default one with one RSA key."""
    clock, reports = ManualClock(NOW), []
    clients_file = directory / "clients.yaml"
    more = {"legacyKeys": settings.pop("legacy_keys", [])}
    write_clients(clients_file, *(clients or (client_entry(CLIENT, jwk(kid=KEY_ID)),)), **more)
    options = Settings(
        clients=clients_file,
        data_dir=directory / "data",
        **{"clock": clock, "report": reports.append, **settings},
    )
    async with running(options) as sandbox:
        trust = ssl.create_default_context(cafile=sandbox.ca_file)
        async with (
            httpx.AsyncClient(verify=trust, trust_env=False, timeout=5) as client,
            httpx.AsyncClient(
                base_url=sandbox.admin_url, verify=trust, trust_env=False, timeout=5
            ) as admin,
        ):
            yield Served(sandbox, client, admin, clock, clients_file, reports)
