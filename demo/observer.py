"""Watches the demo from outside: the API server, the sandbox's counts, the operator's metrics."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
import httpx
from kubernetes.aio import client

from demo.cluster import NAMESPACE
from demo.mounts import Kubelet
from demo.operator_process import OperatorProcess
from demo.redox import Redox
from demo.state import Status, Totals

INTERVAL_SECONDS = 0.5
TIMEOUT = 5
_TARGETS = "redox-operator.dev/role=target"


@dataclass(slots=True)
class Observer:
    """The latest that was seen, and what does not answer."""

    api: client.ApiClient
    http: httpx.AsyncClient
    redox: Redox
    operator: OperatorProcess
    kubelet: Kubelet
    statuses: Mapping[str, Status] = field(default_factory=dict)
    issued: Mapping[str, int] = field(default_factory=dict)
    """Tokens by client ID."""
    totals: Totals = field(default_factory=Totals)
    notices: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Look twice a second until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL_SECONDS)

    async def look(self) -> None:
        """Look once at everything; what does not answer becomes a notice."""
        try:
            self.statuses = await self._read_statuses()
            await self._read_targets()
            self.notices.pop("api", None)
        except (client.ApiException, aiohttp.ClientError, TimeoutError, OSError) as error:
            self.notices["api"] = f"the API server does not answer ({_brief(error)})"
        self.kubelet.sync(time.time())
        try:
            stats = await self.redox.stats(self.http)
            writes = await self.operator.secret_writes(self.http)
            self.issued = {name: n.get("issued", 0) for name, n in stats["clients"].items()}
            self.totals = Totals(
                token_requests=sum(stats["totals"].values()),
                refused=stats["totals"].get("refused", 0),
                repeated_jti=stats["repeatedJti"],
                secret_writes=writes,
            )
            self.notices.pop("counts", None)
        except httpx.HTTPError as error:
            self.notices["counts"] = f"counts are not answered ({_brief(error)})"

    async def _read_statuses(self) -> dict[str, Status]:
        answer = await client.CustomObjectsApi(self.api).list_namespaced_custom_object(
            *("redox-operator.dev", "v1alpha1", NAMESPACE, "redoxcredentials"),
            _request_timeout=TIMEOUT,
        )
        items: list[dict[str, Any]] = answer["items"]  # type: ignore[index] # it says object
        return {item["metadata"]["name"]: status_of(item) for item in items}

    async def _read_targets(self) -> None:
        answer = await client.CoreV1Api(self.api).list_namespaced_secret(
            NAMESPACE, label_selector=_TARGETS, _request_timeout=TIMEOUT
        )
        now = time.time()
        for secret in self.api.sanitize_for_serialization(answer)["items"]:
            encoded = secret.get("data", {})
            data = {name: base64.b64decode(value) for name, value in encoded.items()}
            self.kubelet.see(secret["metadata"]["name"], data, now)


def status_of(credential: Mapping[str, Any]) -> Status:
    """The status of a RedoxCredential as the API gives it."""
    status = credential.get("status") or {}
    conditions = {entry["type"]: entry for entry in status.get("conditions") or ()}
    ready = conditions.get("Ready", {})
    # Ready stays true through a failed refresh, of which the other condition tells.
    healthy = conditions.get("RefreshHealthy", {})
    told = ready if ready.get("status") != "True" else healthy
    return Status(
        ready=ready.get("status", "Unknown"),
        reason=told.get("reason", ""),
        message=told.get("message", ""),
        expires_at=_time(status.get("expirationTime")),
        next_refresh_at=_time(status.get("nextRefreshTime")),
    )


def _time(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


def _brief(error: Exception) -> str:
    status = getattr(error, "status", None)
    return f"{type(error).__name__} {status}" if status else type(error).__name__
