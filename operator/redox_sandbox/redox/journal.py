"""What has been asked and answered: a bounded log of token requests, and totals. Never a token."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .replays import Sightings

MAX_ENTRIES = 10_000
MAX_TEXT = 256


class Outcome(StrEnum):
    """What became of a token request."""

    PENDING = "pending"
    ISSUED = "issued"
    REFUSED = "refused"
    FAULT = "fault"
    LIMITED = "limited"
    ABANDONED = "abandoned"


@dataclass(slots=True)
class Entry:
    """One token request: `time` in seconds since 1970 by the true clock; names as sent."""

    time: float
    client_id: str | None
    key_id: str | None
    jti: str | None
    outcome: Outcome = Outcome.PENDING
    reason: str = ""

    def describe(self) -> dict[str, Any]:
        """The entry as JSON."""
        return {
            "time": self.time,
            "clientId": self.client_id,
            "kid": self.key_id,
            "jti": self.jti,
            "outcome": self.outcome,
            "reason": self.reason,
        }


class Journal:
    """The log and the totals.

    Totals are kept by client only for clients that the clients file has named,
    so that a stranger cannot make them grow.
    """

    def __init__(self) -> None:
        self.sightings = Sightings()
        self.redirects_followed = 0
        self._entries: deque[Entry] = deque(maxlen=MAX_ENTRIES)
        self._by_client: dict[str, Counter[str]] = {}
        self._totals: Counter[str] = Counter()
        self._resource_calls: dict[str, Counter[str]] = {}

    def open(
        self,
        time: float,
        elapsed: float,
        *,
        client_id: str | None = None,
        key_id: str | None = None,
        jti: str | None = None,
    ) -> Entry:
        """Note a token request as it arrives; `elapsed` is the time by which repeats count."""
        if client_id is not None and jti is not None:
            self.sightings.see(client_id, jti, elapsed)
        entry = Entry(time, _cut(client_id), _cut(key_id), _cut(jti))
        self._entries.append(entry)
        return entry

    def settle(self, entry: Entry, outcome: Outcome, reason: str = "", *, known: bool) -> None:
        """Note what became of it, once; `known` says whether the client is in the clients file."""
        if entry.outcome is not Outcome.PENDING:
            return
        entry.outcome, entry.reason = outcome, reason
        self._totals[outcome] += 1
        if known and entry.client_id is not None:
            self._by_client.setdefault(entry.client_id, Counter())[outcome] += 1

    def count_resource_call(self, path: str, outcome: str) -> None:
        """Note a call of FHIR, the Data Model or the Platform API and what became of it."""
        self._resource_calls.setdefault(path, Counter())[outcome] += 1

    def requests(self) -> dict[str, Any]:
        """The totals and the log, oldest first."""
        return {
            "counts": dict(self._totals),
            "requests": [entry.describe() for entry in self._entries],
        }

    def stats(self) -> dict[str, Any]:
        """The totals by client, outcome and path."""
        return {
            "clients": {name: dict(counts) for name, counts in self._by_client.items()},
            "totals": dict(self._totals),
            "repeatedJti": self.sightings.repeated,
            "resourceCalls": {path: dict(counts) for path, counts in self._resource_calls.items()},
            "redirectsFollowed": self.redirects_followed,
        }

    def clear(self) -> None:
        """Forget the log and the totals; single use of assertions is remembered elsewhere."""
        self.sightings.clear()
        self.redirects_followed = 0
        self._entries.clear()
        self._by_client.clear()
        self._totals.clear()
        self._resource_calls.clear()


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:MAX_TEXT]
