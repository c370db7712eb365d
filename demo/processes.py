"""The processes that the demo starts: their start, ready line, log and end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.directory import StateDirectory
from demo.errors import DemoError

READY_SECONDS = 30.0
STOP_SECONDS = 6.0
"""The operator and the sandboxes end within 5 s of SIGTERM."""
LOG_LINES = 15
_LOOPBACK = "127.0.0.1,localhost"


@dataclass(frozen=True, slots=True)
class Child:
    """A running process; what it wrote to standard error is in its log."""

    name: str
    process: asyncio.subprocess.Process
    output_file: Path
    log_file: Path

    async def ready_line(self) -> dict[str, Any]:
        """The JSON object that it prints when it serves. Raises DemoError when none comes."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not (line := self.output_file.read_text()).endswith("\n"):
                    self.check()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise DemoError(
                f"{self.name} was not ready in {READY_SECONDS:g} s", self.log_tail()
            ) from None
        ready: dict[str, Any] = json.loads(line)
        return ready

    def check(self) -> None:
        """Raises DemoError when it has ended."""
        code = self.process.returncode
        if code is not None:
            raise DemoError(f"{self.name} ended with code {code}", self.log_tail())

    def log_tail(self) -> list[str]:
        """The last lines that it wrote."""
        return self.log_file.read_text(errors="replace").splitlines()[-LOG_LINES:]

    async def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL when that is not enough."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


@contextlib.asynccontextmanager
async def running(
    name: str,
    command: Sequence[str],
    state: StateDirectory,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Child]:
    """The process, from its start to its end; `environment` comes on top of the demo's own."""
    output_file, log_file = state.logs / f"{name}.out", state.logs / f"{name}.log"
    with output_file.open("wb") as output, log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=log,
            env=child_environment(os.environ, environment or {}),
            process_group=state.process_group,
        )
    child = Child(name, process, output_file, log_file)
    try:
        yield child
    finally:
        await child.stop()


def console_script(name: str) -> Path:
    """A command of this project, beside the Python that runs. Raises DemoError without it."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        raise DemoError(f"missing: the command {name} in {path.parent}; run `make install`")
    return path


def child_environment(own: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: no settings but those in `more`, and no proxy on loopback."""
    kept = {
        name: value
        for name, value in own.items()
        if name != "KUBECONFIG" and not name.startswith("REDOX_OPERATOR_")
    }
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(part for part in (kept.get(name), _LOOPBACK) if part)
    return kept | dict(more)
