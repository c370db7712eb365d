"""Outlives the demo by some seconds: when the demo is killed, its processes and directory go too.

It leads the process group of all that the demo starts, and reads from the demo: the word `done`
means that everything has been cleared away, the bare end of input that the demo is no more.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

GRACE_SECONDS = 6.0
"""The operator and the sandboxes end within 5 s of SIGTERM."""
DONE = b"done"


def main(directory: str, grace: float) -> None:
    """Wait for the demo's end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read() == DONE:
        return
    os.killpg(0, signal.SIGTERM)
    time.sleep(grace)
    shutil.rmtree(directory, ignore_errors=True)
    # It is a member of the group itself: nothing comes after this.
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
