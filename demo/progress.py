"""The demo without a terminal: what changed from one snapshot to the next, a line each."""

from __future__ import annotations

from collections.abc import Iterator

from demo.state import Row, Snapshot


def changes(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Sentences on what happened in between."""
    for old, new in zip(before.rows, after.rows, strict=True):
        yield from (f"{new.name}: {what}" for what in _row_changes(old, new, after))
    yield from (notice for notice in after.notices if notice not in before.notices)


def is_proved(snapshot: Snapshot) -> bool:
    """Whether each credential was renewed, and used in calls before and after that."""
    return all(
        row.renewals >= 1 and row.readings.tokens_used > 1 and row.readings.data_model_ok > 1
        for row in snapshot.rows
    )


def _row_changes(old: Row, new: Row, after: Snapshot) -> Iterator[str]:
    if new.status.ready != old.status.ready:
        told = f" ({new.status.reason})" if new.status.reason else ""
        yield f"Ready={new.status.ready}{told}"
    if new.issued > old.issued > 0:
        left = (old.status.expires_at or after.now) - after.now
        yield f"renewed, while the token before it had {left:.0f} s to live"
    if new.readings.tokens_used > old.readings.tokens_used:
        which = "first" if new.readings.tokens_used == 1 else "renewed"
        yield f"{new.readings.last_call} (the {which} token, mounted)"
    failed = new.readings.calls_failed + new.readings.data_model_failed
    if failed > old.readings.calls_failed + old.readings.data_model_failed:
        yield new.readings.last_failure
    if new.readings.stale_reads > old.readings.stale_reads:
        yield "its mounted directory holds an expired token"
