"""Access tokens: opaque, remembered until shortly after they die."""

from __future__ import annotations

import heapq
import secrets
from dataclasses import dataclass
from enum import StrEnum

MEMORY_SECONDS = 300
"""How long a dead token is told apart from one that never was."""


class Kind(StrEnum):
    """What kind of key a token was requested with."""

    API_KEY = "api-key"
    USER_LEVEL = "user-level"
    LEGACY = "legacy"


class Standing(StrEnum):
    """What a presented token is worth."""

    LIVE = "live"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Grant:
    """What one token stands for; `expires` is in elapsed seconds."""

    client_id: str
    kind: Kind
    expires: float
    revoked: bool = False


class Tokens:
    """The tokens issued so far. All times are elapsed seconds."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}
        self._of_client: dict[str, set[str]] = {}
        self._ends: list[tuple[float, str]] = []

    def issue(
        self, client_id: str, kind: Kind, lifetime: float, now: float, token: str | None = None
    ) -> str:
        """A new live token of 43 characters, or the given one."""
        self._sweep(now)
        token = token or secrets.token_urlsafe(32)
        self._forget(token)
        self._grants[token] = Grant(client_id, kind, now + lifetime)
        self._of_client.setdefault(client_id, set()).add(token)
        heapq.heappush(self._ends, (now + lifetime + MEMORY_SECONDS, token))
        return token

    def look_up(self, token: str, now: float) -> tuple[Standing, Grant | None]:
        """What a presented token is worth, and what it stands for when it is known."""
        grant = self._grants.get(token)
        if grant is None:
            return Standing.UNKNOWN, None
        if grant.revoked:
            return Standing.REVOKED, grant
        return (Standing.LIVE if now < grant.expires else Standing.EXPIRED), grant

    def revoke(self, client_id: str, now: float) -> int:
        """Kill the live tokens of a client; how many there were."""
        grants = [self._grants[token] for token in self._of_client.get(client_id, ())]
        live = [grant for grant in grants if not grant.revoked and now < grant.expires]
        for grant in live:
            grant.revoked = True
        return len(live)

    def live(self, now: float) -> int:
        """How many tokens are live."""
        return sum(not g.revoked and now < g.expires for g in self._grants.values())

    def __len__(self) -> int:
        return len(self._grants)

    def _sweep(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            _, token = heapq.heappop(self._ends)
            grant = self._grants.get(token)
            if grant is not None and grant.expires + MEMORY_SECONDS <= now:
                self._forget(token)

    def _forget(self, token: str) -> None:
        grant = self._grants.pop(token, None)
        if grant is None:
            return
        tokens = self._of_client[grant.client_id]
        tokens.discard(token)
        if not tokens:
            del self._of_client[grant.client_id]
