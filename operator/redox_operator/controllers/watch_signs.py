"""Signs of life of the watches, and changes they should have reported: how a silent watch is found.

A watch that is alive shows it: an answer, an event or a bookmark every minute or so. And what a
list finds new, the watch must tell, too. Times are of the event loop's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from redox_operator.controllers.records import is_newer

TELL_WITHIN = 15.0
"""Seconds in which a watch must tell what a list found: the API server serves watches from a cache
that may be some seconds behind."""
QUIET_AFTER = 180.0
"""Seconds without a sign. A watch without bookmarks begins anew after 70 s, and a request may take
another 30 s."""
RESTART_DELAYS = (0.0, 60.0, 120.0, 240.0, 300.0)
"""Seconds between restarts of watches that stay silent; each restart lists all objects again."""
HOPELESS_AFTER = 600.0
"""Seconds of silence, despite restarts, after which the process ends. A container that ran so long
has its back-off reset, so it is restarted without delay."""
MIN_RESTARTS = 3

_REFUSALS = frozenset({400, 401, 403, 404})


@dataclass(frozen=True, slots=True)
class Missed:
    """What a list found and the watch has not told yet."""

    version: str | None
    """None: that it is gone."""
    at: float


@dataclass(slots=True)
class Silence:
    """A watch that was silent, and has not told of a change since."""

    since: float
    restarts: int = 0


@dataclass(slots=True)
class WatchSigns:
    """Signs of all watches. A watch is named by its resource, and its namespace if it has one."""

    troubles: dict[str, int] = field(default_factory=dict)
    """Watches that the API server keeps from working, and its HTTP status; 0: no answer."""
    silences: dict[str, Silence] = field(default_factory=dict)
    tell_within: float = TELL_WITHIN
    quiet_after: float = QUIET_AFTER
    _heard_at: dict[str, float] = field(default_factory=dict)
    _missed: dict[tuple[str, str], Missed] = field(default_factory=dict)

    @property
    def refused(self) -> dict[str, int]:
        """Watches that the API server refuses until somebody acts."""
        return {watch: status for watch, status in self.troubles.items() if status in _REFUSALS}

    def begin(self, watches: list[str], now: float) -> None:
        """The watches begin, or begin anew: first they list, so nothing stays missed."""
        self._heard_at = dict.fromkeys(watches, now)
        self._missed.clear()

    def answered(self, watch: str, status: int, now: float) -> None:
        """The API server answered a list or watch with this HTTP status; 0: it did not."""
        self.heard(watch, now)
        if status >= 400 or status == 0:
            self.troubles[watch] = status
        else:
            self.troubles.pop(watch, None)

    def heard(self, watch: str, now: float) -> None:
        """Something came."""
        if watch in self._heard_at:
            self._heard_at[watch] = now

    def told(self, watch: str, metadata: dict[str, Any], *, deleted: bool, listed: bool) -> None:
        """The watch told of an object; `listed`: as one that was there when it began."""
        place = watch, f"{metadata.get('namespace')}/{metadata['name']}"
        missed = self._missed.get(place)
        if missed is not None and (deleted or _covers(metadata["resourceVersion"], missed)):
            del self._missed[place]
        if not listed:
            self.silences.pop(watch, None)

    def expect(self, watch: str, name: str, version: str | None, now: float) -> None:
        """A list found what the watch had not told; `name` is with the namespace."""
        self._missed.setdefault((watch, name), Missed(version, now))

    def silent(self, now: float) -> list[str]:
        """The watches that are silent though the API server does not keep them from telling."""
        late = set[str]()
        for (watch, name), missed in list(self._missed.items()):
            if watch in self.troubles:
                del self._missed[watch, name]
            elif now - missed.at > self.tell_within:
                self.silences.setdefault(watch, Silence(now))
                late.add(watch)
        quiet = {watch for watch, at in self._heard_at.items() if now - at > self.quiet_after}
        return sorted(late | quiet)

    def restarted(self) -> float:
        """The watches are being restarted; seconds that must pass before they are again."""
        self._missed.clear()
        for silence in self.silences.values():
            silence.restarts += 1
        restarts = max((silence.restarts for silence in self.silences.values()), default=0)
        return RESTART_DELAYS[min(restarts, len(RESTART_DELAYS) - 1)]

    def hopeless(self, now: float) -> list[str]:
        """The watches that stayed silent though they were restarted time and again."""
        return [
            watch
            for watch, silence in self.silences.items()
            if silence.restarts >= MIN_RESTARTS and now - silence.since > HOPELESS_AFTER
        ]


def watch_name(resource: str, namespace: str | None) -> str:
    """How a watch is called, also where people read of it."""
    return resource if namespace is None else f"{resource} in {namespace}"


def _covers(version: str, missed: Missed) -> bool:
    return missed.version is None or not is_newer(missed.version, version)
