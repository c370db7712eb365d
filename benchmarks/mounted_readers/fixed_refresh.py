"""For comparison: Secrets whose token is replaced after a fixed share of its life.

Everything else is as the operator has it: the same endpoints, assertions, pauses between attempts,
one write per token. So the difference is the moment of the refresh and nothing else.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import threading
import time
from dataclasses import dataclass, field

import httpx
from cryptography.hazmat.primitives import serialization

from redox_operator.adapters.client_assertion.signing import new_jti, sign
from redox_operator.domain.private_key import SigningKey
from redox_operator.domain.refresh import retry_delay
from redox_operator.domain.timestamps import format_time
from tests.support.controlplane import ControlPlane
from tests.support.keys import thumbprint
from tests.support.reader_bench import ReaderBench
from tests.support.worker import Worker

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ATTEMPT_SECONDS = 5.0
READY_SECONDS = 60
CLOCK_LEEWAY = 30
ASSERTION_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, and when it was sent for."""

    access_token: str = field(repr=False)
    sent_at: float
    lifetime: float


class FixedRefresh(Worker):
    """For each credential of a bench a Secret `<name><ending>`, in a thread of its own."""

    def __init__(
        self, bench: ReaderBench, cluster: ControlPlane, share: float, ending: str
    ) -> None:
        """`share`: of a token's life, 0 to 1, after which the next one is requested."""
        super().__init__()
        self._bench, self._share, self._ending = bench, share, ending
        self._audience = bench.endpoints.redox.token_url
        self._keys = {name: _signing_key(pem) for name, pem in bench.endpoints.keys.items()}
        secrets = f"{cluster.url}/api/v1/namespaces/{bench.namespace}/secrets"
        self._secrets, self._bearer = secrets, {"Authorization": f"Bearer {cluster.token}"}
        # One client for both servers: it trusts both authorities.
        self._trusted = ssl.create_default_context(cafile=bench.endpoints.redox.ca_file)
        self._trusted.load_verify_locations(cafile=cluster.ca_file)
        self._missing = sum(map(len, bench.names.values()))
        self._ready = threading.Event()

    def wait_ready(self) -> None:
        """Until each Secret is there."""
        assert self._ready.wait(READY_SECONDS), f"{self._missing} Secrets are missing"
        self.check()

    def work(self) -> None:
        """Refresh until it is told to stop."""
        try:
            asyncio.run(self._refresh_all())
        finally:
            self._ready.set()

    async def _refresh_all(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with (
            httpx.AsyncClient(
                verify=self._trusted, timeout=ATTEMPT_SECONDS, limits=limits, trust_env=False
            ) as http,
            asyncio.TaskGroup() as tasks,
        ):
            running = [
                tasks.create_task(self._refresh(http, endpoint, name))
                for endpoint, names in self._bench.names.items()
                for name in names
            ]
            await asyncio.to_thread(self.stopping.wait)
            for task in running:
                task.cancel()

    async def _refresh(self, http: httpx.AsyncClient, endpoint: str, name: str) -> None:
        secret = {"metadata": {"name": name + self._ending}}
        issued = await self._issue(http, endpoint)
        body = secret | {"stringData": _data(issued)}
        (await http.post(self._secrets, json=body, headers=self._bearer)).raise_for_status()
        self._missing -= 1
        if not self._missing:
            self._ready.set()
        # Only the first is early, so that not all are due at once.
        early = random.uniform(0, self._share * issued.lifetime)
        while True:
            due = issued.sent_at + self._share * issued.lifetime - early
            await asyncio.sleep(max(0.0, due - time.time()))
            early = 0.0
            issued = await self._issue(http, endpoint)
            await self._write(http, name, issued)

    async def _issue(self, http: httpx.AsyncClient, endpoint: str) -> Issued:
        attempts = 0
        while True:
            try:
                async with asyncio.timeout(ATTEMPT_SECONDS):
                    return await self._request(http, endpoint)
            except (httpx.HTTPError, TimeoutError):
                attempts += 1
                pause = retry_delay(attempts, random.random(), before_deadline=True)
                await asyncio.sleep(pause)

    async def _request(self, http: httpx.AsyncClient, endpoint: str) -> Issued:
        sent_at = time.time()
        assertion = sign(
            self._keys[endpoint],
            client_id=endpoint,
            audience=self._audience,
            issued_at=sent_at - CLOCK_LEEWAY,
            lifetime=ASSERTION_SECONDS,
            assertion_type="JWT",
            jti=new_jti(),
        )
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        answer = await http.post(self._bench.endpoints.token_urls[endpoint], data=form)
        content = answer.raise_for_status().json()
        return Issued(content["access_token"], sent_at, content["expires_in"])

    async def _write(self, http: httpx.AsyncClient, name: str, issued: Issued) -> None:
        headers = self._bearer | {"Content-Type": "application/merge-patch+json"}
        url = f"{self._secrets}/{name}{self._ending}"
        body = {"stringData": _data(issued)}
        while True:
            try:
                answer = await http.patch(url, json=body, headers=headers)
                answer.raise_for_status()
            except httpx.TransportError:
                await asyncio.sleep(1)
            else:
                return


def _data(issued: Issued) -> dict[str, str]:
    return {
        "access_token": issued.access_token,
        "authorization": f"Bearer {issued.access_token}",
        "expires_at": format_time(issued.sent_at + issued.lifetime),
    }


def _signing_key(pem: str) -> SigningKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    material = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    name = thumbprint(pem)
    return SigningKey(key_id=name, algorithm="RS384", thumbprint=name, material=material)
