"""Cumulative shares as SVG: the logarithmic axis shows one read in ten thousand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 820, 300
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 40, 48
FLOOR = 1e-4
"""The smallest share that is shown."""
INK, GRID = "#1f2328", "#d0d7de"


@dataclass(frozen=True, slots=True)
class Curve:
    """How many of its samples lie at each whole second, rounded down."""

    label: str
    colour: str
    counts: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot: its curves, the seconds that it spans, and lines worth a word."""

    title: str
    axis: str
    curves: Sequence[Curve]
    first: int
    last: int
    marks: Mapping[int, str]
    above: bool = False
    """Whether the shares are those above a second, not those up to it."""


def svg(panels: Sequence[Panel]) -> str:
    """The panels, one below the other."""
    height = HEIGHT * len(panels)
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    font = f'font-family="sans-serif" font-size="12" fill="{INK}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate(0 {number * HEIGHT})">', *_panel(panel), "</g>"]
    return "\n".join([*parts, "</svg>\n"])


def _panel(panel: Panel) -> list[str]:
    low, high = HEIGHT - BOTTOM, TOP
    parts = [f'<text x="{LEFT}" y="{TOP - 16}" font-weight="bold">{escape(panel.title)}</text>']
    for power in range(int(math.log10(FLOOR)), 1):
        y = _y(10.0**power)
        parts.append(_line(LEFT, y, WIDTH - RIGHT, y, GRID))
        parts.append(_text(LEFT - 8, y + 4, f"{100 * 10.0**power:g} %", "end"))
    step = next(step for step in (10, 20, 60, 600) if panel.last - panel.first <= 10 * step)
    for second in range(-(-panel.first // step) * step, panel.last + 1, step):
        x = _x(panel, second)
        parts.append(_line(x, low, x, low + 5, INK))
        parts.append(_text(x, low + 18, str(second), "middle"))
    parts.append(_line(LEFT, low, WIDTH - RIGHT, low, INK))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, low + 36, panel.axis, "middle"))
    for second, label in panel.marks.items():
        x = _x(panel, second)
        parts.append(_line(x, low, x, high, "#cf222e", 'stroke-dasharray="4 3"'))
        # On the side where there is room: right of zero the next mark is close.
        left = second <= 0 or x > WIDTH - RIGHT - 50
        beside, anchor = (-4, "end") if left else (4, "start")
        parts.append(_text(x + beside, high + 12, label, anchor, "#cf222e"))
    for number, curve in enumerate(panel.curves):
        y = high + 16 + 20 * number
        parts.append(_line(WIDTH - RIGHT + 12, y, WIDTH - RIGHT + 32, y, curve.colour, _THICK))
        parts.append(_text(WIDTH - RIGHT + 38, y + 4, curve.label, "start"))
        parts.append(_curve(panel, curve))
    return parts


_THICK = 'stroke-width="2"'


def _curve(panel: Panel, curve: Curve) -> str:
    """Steps: what lies within a second counts from its end."""
    total, seen = sum(curve.counts.values()), 0
    path = ""
    for second in sorted(curve.counts):
        x = _x(panel, min(max(second + 1, panel.first), panel.last))
        seen += curve.counts[second]
        y = _y((total - seen if panel.above else seen) / total)
        start = _y(1.0 if panel.above else 0.0)
        path += f"H{x:.1f}V{y:.1f}" if path else f"M{x:.1f} {start:.1f}V{y:.1f}"
    style = f'fill="none" stroke="{curve.colour}" {_THICK} stroke-linejoin="round"'
    return f'<path d="{path}" {style}/>'


def _x(panel: Panel, second: float) -> float:
    width = WIDTH - RIGHT - LEFT
    return LEFT + width * (second - panel.first) / (panel.last - panel.first)


def _y(share: float) -> float:
    low, high = HEIGHT - BOTTOM, TOP
    return low - (low - high) * (1 - math.log10(max(share, FLOOR)) / math.log10(FLOOR))


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" {more}/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">'
        f"{escape(text)}</text>"
    )
