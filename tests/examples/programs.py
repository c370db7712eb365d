"""Running the examples as a person does: with the programs of the machine."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
SECONDS = 30


def program(name: str) -> str:
    """The path of a program. Where it is missing the test is skipped; with CI=true it fails."""
    if name == "python":
        return sys.executable
    path = shutil.which(name)
    if path is None:
        reason = f"{name} is not installed: this example was not executed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return path


def environment(ca_file: str, **more: str) -> dict[str, str]:
    """What a program needs to trust the sandbox, and no proxy in between."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    trust = ("CURL_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
    return {**kept, "LC_ALL": "C.UTF-8", **dict.fromkeys(trust, ca_file), **more}


def run(
    command: Sequence[str | Path],
    env: Mapping[str, str],
    *,
    stdin: str = "",
    directory: Path | None = None,
    seconds: float = SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Run to the end, whatever the exit code."""
    return subprocess.run(
        [program(str(command[0])), *command[1:]],
        env=dict(env),
        cwd=directory,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


class Running:
    """A program that runs until the end of the block, and the lines that it prints."""

    def __init__(self, command: Sequence[str | Path], env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [program(str(command[0])), *command[1:]],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._queue: queue.Queue[str] = queue.Queue()
        self.lines: list[str] = []
        """All that were taken so far."""
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()

    def wait_for(self, text: str, seconds: float = SECONDS) -> str:
        """The next line that contains the text."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(
                    f"no line with {text!r} in {seconds} s; last: {self.lines[-5:]}"
                ) from None
            self.lines.append(line)
            if text in line:
                return line

    def stop(self) -> int:
        """End it as the kubelet does; its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            self._process.wait(timeout=5)
            self._thread.join(timeout=5)
            if self._process.stdout is not None:
                self._process.stdout.close()
            while not self._queue.empty():
                self.lines.append(self._queue.get())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.returncode is None:
            self.stop()

    def _collect(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._queue.put(line.rstrip("\n"))
