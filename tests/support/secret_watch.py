"""When the API server had each token in its Secret: a watch, from outside the operator."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import httpx

from tests.support.controlplane import ControlPlane
from tests.support.worker import Worker

WATCH_SECONDS = 5
"""Each watch is this short, so that `stop` waits no longer."""


@dataclass(frozen=True, slots=True)
class Written:
    """The API server told of a token of this expiry, in seconds since the epoch."""

    time: float
    expires_at: float


class SecretWatch(Worker):
    """Watches the Secrets of a namespace, in a thread of its own."""

    def __init__(
        self, cluster: ControlPlane, namespace: str, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__()
        self.written: dict[str, list[Written]] = {}
        """By name of the Secret, oldest first."""
        self._path = f"/api/v1/namespaces/{namespace}/secrets"
        self._http = httpx.Client(
            base_url=cluster.url,
            verify=ssl.create_default_context(cafile=str(cluster.ca_file)),
            headers={"Authorization": f"Bearer {cluster.token}"},
            timeout=3 * WATCH_SECONDS,
            trust_env=False,
        )
        self._clock = clock
        self._version = ""

    def work(self) -> None:
        """Watch until it is told to stop."""
        while not self.stopping.is_set():
            # What a broken connection did not bring comes with the next one.
            with contextlib.suppress(httpx.TransportError):
                self._watch()

    def __enter__(self) -> Self:
        seen = self._http.get(self._path).raise_for_status().json()
        for secret in seen["items"]:
            self._note(secret)
        self._version = seen["metadata"]["resourceVersion"]
        return super().__enter__()

    def stop(self) -> None:
        """Let the watch that runs come to its end."""
        super().stop()
        self._http.close()

    def _watch(self) -> None:
        query = {
            "watch": "1",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        with self._http.stream("GET", self._path, params=query) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise RuntimeError(f"the watch ended: {event['object'].get('message')}")
                self._version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] in {"ADDED", "MODIFIED"}:
                    self._note(event["object"])

    def _note(self, secret: dict[str, Any]) -> None:
        expiry = (secret.get("data") or {}).get("expires_at")
        if expiry is None:
            return
        expires_at = datetime.fromisoformat(base64.b64decode(expiry).decode()).timestamp()
        written = self.written.setdefault(secret["metadata"]["name"], [])
        if not written or written[-1].expires_at != expires_at:
            written.append(Written(self._clock(), expires_at))
