"""The end of a demo: a table, and whether what was promised was seen."""

from __future__ import annotations

from rich.table import Table

from demo.state import Row, Snapshot
from demo.view import open_table, seconds


def table(snapshot: Snapshot) -> Table:
    """One row for each credential, and the totals."""
    result = open_table(show_footer=True, header_style="bold")
    ok, failed = snapshot.calls
    data_model, data_model_failed = snapshot.data_model_calls
    lives = [
        row.readings.least_remaining
        for row in snapshot.rows
        if row.readings.least_remaining is not None
    ]
    result.add_column("Credential", "total", no_wrap=True)
    result.add_column("Key")
    columns = (
        ("Issued", sum(row.issued for row in snapshot.rows)),
        ("Renewals", sum(row.renewals for row in snapshot.rows)),
        ("FHIR\ncalls", ok),
        ("Data\nModel", data_model),
        ("Failures", failed + data_model_failed),
        ("Least\nlife left", seconds(min(lives, default=None))),
    )
    for name, total in columns:
        result.add_column(name, str(total), justify="right")
    for row in snapshot.rows:
        readings = row.readings
        result.add_row(
            row.name,
            row.key_format,
            str(row.issued),
            str(row.renewals),
            str(readings.calls_ok),
            str(readings.data_model_ok),
            str(readings.calls_failed + readings.data_model_failed),
            seconds(readings.least_remaining),
        )
    return result


def totals(snapshot: Snapshot) -> str:
    """What the sandbox and the operator counted themselves."""
    counted = snapshot.totals
    return (
        f"{snapshot.elapsed:.0f} s; {counted.token_requests} token requests, {counted.refused} "
        f"refused; {counted.secret_writes} Secret writes; {snapshot.stale_reads} stale reads"
    )


def problems(snapshot: Snapshot, *, renewals: bool) -> list[str]:
    """What was promised and not seen, a sentence each; `renewals`: one of each was awaited."""
    found = [
        f"{row.name}: {what}" for row in snapshot.rows for what in _row_problems(row, renewals)
    ]
    if snapshot.totals.refused:
        found.append(f"the sandbox refused {snapshot.totals.refused} token requests")
    if snapshot.totals.repeated_jti:
        found.append(f"{snapshot.totals.repeated_jti} assertions were sent twice")
    found.extend(snapshot.notices)
    return found


def _row_problems(row: Row, renewals: bool) -> list[str]:
    readings, found = row.readings, []
    failed = readings.calls_failed + readings.data_model_failed
    if failed:
        found.append(f"{failed} calls with the mounted token failed, the last: ")
        found[-1] += readings.last_failure
    if readings.stale_reads:
        found.append(f"an expired token was read {readings.stale_reads} times")
    if not renewals:
        return found
    reason = f"Ready={row.status.ready} {row.status.reason} {row.status.message}".strip()
    if not row.issued:
        found.append(f"no token was issued ({reason})")
    elif not row.renewals:
        found.append(f"its token was not renewed ({reason})")
    elif readings.tokens_used < 2:
        found.append("the renewed token did not reach the reader")
    elif readings.data_model_ok < 2:
        found.append("the Data Model was not called with both tokens")
    return found
