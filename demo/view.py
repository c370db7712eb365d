"""The demo as a person sees it in a terminal: one renderable of one snapshot."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from demo.mounts import DELAY_SECONDS
from demo.redox import TOKEN_LIFETIME
from demo.state import Row, Snapshot

READY_STYLES = {"True": "green", "False": "bold red", "Unknown": "yellow"}


def render(snapshot: Snapshot) -> RenderableType:
    """Everything, in at most 24 lines of 80 columns while all is well."""
    return Group(
        Rule(Text("redox-operator demo", "bold"), align="left", style="dim"),
        _header(snapshot),
        "",
        _credentials(snapshot),
        "",
        *_messages(snapshot),
        _calls(snapshot),
        "",
        Text(
            f"No kubelet runs here: the demo itself copies each Secret into a directory as a "
            f"kubelet does, {DELAY_SECONDS:.0f} s late; each consumer reads its token there before "
            "every call.",
            style="dim",
        ),
        Rule(style="dim"),
        _footer(snapshot),
    )


def open_table(**style: Any) -> Table:
    """A table without vertical lines, narrow enough for 80 columns."""
    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, **style)


def seconds(value: float | None) -> str:
    """A number of seconds, as short as can be."""
    return "-" if value is None else f"{value:.0f} s"


def _header(snapshot: Snapshot) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_row(Text("API server", "dim"), Text(snapshot.cluster, "cyan"))
    grid.add_row(Text("kubectl", "dim"), Text("\n".join(snapshot.hint), "bold"))
    return grid


def _credentials(snapshot: Snapshot) -> Table:
    table = open_table(expand=True, header_style="dim")
    for name in ("Credential", "Key", "Ready"):
        table.add_column(name, no_wrap=True)
    table.add_column("Expires\nin", ratio=1, min_width=8)
    for name in ("", "Refresh\nin", "Issued", "FHIR calls\nok/failed", "Oldest\nread"):
        table.add_column(name, no_wrap=True, justify="right")
    for row in snapshot.rows:
        table.add_row(*_cells(row, snapshot.now))
    return table


def _cells(row: Row, now: float) -> tuple[RenderableType, ...]:
    status, readings = row.status, row.readings
    remaining = None if status.expires_at is None else max(0.0, status.expires_at - now)
    refresh = None if status.next_refresh_at is None else max(0.0, status.next_refresh_at - now)
    calls = Text.assemble(
        (str(readings.calls_ok), "green"),
        ("/", "dim"),
        (str(readings.calls_failed), "bold red" if readings.calls_failed else "dim"),
    )
    return (
        Text(row.name, "bold"),
        row.key_format,
        Text(status.ready, READY_STYLES.get(status.ready, "")),
        ProgressBar(
            total=TOKEN_LIFETIME,
            completed=remaining or 0.0,
            complete_style="green",
            finished_style="green",
        ),
        seconds(remaining),
        seconds(refresh),
        str(row.issued),
        calls,
        seconds(row.readings.oldest_age),
    )


def _messages(snapshot: Snapshot) -> list[Text]:
    """What is wrong at the moment, if anything."""
    wrong = [
        f"{row.name}: {row.status.reason}: {row.status.message}"
        for row in snapshot.rows
        if row.status.reason not in ("", "TokenIssued", "Pending")
    ]
    failed = [
        f"{row.name}: {row.readings.last_failure}"
        for row in snapshot.rows
        if row.readings.last_failure
    ]
    return [Text(line, "red") for line in (*wrong, *failed, *snapshot.notices)]


def _calls(snapshot: Snapshot) -> Table:
    """The last call of each consumer."""
    grid = Table.grid(padding=(0, 2))
    for row in snapshot.rows:
        grid.add_row(Text(row.name, "dim"), row.readings.last_call or "no token mounted yet")
    return grid


def _footer(snapshot: Snapshot) -> Text:
    totals, (ok, failed) = snapshot.totals, snapshot.calls
    data_model, data_model_failed = snapshot.data_model_calls
    stale = snapshot.stale_reads
    return Text.assemble(
        ("sandbox ", "dim"),
        f"{totals.token_requests} token requests, {totals.refused} refused",
        (" · operator ", "dim"),
        f"{totals.secret_writes} Secret writes\n",
        ("consumers ", "dim"),
        f"{ok} FHIR and {data_model} Data Model calls, ",
        (f"{failed + data_model_failed} failed", "bold red" if failed + data_model_failed else ""),
        (" · ", "dim"),
        (f"{stale} stale reads", "bold red" if stale else "green"),
        ("\nCtrl-C ends it and leaves nothing behind", "dim"),
    )
