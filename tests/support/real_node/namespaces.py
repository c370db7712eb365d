"""Namespaces for the node and all that talks to it, and what must be removed after them.

    python -m tests.support.real_node.namespaces COMMAND …

runs a command as the first process of new network, mount and process namespaces, with a directory
(`REDOX_OPERATOR_NODE_DIRECTORY`) and a control group (`REDOX_OPERATOR_NODE_CGROUP`) that are
removed when it ends, however it does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import ProgramMissing, require

DIRECTORY_VARIABLE = "REDOX_OPERATOR_NODE_DIRECTORY"
CGROUP_VARIABLE = "REDOX_OPERATOR_NODE_CGROUP"
CGROUPS = Path("/sys/fs/cgroup")
REMOVE_SECONDS = 10


def require_root() -> None:
    """Raises ProgramMissing."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise ProgramMissing("missing: root on Linux, for containers and their network")


def run_inside(command: list[str]) -> int:
    """The exit code of the command. Raises ProgramMissing."""
    require_root()
    require("unshare", "mount")
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    # Short: paths of sockets have at most 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="node-", dir="/tmp"))
    try:
        with _cgroup(directory.name) as name:
            variables = {DIRECTORY_VARIABLE: str(directory), CGROUP_VARIABLE: name}
            done = subprocess.run([*unshare, *command], env=os.environ | variables, check=False)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return done.returncode


def current() -> tuple[Path, str] | None:
    """The directory and the control group where this process runs inside; else None."""
    directory = os.environ.get(DIRECTORY_VARIABLE)
    return (Path(directory), os.environ[CGROUP_VARIABLE]) if directory else None


@contextmanager
def _cgroup(name: str) -> Iterator[str]:
    """A control group of this name in every hierarchy; for version 2 there is one hierarchy."""
    unified = (CGROUPS / "cgroup.controllers").exists()
    roots = [CGROUPS] if unified else [path for path in CGROUPS.iterdir() if path.is_dir()]
    made = [root / name for root in roots if not root.is_symlink()]
    for path in made:
        path.mkdir()
    try:
        yield name
    finally:
        deadline = time.monotonic() + REMOVE_SECONDS
        for path in made:
            _remove(path, deadline)


def _remove(cgroup: Path, deadline: float) -> None:
    """Innermost first. The last processes may take a moment to go."""
    for child in cgroup.iterdir():
        if child.is_dir():
            _remove(child, deadline)
    while True:
        try:
            cgroup.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    try:
        sys.exit(run_inside(sys.argv[1:]))
    except ProgramMissing as missing:
        sys.exit(str(missing))
