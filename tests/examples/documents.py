"""The pages of docs/, taken apart: code blocks, tables, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w.-]+)`:\n\n\Z")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced code block."""

    language: str
    text: str
    file: str | None
    """The name before it, as in "`ehr.yaml`:"."""


def page(name: str) -> str:
    """The text of a page."""
    return (DOCS / name).read_text()


def pages() -> list[Path]:
    """All pages, those of the examples too."""
    return sorted(path for path in DOCS.rglob("*.md") if "node_modules" not in path.parts)


def blocks(text: str, *languages: str) -> list[Block]:
    """The code blocks in these languages, in order."""
    found = []
    for match in _FENCE.finditer(text):
        indent, language, content = match.groups()
        named = _FILE.search(text, 0, match.start())
        content = re.sub(f"^{indent}", "", content, flags=re.MULTILINE)
        if language in languages:
            found.append(Block(language, content, named[1] if named else None))
    return found


def rows(text: str, *header: str) -> list[list[str]]:
    """The rows of all tables with this header, without it. Cells keep their Markdown."""
    found, inside = [], False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        if not cells:
            inside = False
        elif cells == list(header):
            inside = True
        elif inside and set(line) - set("| -"):
            found.append(cells)
    assert found, f"no table with the header {header}"
    return found


def code(cell: str) -> str:
    """The text of a cell that is code."""
    match = re.fullmatch(r"`([^`]+)`", cell)
    assert match, f"not code: {cell}"
    return match[1]


def links(text: str) -> list[str]:
    """The targets of all links outside code blocks."""
    return _LINK.findall(_FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """What a link can lead to within a page, as GitHub makes it from the headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower().replace("`", "")).replace(" ", "-")
        for heading in headings
    }
