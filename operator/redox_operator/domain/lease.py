"""The Lease that says which replica works, and when another may take it."""

from __future__ import annotations

from dataclasses import dataclass

DURATION = 15
"""Seconds for which others respect a Lease that is not renewed."""
RENEW_DEADLINE = 10.0
"""Seconds after which a leader that cannot renew stops: well before others begin."""
RETRY = 2.0
"""Seconds between attempts."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A Lease as it was read (coordination.k8s.io/v1), without `renewTime`.

    That is another machine's and only for people: what counts is for how long a Lease has not
    changed by one's own clock.
    """

    resource_version: str
    holder: str
    """Identity of the holder; empty where nobody holds it."""
    duration_seconds: int
    transitions: int
    """How often it went to another holder."""
    acquire_time: str = ""
    """When the holder took it, as it says."""


def may_take(lease: Lease | None, identity: str, unchanged_seconds: float) -> bool:
    """Whether a replica may make itself the holder.

    A Lease may name a shorter duration than all replicas go by, but no longer one: whoever can
    write it could keep all of them from working.
    """
    if lease is None or lease.holder in ("", identity):
        return True
    return unchanged_seconds >= min(lease.duration_seconds, DURATION)
