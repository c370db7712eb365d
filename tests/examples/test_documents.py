"""What every page has to keep: links that lead somewhere, YAML that the program takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from redox_operator.domain.credential import KIND, parse_credential
from tests.examples.documents import DOCS, anchors, blocks, links, pages
from tests.examples.programs import run

PAGES = [pytest.param(path, id=str(path.relative_to(DOCS))) for path in pages()]
USER_PAGES = ("user-guide", "redox-oauth", "conditions", "settings", "metrics", "postman")


@pytest.mark.parametrize("name", USER_PAGES)
def test_the_page_is_there(name: str) -> None:
    assert DOCS / f"{name}.md" in pages()


@pytest.mark.parametrize("path", PAGES)
def test_every_relative_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    missing = []
    for link in links(path.read_text()):
        if link.startswith(("https://", "http://")):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            missing.append(link)

    assert missing == []


@pytest.mark.parametrize("path", PAGES)
def test_every_yaml_block_parses_and_every_credential_is_valid(path: Path) -> None:
    for block in blocks(path.read_text(), "yaml"):
        for document in yaml.safe_load_all(block.text):
            if isinstance(document, dict) and document.get("kind") == KIND:
                metadata = {"namespace": "clinic", "uid": "1", **document["metadata"]}
                parse_credential({**document, "metadata": metadata})


@pytest.mark.parametrize("path", PAGES)
def test_every_block_of_shell_is_shell(path: Path) -> None:
    for block in blocks(path.read_text(), "sh", "console"):
        done = run(["bash", "-n"], {}, stdin=block.text)

        assert done.returncode == 0, f"{block.text}\n{done.stderr}"


@pytest.mark.parametrize("path", PAGES)
def test_every_named_file_of_the_repository_is_there(path: Path) -> None:
    named = {
        word.strip("`'\"<>,;()")
        for block in blocks(path.read_text(), "sh", "console")
        for word in block.text.split()
        if word.startswith(("docs/", "deploy/", "crds/"))
    }

    assert {name for name in named if not (DOCS.parent / name).exists()} == set()
