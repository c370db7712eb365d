"""Whether the watches run and report: when they are restarted, and when the process gives up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from redox_operator.controllers.watch_requests import ConnectionPort
from redox_operator.controllers.watch_signs import WatchSigns, watch_name
from redox_operator.domain.credential import PLURAL
from redox_operator.domain.errors import RedoxOperatorError

logger = logging.getLogger(__name__)

SECRETS = "secrets"


class WatchFailed(RedoxOperatorError):
    """The watches cannot be brought to life again: the process must end."""


@dataclass(frozen=True, slots=True)
class Change:
    """An object as a watch or list showed it."""

    body: Mapping[str, Any]
    deleted: bool


@dataclass(slots=True)
class WatchState:
    """What the watches are to see, whom they tell, and whether they live."""

    connection: ConnectionPort
    namespaces: tuple[str, ...]
    """Empty: the whole cluster."""
    watch_secrets: bool
    label_selector: str | None
    on_credential: Callable[[Change], None]
    on_target: Callable[[Change], None]
    """Both are called in the operator's loop."""
    on_restart: Callable[[], None]
    """Called when the watches began anew: what happened in between is not known."""
    on_reopened: Callable[[], None] = lambda: None
    """Called when a watch was opened again, where it had been open before. A restored API server
    says nothing on one that goes on from a revision it has not reached yet."""
    on_revision: Callable[[str], None] = lambda _: None
    """Called with each revision of credentials that a watch tells of."""
    alive: bool = False
    """Whether every watch runs."""
    signs: WatchSigns = field(default_factory=WatchSigns)
    _opened: set[str] = field(default_factory=set)
    """Watches that were open since they began."""
    _stopped_at: float | None = None
    _restart_from: float = float("-inf")

    @property
    def refused(self) -> dict[str, int]:
        """HTTP status of the watches and lists that the API server refuses: kopf tries for ever."""
        return self.signs.refused

    @property
    def stopped_at(self) -> float | None:
        """Loop time since when a watch is dead for which the API server is not to blame."""
        return None if self.signs.troubles else self._stopped_at

    def begin(self, now: float) -> None:
        """Take note that the watches begin."""
        resources = (PLURAL, SECRETS) if self.watch_secrets else (PLURAL,)
        scopes = self.namespaces or (None,)
        self._opened.clear()
        self.signs.begin([watch_name(each, scope) for each in resources for scope in scopes], now)

    def set_alive(self, alive: bool, now: float) -> None:
        """Note whether every watch runs."""
        if alive:
            self._stopped_at = None
        elif self.alive:
            self._stopped_at = now
        self.alive = alive

    def answered(self, watch: str, status: int) -> None:
        """Note an answer of the API server to a list or watch; 0: there was none."""
        troubled = bool(self.signs.troubles)
        self.signs.answered(watch, status, now_in_loop())
        if troubled and not self.signs.troubles and self._stopped_at is not None:
            # From here on nobody else is to blame.
            self._stopped_at = now_in_loop()

    def opened(self, watch: str) -> None:
        """Note that a watch is open."""
        if watch in self._opened:
            self.on_reopened()
        self._opened.add(watch)

    def marked(self, watch: str, revision: str) -> None:
        """Take in a bookmark: the watch has told of all up to this revision."""
        if watch.startswith(PLURAL):
            self.on_revision(revision)

    def told(self, resource: str, change: Change, *, listed: bool) -> None:
        """Take in what a watch told; `listed`: as there when the watch began."""
        metadata = change.body["metadata"]
        watch = self._watch_of(resource, metadata["namespace"])
        self.signs.told(watch, metadata, deleted=change.deleted, listed=listed)
        if resource == PLURAL:
            self.on_revision(metadata["resourceVersion"])
        (self.on_credential if resource == PLURAL else self.on_target)(change)

    def missed(self, resource: str, namespace: str, name: str, version: str | None) -> None:
        """A list found what no watch told yet: this version of an object, or that it is gone."""
        if self.alive:
            watch = self._watch_of(resource, namespace)
            self.signs.expect(watch, f"{namespace}/{name}", version, now_in_loop())

    def look(self) -> None:
        """Begin anew where a watch is silent. Raises `WatchFailed` where that did not help."""
        now = now_in_loop()
        silent, hopeless = self.signs.silent(now), self.signs.hopeless(now)
        if hopeless:
            logger.error("the watch of %s stays silent, so the process ends", ", ".join(hopeless))
            raise WatchFailed("Watches stay silent though they were restarted.")
        if silent and now >= self._restart_from:
            logger.warning("the watch of %s is silent; it begins anew", ", ".join(silent))
            self._restart_from = now + self.signs.restarted()
            self.restart()

    def restart(self) -> None:
        """Begin every watch anew."""
        raise NotImplementedError

    def _watch_of(self, resource: str, namespace: str) -> str:
        return watch_name(resource, namespace if self.namespaces else None)


def now_in_loop() -> float:
    """The running loop's time."""
    return asyncio.get_running_loop().time()
