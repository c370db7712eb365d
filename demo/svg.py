"""The view as a picture for the README."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from demo.directory import ROOT
from demo.state import Snapshot
from demo.view import render

WIDTH = 96
# A picture fetches nothing: whoever looks at it has a monospaced font.
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def export(snapshot: Snapshot, path: Path) -> None:
    """Write the view of one moment, without the paths of this machine."""
    hint = tuple(line.replace(f"{ROOT}/", "") for line in snapshot.hint)
    console = Console(
        record=True,
        width=WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    console.print(render(replace(snapshot, hint=hint)))
    svg = console.export_svg(title="make demo", code_format=_FORMAT, unique_id="demo")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(svg)
    # Unlike all else that the demo writes, it is for everyone.
    path.chmod(0o644)
