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
from redox_operator.controllers.records import Record, is_newer
from redox_operator.controllers.watch_signs import watch_name
from redox_operator.controllers.watch_state import SECRETS, Change
from redox_operator.domain.credential import PLURAL, Credential, Key
from redox_operator.domain.errors import ClusterError, Forbidden, NotFound
from redox_operator.domain.target import ROLE_LABEL, ROLE_TARGET

logger = logging.getLogger(__name__)

INTERVAL = 60.0
RETRY = 5.0
SPACING = 5.0
"""Seconds from one list to the next, however often it is asked for."""
SHARE = 10
"""A list that took long is followed by a pause of as many times that, unless a minute is over."""
TURN = 200
"""Objects that are taken in before others have their turn on the event loop."""


@dataclass(slots=True)
class Resync:
    """Lists at the start, every minute, and some seconds after it was asked to."""

    credentials: CredentialsPort
    targets: SecretsPort | None
    """None where targets are not watched."""
    namespaces: tuple[str, ...]
    observation: Observation
    clock: Clock
    on_older_revision: Callable[[], None]
    """Called when the cluster went back in time: its etcd was restored."""
    on_missed: Callable[[str, str, str, str | None], None] = lambda *_: None
    """Called with resource, namespace, name and version of what no watch has told of; the version
    is None of what is gone."""
    completed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when each first list is done or refused: there may be rights for some namespaces only."""
    refused: set[str] = field(default_factory=set)
    """Lists that the API server refuses (403), called as the watches are."""
    crd_missing: bool = False
    listed_at: dict[str, float] = field(default_factory=dict)
    """Wall-clock time of the last list, by resource."""
    _newest: str | None = None
    """The highest revision of credentials that a list or watch has told of."""
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def complete(self) -> bool:
        """Whether each first list is done or refused."""
        return self.completed.is_set()

    def ask(self) -> None:
        """List soon: at most every few seconds."""
        self._asked.set()

    def saw(self, revision: str) -> None:
        """A watch told of this revision of credentials."""
        if is_newer(revision, self._newest):
            self._newest = revision

    async def loop(self) -> None:
        """List again and again, until cancelled."""
        while True:
            pause, started = INTERVAL, self.clock.read().boot
            self._asked.clear()
            try:
                await self.run()
            except ClusterError as error:
                logger.warning("the list failed: %s", error)
                pause = RETRY
            spacing = max(SPACING, SHARE * (self.clock.read().boot - started))
            try:
                async with asyncio.timeout(pause):
                    await asyncio.sleep(spacing)
                    await self._asked.wait()
            except TimeoutError:
                continue

    async def run(self) -> None:
        """One list of everything; a namespace that cannot be listed keeps no other from it."""
        started, failures = self.clock.read(), list[ClusterError]()
        self.observation.deleted_uids.clear()
        lists = {"redoxcredentials": self._run_credentials}
        if self.targets is not None:
            lists["secrets"] = self._run_targets
        for resource, run in lists.items():
            before = len(failures)
            for scope in self.namespaces or (None,):
                name = watch_name(resource, scope)
                try:
                    await run(scope)
                except ClusterError as error:
                    failures.append(error)
                    if isinstance(error, Forbidden):
                        self.refused.add(name)
                else:
                    self.refused.discard(name)
            if len(failures) == before:
                self.listed_at[resource] = started.wall
        if all(isinstance(error, Forbidden) for error in failures):
            # Who waited for rights that never come would keep all namespaces from being served.
            self.completed.set()
        if failures:
            raise failures[0]

    def _records(self, scope: str | None) -> list[Record]:
        records = self.observation.records
        return [record for record in records if scope in (None, record.key.namespace)]

    async def _run_credentials(self, scope: str | None) -> None:
        observation, started = self.observation, self.clock.read()
        # What watches tell of while the list is made may be newer than the list.
        known = self._newest
        items, revision = await self._list(scope)
        self._check(known, revision)
        found: set[Key] = set()
        for number, item in enumerate(items, 1):
            metadata = item["metadata"]
            metadata.pop("managedFields", None)
            key = Key(metadata["namespace"], metadata["name"])
            found.add(key)
            self._take(key, item)
            if number % TURN == 0:
                await asyncio.sleep(0)
        for record in self._records(scope):
            if record.key not in found and record.first_seen < started.boot:
                self.on_missed(PLURAL, *record.key, None)
                observation.forget(record.key)

    def _take(self, key: Key, item: dict[str, Any]) -> None:
        records = self.observation.records
        before = records.get(key)
        known = None if before is None else (before.uid, before.resource_version)
        self.observation.credential(Change(item, deleted=False))
        after = records.get(key)
        if after is not None and (after.uid, after.resource_version) != known:
            self.on_missed(PLURAL, *key, after.resource_version)

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

    async def _run_targets(self, scope: str | None) -> None:
        if self.targets is None:
            return
        started = self.clock.read()
        listed = {
            (namespace, name): seen
            for namespace, name, seen in await self.targets.list_targets(scope)
        }
        for record in self._records(scope):
            if not isinstance(record.credential, Credential):
                continue
            place = (record.key.namespace, record.credential.target.secret_name)
            if place in listed:
                seen, known = listed[place].resource_version, record.target
                told = (record.target_version, None if known is None else known.resource_version)
                if all(is_newer(seen, version) for version in told):
                    self.on_missed(SECRETS, *place, seen)
                self.observation.target_seen(record, listed[place])
            elif record.target is not None and record.target_read_at < started.boot:
                # One without the label was never watched.
                if record.target.labels.get(ROLE_LABEL) == ROLE_TARGET:
                    self.on_missed(SECRETS, *place, None)
                self.observation.target_missing(record)

    def _check(self, known: str | None, revision: str) -> None:
        self.saw(revision)
        if known is not None and is_newer(known, revision):
            self._newest = revision
            logger.warning("the cluster's history went back; everything is read anew")
            self.observation.history_went_back()
            self.on_older_revision()
