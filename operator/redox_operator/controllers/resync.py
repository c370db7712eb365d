"""The periodic list: what a watch missed is found, what it never said was deleted is swept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.observation import Observation
from redox_operator.controllers.ports import CredentialsPort, SecretsPort
from redox_operator.controllers.records import is_newer
from redox_operator.controllers.watch import Change
from redox_operator.domain.credential import Credential, Key
from redox_operator.domain.errors import ClusterError, NotFound

logger = logging.getLogger(__name__)

INTERVAL = 60.0
RETRY = 5.0


@dataclass(slots=True)
class Resync:
    """Lists at the start, every minute, and when asked."""

    credentials: CredentialsPort
    targets: SecretsPort | None
    """None where targets are not watched."""
    namespaces: tuple[str, ...]
    observation: Observation
    clock: Clock
    on_older_revision: Callable[[], None]
    """Called when the cluster went back in time: its etcd was restored."""
    completed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a first list is done."""
    crd_missing: bool = False
    listed_at: dict[str, float] = field(default_factory=dict)
    """Wall-clock time of the last list, by resource."""
    _revision: str | None = None
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def complete(self) -> bool:
        """Whether a first list is done."""
        return self.completed.is_set()

    def ask(self) -> None:
        """List soon."""
        self._asked.set()

    async def loop(self) -> None:
        """List again and again, until cancelled."""
        while True:
            pause = INTERVAL
            self._asked.clear()
            try:
                await self.run()
            except ClusterError as error:
                logger.warning("the list failed: %s", error)
                pause = RETRY
            try:
                async with asyncio.timeout(pause):
                    await self._asked.wait()
            except TimeoutError:
                continue

    async def run(self) -> None:
        """One list of everything."""
        observation, started = self.observation, self.clock.read()
        observation.deleted_uids.clear()
        scopes: tuple[str | None, ...] = self.namespaces or (None,)
        found: set[Key] = set()
        for scope in scopes:
            items, revision = await self._list(scope)
            self._check(revision)
            for item in items:
                metadata = item["metadata"]
                metadata.pop("managedFields", None)
                found.add(Key(metadata["namespace"], metadata["name"]))
                observation.credential(Change(item, deleted=False))
        for record in observation.records:
            if record.key not in found and record.first_seen < started.boot:
                observation.forget(record.key)
        self.listed_at["redoxcredentials"] = started.wall
        await self._run_targets(scopes)
        self.completed.set()

    async def _list(self, scope: str | None) -> tuple[list[dict[str, Any]], str]:
        try:
            listed = await self.credentials.list(scope)
        except NotFound:
            if not self.crd_missing:
                logger.warning("the CustomResourceDefinition is missing: apply crds/")
            self.crd_missing = True
            raise
        self.crd_missing = False
        return listed

    async def _run_targets(self, scopes: tuple[str | None, ...]) -> None:
        if self.targets is None:
            return
        started = self.clock.read()
        versions: dict[tuple[str, str], str] = {}
        for scope in scopes:
            for namespace, name, version in await self.targets.list_targets(scope):
                versions[namespace, name] = version
        for record in self.observation.records:
            if not isinstance(record.credential, Credential):
                continue
            place = (record.key.namespace, record.credential.target.secret_name)
            if place in versions:
                self.observation.target_version(record, versions[place])
            elif record.target is not None and record.target_read_at < started.boot:
                self.observation.target_missing(record)
        self.listed_at["secrets"] = started.wall

    def _check(self, revision: str) -> None:
        last, self._revision = self._revision, revision
        if last is not None and is_newer(last, revision):
            logger.warning("the cluster's history went back; everything is read anew")
            for record in self.observation.records:
                record.resource_version, record.target_known = "0", False
                record.target_version = None
            self.on_older_revision()
