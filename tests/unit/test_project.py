"""What must hold of the project as a whole."""

from __future__ import annotations

import ast
import operator
import re
import statistics
import sysconfig
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "operator"
MODULES = sorted(SOURCE.rglob("*.py"))
LENGTHS = {
    str(module.relative_to(SOURCE)): len(module.read_text().splitlines()) for module in MODULES
}


def imported(module: Path) -> Iterator[str]:
    """The first part of every name that a module imports, at its top or within."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


def test_operator_is_a_source_root_and_no_package() -> None:
    assert not (SOURCE / "__init__.py").exists()
    assert operator.__file__ is not None
    assert Path(operator.__file__).is_relative_to(sysconfig.get_path("stdlib"))


def test_the_installed_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert version(project["name"]) == project["version"]


def test_no_module_is_above_300_lines() -> None:
    assert {name: length for name, length in LENGTHS.items() if length > 300} == {}


@pytest.mark.parametrize("package", ["redox_operator", "redox_sandbox"])
def test_half_of_the_modules_are_below_150_lines(package: str) -> None:
    lengths = [length for name, length in LENGTHS.items() if name.startswith(f"{package}/")]
    assert statistics.median(lengths) < 150


def test_kopf_stands_in_one_module() -> None:
    importing = {
        str(module.relative_to(SOURCE)) for module in MODULES if "kopf" in imported(module)
    }
    assert importing == {"redox_operator/controllers/watch.py"}


def test_no_module_is_a_drawer_for_what_has_no_place() -> None:
    assert not {module.stem for module in MODULES} & {"utils", "helpers", "common", "misc"}


@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_the_locked_requirements_have_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]

    assert not [line for line in lines if "://" in line or " @ " in line]
    assert not [line for line in lines if re.match(r"-(?!-hash)", line.strip())]
    pinned = re.findall(
        r"^[A-Za-z0-9][^\n]*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n?)+", text, re.M
    )
    assert len(pinned) == len([line for line in lines if re.match(r"[A-Za-z0-9]", line)]) > 20


def test_what_runs_is_a_part_of_what_is_developed_with() -> None:
    run, dev = (
        set(re.findall(r"^[A-Za-z0-9][^\n\\]*", (ROOT / "requirements" / name).read_text(), re.M))
        for name in ("run.txt", "dev.txt")
    )
    assert run <= dev
