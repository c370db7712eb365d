"""Finding the control plane for tests, and building it once.

In this order: the binaries in `KUBEBUILDER_ASSETS`; a build of these very sources in the cache,
`${XDG_CACHE_HOME:-~/.cache}/redox-operator/controlplane-<hash>/controlplane`; a new build there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.support.go_toolchain import GoMissing, find_go

SOURCES = Path(__file__).parents[1] / "controlplane"
COMPILE_FLAGS = (
    "-buildvcs=false",
    "-trimpath",
    # No debug information: the compiler takes a third less time.
    "-gcflags=all=-dwarf=false",
)
"""Part of every key of Go's build cache: another flag is another ten minutes."""
PACKAGES = 2550
"""How many packages a first build compiles, about."""
PROGRESS_SECONDS = 15
OUTPUT_LINES_SHOWN = 15


class ControlPlaneMissing(Exception):
    """There is no control plane here; the message says what is missing to have one."""


def find() -> Path | None:
    """The control plane that can be started now, or None. Never builds.

    A file is our own program, a directory holds the binaries etcd and kube-apiserver.
    """
    return _assets() or _cached()


def build() -> Path:
    """The control plane, built if need be, with progress on standard error.

    Raises ControlPlaneMissing.
    """
    found = find()
    if found is not None:
        return found
    if sys.platform != "linux":
        raise ControlPlaneMissing(
            "it builds on Linux only: set KUBEBUILDER_ASSETS to a directory with etcd and "
            "kube-apiserver"
        )
    target = _target()
    target.parent.parent.mkdir(parents=True, exist_ok=True)
    with _lock(target.parent.with_suffix(".lock")):
        # Another run may have built it while this one waited.
        if _cached() is None:
            _build(target)
    return target


def cache_directory() -> Path:
    """The directory for what is built or downloaded once."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "redox-operator"


def _assets() -> Path | None:
    value = os.environ.get("KUBEBUILDER_ASSETS")
    if not value:
        return None
    directory = Path(value).absolute()
    missing = [
        name
        for name in ("etcd", "kube-apiserver")
        if not os.access(directory / name, os.X_OK) or not (directory / name).is_file()
    ]
    if missing:
        _say_once(f"ignoring KUBEBUILDER_ASSETS={value}: no {' and no '.join(missing)} in it")
        return None
    return directory


def _cached() -> Path | None:
    target = _target()
    return target if target.is_file() else None


def _target() -> Path:
    digest = hashlib.sha256("\0".join((*COMPILE_FLAGS, _link_flag())).encode())
    for path in sorted(SOURCES.iterdir()):
        if path.suffix in {".go", ".mod", ".sum"}:
            digest.update(f"\0{path.name}\0".encode())
            digest.update(path.read_bytes())
    return cache_directory() / f"controlplane-{digest.hexdigest()[:12]}" / "controlplane"


def _link_flag() -> str:
    """kube-apiserver reports, and takes its feature gates from, the version that is linked in."""
    module = re.search(r"k8s\.io/kubernetes (v(\d+)\.(\d+)\S*)", (SOURCES / "go.mod").read_text())
    assert module is not None
    version, major, minor = module.groups()
    package = "k8s.io/component-base/version"
    settings = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    values = (f"-X {package}.{name}={value}" for name, value in settings.items())
    return " ".join(("-ldflags=-s -w", *values))


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold a file lock, which the kernel drops should this process die."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another run is building it, waiting")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(target: Path) -> None:
    try:
        go = find_go(SOURCES / "go.mod", cache_directory(), _say)
    except GoMissing as missing:
        raise ControlPlaneMissing(str(missing)) from missing
    _say(f"building with {go} (about ten minutes on two cores the first time, then seconds)")
    work = Path(tempfile.mkdtemp(prefix="building-", dir=cache_directory()))
    try:
        started = time.monotonic()
        _compile(go, work / target.name)
        # A rename is all or nothing: who finds the directory finds the whole program.
        work.replace(target.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _say(f"built in {_duration(time.monotonic() - started)}")


def _compile(go: Path, output: Path) -> None:
    process = subprocess.Popen(
        [go, "build", "-v", *COMPILE_FLAGS, _link_flag(), "-o", output, "."],
        cwd=SOURCES,
        # What a person has set for other modules must not change this build.
        env=os.environ | {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "GOTOOLCHAIN": "local"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    lines: deque[str] = deque(maxlen=OUTPUT_LINES_SHOWN)
    counts: Counter[str] = Counter()
    reader = threading.Thread(target=_read, args=(process, lines, counts))
    reader.start()
    started = time.monotonic()
    try:
        while (code := _wait(process, PROGRESS_SECONDS)) is None:
            _say(
                f"{_duration(time.monotonic() - started)}: {counts['modules']} modules downloaded, "
                f"{counts['packages']} of about {PACKAGES} packages compiled"
            )
    finally:
        process.kill()
        process.wait()
        reader.join()
    if code:
        print(*lines, sep="\n", file=sys.stderr)
        raise ControlPlaneMissing(f"go build failed with code {code}; its last lines stand above")


def _wait(process: subprocess.Popen[str], seconds: float) -> int | None:
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None


def _read(process: subprocess.Popen[str], lines: deque[str], counts: Counter[str]) -> None:
    """Count what go -v names: modules it downloads, packages it compiles."""
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            lines.append(line.rstrip())
            if line.startswith("go: downloading "):
                counts["modules"] += 1
            elif " " not in line.strip():
                counts["packages"] += 1


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _say(text: str) -> None:
    print(f"controlplane: {text}", file=sys.stderr, flush=True)


_say_once = cache(_say)
