"""How late mounted files show what the API server has: writes against what readers saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.support.mounted_readers import Mount, Shown
from tests.support.secret_watch import Written


def delays(
    written: Mapping[str, Sequence[Written]],
    shown: Mapping[Mount, Iterable[Shown]],
    *,
    since: float,
    until: float,
) -> list[float]:
    """Seconds from each write in that time until a mount showed it or a newer one, sorted.

    A write that was never shown counts as infinite: let `until` be earlier than the last read by
    more than the kubelet can take.
    """
    found = []
    for mount, appearances in shown.items():
        for write in written.get(mount.secret, ()):
            if since <= write.time < until:
                seen = (each.time for each in appearances if each.expires_at >= write.expires_at)
                found.append(next(seen, float("inf")) - write.time)
    return sorted(found)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which this share of the sorted values lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
