"""The processes of one control plane, or of a node beside it: start, signals, end."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
READY_SECONDS = 120
"""Ready in 3 to 5 s on an idle machine; a busy one with two cores can take ten times that."""
STOP_SECONDS = 20
LOG_LINES_SHOWN = 30


class ControlPlaneError(Exception):
    """The control plane did not do what was asked; the message ends with the tail of its log."""


class ControlPlaneProcess:
    """One start of a control plane. It ends when this process does, whatever way that goes.

    `command` is `run` for the control plane, `node` for a node.
    """

    def __init__(
        self, program: Path, flags: list[str], log_file: Path, command: str = "run"
    ) -> None:
        self._log_file = log_file
        self._waker: subprocess.Popen[bytes] | None = None
        self._process = subprocess.Popen(
            [*_command(program), command, "--watch-stdin", f"--log-file={log_file}", *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A session of its own: Ctrl-C in the terminal reaches the tests only, who then stop
            # it in order, and one signal reaches all of its processes.
            start_new_session=True,
            cwd=ROOT,
        )

    def wait_ready(self) -> dict[str, Any]:
        """Its ready line. Raises ControlPlaneError when it ends or takes too long."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + READY_SECONDS
        output = b""
        while not output.endswith(b"}\n"):
            rest = max(0.0, deadline - time.monotonic())
            if not select.select([self._process.stdout], [], [], rest)[0]:
                raise ControlPlaneError(f"not ready in {READY_SECONDS} s\n{self._log_tail()}")
            chunk = os.read(self._process.stdout.fileno(), 65536)
            if not chunk:
                said = output.decode(errors="replace").strip()
                raise ControlPlaneError(f"it ended before it was ready: {said}\n{self._log_tail()}")
            output += chunk
        ready: dict[str, Any] = json.loads(output.splitlines()[-1])
        return ready

    def kill(self) -> None:
        self._signal_all(signal.SIGKILL)
        self._reap()

    def stop(self) -> None:
        """Ask it to end, through the end of its standard input; kill it when it does not."""
        self.resume()
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._reap()
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self) -> None:
        if self._waker is not None:
            return
        self._signal_all(signal.SIGSTOP)
        # Stopped, it cannot see the end of its standard input. This one can, also when the test
        # process dies in the meantime. A killed control plane is nothing to complain about.
        self._waker = subprocess.Popen(
            ["sh", "-c", f"read -r _; kill -s CONT -- -{self._process.pid} || :"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def resume(self) -> None:
        if self._waker is not None:
            self._waker.communicate(timeout=STOP_SECONDS)
            self._waker = None

    def compact(self) -> None:
        """Have etcd's history dropped, and wait for the line in the log that says so."""
        seen = self._log().count("compacted etcd")
        os.kill(self._process.pid, signal.SIGUSR1)
        deadline = time.monotonic() + STOP_SECONDS
        while self._log().count("compacted etcd") == seen:
            if time.monotonic() > deadline:
                raise ControlPlaneError(f"etcd was not compacted\n{self._log_tail()}")
            time.sleep(0.02)

    def _signal_all(self, number: int) -> None:
        if self._process.poll() is not None:
            raise ControlPlaneError(f"it ended by itself\n{self._log_tail()}")
        os.killpg(self._process.pid, number)

    def _reap(self) -> None:
        self._process.wait(timeout=STOP_SECONDS)
        self.resume()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _log(self) -> str:
        if not self._log_file.exists():
            return ""
        return self._log_file.read_text(errors="replace")

    def _log_tail(self) -> str:
        lines = self._log().splitlines()[-LOG_LINES_SHOWN:]
        return "\n".join(["the end of its log:", *lines] if lines else ["it wrote no log"])


def run_once(program: Path, *args: str) -> None:
    """Run a short command of the program. Raises ControlPlaneError with what it said."""
    command = [*_command(program), *args]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False, cwd=ROOT
    )
    if done.returncode:
        raise ControlPlaneError(f"{args[0]} failed: {done.stderr.strip()}")


def _command(program: Path) -> tuple[str, ...]:
    """How to start what was found: the program, or the two of a directory of binaries."""
    if program.is_dir():
        return (sys.executable, "-m", "tests.support.envtest", str(program))
    return (str(program),)
