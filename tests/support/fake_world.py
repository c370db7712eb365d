"""Fakes at the controllers' ports that are too small for modules of their own.

The API server is in `fake_cluster`, the token endpoint in `fake_token_endpoint`; `Simulation`
puts all of them around a real `Operator`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from redox_operator.controllers.watch import Watch
from redox_operator.controllers.watch_signs import watch_name
from redox_operator.controllers.watch_state import Change
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import BUILT_IN, Endpoint
from redox_operator.domain.errors import KeyInvalid
from redox_operator.domain.private_key import KeySet, KeySetSummary, SigningKey
from tests.support.fake_cluster import CREDENTIALS, SECRETS, FakeCluster, Object, is_target

LOOK_EVERY = 5.0
"""Seconds between looks at the fake watch; days go by faster than with one a second."""


class FakeKeyParser:
    """Key Secrets hold key IDs, separated by spaces; what begins with `broken` is no key."""

    def __init__(self, delay: float = 0.01) -> None:
        self.delay = delay
        """Seconds of a parse."""
        self.delays: dict[str, float] = {}
        """The same for single namespaces."""
        self.parsed: list[str] = []
        """Contents that were checked for signing."""
        self.inspected: list[str] = []
        self.on_settled: Callable[[], None] = lambda: None

    async def parse(
        self, content: bytes, *, namespace: str, key_id: str | None, algorithm: str | None
    ) -> KeySet:
        """All keys of the content; `key_id` selects, as in a JWK Set, or names a single one."""
        self.parsed.append(content.decode())
        await asyncio.sleep(self.delays.get(namespace, self.delay))
        self.on_settled()
        return key_set(content.decode(), key_id)

    async def inspect(
        self, content: bytes, *, namespace: str, key_id: str | None, algorithm: str | None
    ) -> KeySetSummary:
        """The same without the material."""
        self.inspected.append(content.decode())
        await asyncio.sleep(self.delays.get(namespace, self.delay))
        self.on_settled()
        return key_set(content.decode(), key_id).summary


def key_set(content: str, key_id: str | None = None) -> KeySet:
    """The keys of such a content."""
    if content.startswith("broken"):
        raise KeyInvalid("The private key cannot be read.")
    names = content.split()
    if key_id in names:
        names = [key_id]
    return KeySet(
        tuple(
            SigningKey(key_id or name, "RS384", f"thumbprint-of-{name}", name.encode())
            for name in names
        )
    )


@dataclass(slots=True)
class FakeEvents:
    """Events as they were posted."""

    posted: list[tuple[Key, str, bool]] = field(default_factory=list)
    """Credential, reason and whether it is a warning."""
    notes: list[str] = field(default_factory=list)
    error: Exception | None = None

    async def post(self, key: Key, uid: str, *, warning: bool, reason: str, note: str) -> None:
        """Note an Event."""
        if self.error is not None:
            raise self.error
        assert note
        self.notes.append(note)
        self.posted.append((key, reason, warning))

    def reasons(self, key: Key) -> list[str]:
        """Of one credential, in order."""
        return [reason for about, reason, _ in self.posted if about == key]


@dataclass(slots=True)
class FakeMetrics:
    """What was counted."""

    token_requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By endpoint and outcome."""
    secret_writes: Counter[str] = field(default_factory=Counter)
    latenesses: list[float] = field(default_factory=list)

    def token_request(self, endpoint: str, outcome: str, seconds: float) -> None:
        """Count a token request."""
        assert seconds >= 0
        self.token_requests[endpoint, outcome] += 1

    def secret_write(self, outcome: str) -> None:
        """Count a write of a target."""
        self.secret_writes[outcome] += 1

    def lateness(self, seconds: float) -> None:
        """Note how late a refresh was."""
        self.latenesses.append(seconds)


class FakeEndpointsFile:
    """Endpoints that a test changes."""

    def __init__(self, endpoints: Iterable[Endpoint] = BUILT_IN) -> None:
        self.endpoints: tuple[Endpoint, ...] = tuple(endpoints)
        self.faults: list[str] = []
        self._changed = False

    def change(self, *endpoints: Endpoint) -> None:
        """The file now says this."""
        self.endpoints, self._changed = endpoints, True

    def reload(self) -> bool:
        """Whether it changed since the last time."""
        changed, self._changed = self._changed, False
        return changed


class FakeWatch(Watch):
    """Watches a `FakeCluster` in the operator's own loop: no thread, no kopf."""

    connection: FakeCluster  # type: ignore[assignment]  # it has the watchers besides

    async def loop(self) -> None:
        """Tell of everything that is there, then of every change, until cancelled."""
        self._ended, self._context = asyncio.Event(), contextvars.copy_context()
        while True:
            self._ended.clear()
            self.connection.watchers.append(self)
            self.begin(asyncio.get_running_loop().time())
            self.set_alive(True, asyncio.get_running_loop().time())
            for resource in (CREDENTIALS, SECRETS):
                for body in self.connection.objects(resource):
                    self.notice(resource, body, deleted=False, listed=True)
            try:
                await self._end()
            finally:
                self.connection.watchers.remove(self)
                self.set_alive(False, asyncio.get_running_loop().time())
            await asyncio.sleep(1)
            self.on_restart()

    async def _end(self) -> None:
        """Wait until it is to begin anew, and look now and then whether it should."""
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._ended.wait()
            now = asyncio.get_running_loop().time()
            for resource in (CREDENTIALS, SECRETS):
                # The bookmarks; only events are ever lost here.
                for scope in self.namespaces or (None,):
                    self.signs.heard(watch_name(resource, scope), now)
            self.look()

    def restart(self) -> None:
        """Begin anew."""
        self._ended.set()

    def notice(self, resource: str, body: Object, *, deleted: bool, listed: bool = False) -> None:
        """A change happened: it is told when `delivery` of the cluster says."""
        namespace = body["metadata"]["namespace"]
        if self.namespaces and namespace not in self.namespaces:
            return
        if resource == SECRETS and not (self.watch_secrets and is_target(body)):
            return
        tell = partial(self.told, resource, listed=listed)
        seen: dict[str, Any] = body if resource == CREDENTIALS else {"metadata": body["metadata"]}
        for delay in self.connection.delivery():
            # Whoever changed it, it is the watching process that is told.
            self.connection.clock.loop.call_later(
                delay, tell, Change(seen, deleted), context=self._context
            )
