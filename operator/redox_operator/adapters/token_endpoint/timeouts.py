"""How long a token request may take."""

from __future__ import annotations

from dataclasses import dataclass

import httpx


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for each step of a request, and for all of them together."""

    connect: float = 4.0
    """TCP and TLS; below 5 s, when another attempt may join a slow one."""
    read: float = 15.0
    """Between two pieces of the answer, and before the first."""
    write: float = 5.0
    pool: float = 5.0
    """For one of the connections to become free."""
    total: float = 15.0
    """Bounds an answer that drips."""

    @property
    def steps(self) -> httpx.Timeout:
        """The same for httpx, which knows no total."""
        return httpx.Timeout(connect=self.connect, read=self.read, write=self.write, pool=self.pool)
