"""The node's program (kubelet and workload controllers) and the pause image, built once.

Cached as the control plane is, `${XDG_CACHE_HOME:-~/.cache}/redox-operator/node-<hash>/`, and with
the same flags, so that most of its packages are compiled already.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.controlplane_build import COMPILE_FLAGS, cache_directory
from tests.support.go_toolchain import GoMissing, find_go
from tests.support.oci_archive import pack
from tests.support.programs import ProgramMissing, run

SOURCES = Path(__file__).parents[2] / "e2e" / "node"
VERSION = "v1.37.2"
BUILD_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Program:
    """`node` is the binary, `pause` an OCI archive."""

    node: Path
    pause: Path


def build() -> Program:
    """Both, built if need be. Raises ProgramMissing without Go, ProgramFailed when it fails."""
    digest = hashlib.sha256("\0".join((*COMPILE_FLAGS, VERSION)).encode())
    for path in sorted(SOURCES.rglob("*")):
        if path.is_file():
            digest.update(f"\0{path.relative_to(SOURCES)}\0".encode() + path.read_bytes())
    directory = cache_directory() / f"node-{digest.hexdigest()[:12]}"
    if not directory.exists():
        directory.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix="building-", dir=directory.parent))
        try:
            _build(work)
            if not directory.exists():
                work.rename(directory)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return Program(directory / "node", directory / "pause.tar")


def _build(work: Path) -> None:
    try:
        go = find_go(SOURCES / "go.mod", cache_directory(), _say)
    except GoMissing as missing:
        raise ProgramMissing(str(missing)) from missing
    _say("building the kubelet (some minutes the first time, then seconds)")
    major, minor, _ = VERSION.removeprefix("v").split(".")
    package = "k8s.io/component-base/version"
    linked = {"gitVersion": VERSION, "gitMajor": major, "gitMinor": minor}
    settings = " ".join(f"-X {package}.{name}={value}" for name, value in linked.items())
    environment = {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    command = (str(go), "-C", str(SOURCES), "build", *COMPILE_FLAGS, f"-ldflags=-s -w {settings}")
    run(*command, "-o", str(work / "node"), ".", seconds=BUILD_SECONDS, environment=environment)
    root = work / "pause"
    root.mkdir()
    # Static: there is nothing but this file in its image.
    run(
        *(*command, "-o", str(root / "pause"), "./pause"),
        seconds=BUILD_SECONDS,
        environment=environment | {"CGO_ENABLED": "0"},
    )
    pack(root, work / "pause.tar", {"PATH": "/"}, entrypoint=["/pause"])
    shutil.rmtree(root)


def _say(text: str) -> None:
    print(f"node: {text}", file=sys.stderr, flush=True)
