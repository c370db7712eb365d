"""The tables and the picture of a run, for `docs/promise.md`."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.mounted_readers.measurement import Measurement, Remaining, pooled
from benchmarks.mounted_readers.step_plot import Curve, Panel, svg
from tests.support.token_endpoints import STEADY, WAYS

DOCS = Path(__file__).parents[2] / "docs"
BEGIN, END = "<!-- result -->", "<!-- end of result -->"

OPERATOR, TWO_THIRDS, FOUR_FIFTHS = "-token", "-two-thirds", "-four-fifths"
SERIES = {
    OPERATOR: ("this operator", "#0072b2"),
    TWO_THIRDS: ("at 2/3 of life", "#e69f00"),
    FOUR_FIFTHS: ("at 80 % of life", "#d55e00"),
}
"""By the ending of their Secrets' names."""
SITUATIONS = {
    STEADY: "no fault",
    "Refused": "connections refused",
    "Unavailable": "503",
    "Hanging": "no answer",
    "Resetting": "connections reset",
}


def markdown(measured: Measurement) -> str:
    """How the run was made, and both tables."""
    safety = measured.timing.safety
    remaining = [
        f"| {situation} | {name} | {_row(measured.remaining[endpoint + ending], safety)} |"
        for endpoint, situation in SITUATIONS.items()
        for ending, (name, _) in SERIES.items()
    ]
    answers = _answers(measured.setup["answers"])
    return "\n".join(
        [
            _setup(measured),
            "",
            "Seconds of life left at a read:",
            "",
            f"| endpoint | refresh | reads | least | p1 | p50 | under {safety} s | expired |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            *remaining,
            "",
            "Seconds from a write until a mounted file shows it:",
            "",
            "| samples | min | p50 | p95 | p99 | max |",
            "| ---: | ---: | ---: | ---: | ---: | ---: |",
            _delays(measured.delays),
            "",
            f"Calls to FHIR with what such a file held at that moment, this operator's: {answers}.",
        ]
    )


def _setup(measured: Measurement) -> str:
    setup, timing = measured.setup, measured.timing
    counts = sorted(measured.outages.values()) or [0]
    rounds = f"{counts[0]}" if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"
    machine = f"Python {setup['python']}, {setup['processors']} processors"
    return "; ".join(
        [
            f"{setup['minutes']:g} minutes",
            f"{setup['pods']} pods with {setup['mounts']} mounted Secrets",
            f"{rounds} outages of {timing.outage} s at each of the four endpoints",
            f"tokens of {timing.token_lifetime} s",
            f"P {timing.propagation}, S {timing.safety}, B {timing.retry_budget}",
            f"kubelet {setup['kubernetes']}, {setup['changeDetection']}, {setup['syncFrequency']}",
            f"redox-operator {setup['operator']}, {machine}.",
        ]
    )


def _delays(delays: dict[str, float]) -> str:
    cells = [f"{delays['count']:,}", *(str(delays[n]) for n in ("min", "p50", "p95", "p99", "max"))]
    return f"| {' | '.join(cells)} |"


def picture(measured: Measurement) -> str:
    """Three plots: life left with no fault, with outages, and the kubelet's delay."""
    timing = measured.timing
    lowest = min(min(found.counts) for found in measured.remaining.values())
    first = min(-timing.safety, lowest // 10 * 10)
    marks = {0: "expired", timing.safety: f"{timing.safety} s"}
    away = [
        (ending, pooled([measured.remaining[way + ending] for way in WAYS])) for ending in SERIES
    ]
    steady = [(ending, measured.remaining[STEADY + ending]) for ending in SERIES]
    title = "Share of reads with less life left than that: "
    axis = "seconds of life left"
    return svg(
        [
            Panel(title + "no fault", axis, _curves(steady), first, timing.token_lifetime, marks),
            Panel(
                f"{title}an endpoint away for {timing.outage} s again and again",
                axis,
                _curves(away),
                first,
                timing.token_lifetime,
                marks,
            ),
            Panel(
                "Share of writes that a mounted file showed later than that",
                "seconds from the write",
                [Curve("the kubelet", "#009e73", measured.delay_counts)],
                0,
                max(max(measured.delay_counts) + 1, timing.propagation + 4),
                {timing.propagation: f"P: {timing.propagation} s"},
                above=True,
            ),
        ]
    )


def write(measured: Measurement, docs: Path) -> list[Path]:
    """Fill the page between its marks, and write the picture and the counts beside it."""
    page, plot, raw = docs / "promise.md", docs / "promise.svg", docs / "promise.json"
    before, _, rest = page.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{page} has no {BEGIN} … {END} to write between")
    page.write_text(f"{before}{BEGIN}\n\n{markdown(measured)}\n\n{END}{after}")
    plot.write_text(picture(measured))
    raw.write_text(json.dumps(measured.as_json(), separators=(",", ":")) + "\n")
    return [page, plot, raw]


def _row(found: Remaining, safety: int) -> str:
    few, none = found.share_below(safety), found.share_below(0)
    return (
        f"{found.reads:,} | {found.least:.1f} | {found.at(0.01)} | {found.at(0.5)} "
        f"| {_percent(few)} | {_percent(none)}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share else "none"


def _answers(answers: dict[str, int]) -> str:
    return ", ".join(
        f"{count:,} without an answer" if status == "0" else f"{count:,} answered {status}"
        for status, count in sorted(answers.items())
    )


def _curves(found: list[tuple[str, Remaining]]) -> list[Curve]:
    return [Curve(*SERIES[ending], counts=remaining.counts) for ending, remaining in found]
