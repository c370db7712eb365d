"""Where a demo keeps its state, as long as it runs and no longer."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demo import guardian
from demo.errors import DemoError

ROOT = Path(__file__).parents[1]
DIRECTORY = ROOT / ".demo"


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """An empty directory of this demo alone, and the process group of what it starts."""

    path: Path
    process_group: int

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.path / "logs"


@contextlib.contextmanager
def opened(
    path: Path = DIRECTORY, grace: float = guardian.GRACE_SECONDS
) -> Iterator[StateDirectory]:
    """The directory, which is gone afterwards, whatever way the demo ends.

    `grace`: how many seconds its processes have to end when the demo is killed.

    Raises DemoError when another demo uses it.
    """
    descriptor = _lock(path)
    try:
        _empty(path)
        # It inherits the lock: no other demo starts while it clears away.
        watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__, path, str(grace)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A group of its own, in the background: Ctrl-C in the terminal reaches the demo only,
            # which then ends the others in order.
            process_group=0,
            pass_fds=(descriptor,),
        )
        try:
            state = StateDirectory(path, watcher.pid)
            state.logs.mkdir()
            yield state
        finally:
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(BrokenPipeError):
                watcher.communicate(guardian.DONE)
    finally:
        os.close(descriptor)


def _lock(path: Path) -> int:
    """An open descriptor of the directory that holds its lock."""
    while True:
        path.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise DemoError(
                "another demo runs in this checkout: end it with Ctrl-C in its terminal, or wait "
                "some seconds if it was killed"
            ) from None
        # Its last user may have removed it between our opening and our locking it.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


def _empty(path: Path) -> None:
    """Remove what a demo left behind that lost its guardian too, as in a power failure."""
    path.chmod(0o700)
    for entry in path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
