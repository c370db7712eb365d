"""Programs of the system that tests run: what is missing is said in one line, faults in many."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

DEBIAN_PACKAGES = {
    "buildah": "buildah",
    "chroot": "coreutils",
    "containerd": "containerd",
    "ctr": "containerd",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "mount": "mount",
    "runc": "runc",
    "unshare": "util-linux",
}
LINES_SHOWN = 20


class ProgramMissing(Exception):
    """Something is not installed here; the message says what, and how to get it on Debian."""


class ProgramFailed(Exception):
    """A program ended with a non-zero code; the message ends with what it said."""


def require(*programs: str) -> None:
    """Raises ProgramMissing unless all of them are on PATH."""
    missing = {DEBIAN_PACKAGES[program] for program in programs if not shutil.which(program)}
    if missing:
        names = " ".join(sorted(missing))
        raise ProgramMissing(f"missing: {names} (on Debian and Ubuntu: apt-get install {names})")


def run(*command: str, seconds: float = 300, environment: Mapping[str, str] | None = None) -> str:
    """Its standard output. Raises ProgramFailed, and subprocess.TimeoutExpired after `seconds`."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
        env=os.environ if environment is None else os.environ | environment,
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-LINES_SHOWN:]
        raise ProgramFailed("\n".join([f"{command[0]} ended with {done.returncode}:", *said]))
    return done.stdout
