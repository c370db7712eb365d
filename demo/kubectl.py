"""kubectl, run without a shell, as the person who started the demo."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

from demo.directory import StateDirectory
from demo.errors import DemoError
from demo.processes import child_environment
from tests.support.kubectl import kubectl as binary

TIMEOUT = 30.0


class KubectlError(DemoError):
    """kubectl ended with a non-zero code; the sentence is its last line."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """`await Kubectl(state, kubeconfig)("get", "secrets", "--namespace", "redox-demo")`."""

    state: StateDirectory
    kubeconfig: Path | None
    """None: what a person's kubectl would use."""
    program: Path = field(default_factory=lambda: found())

    async def __call__(self, *words: str, stdin: str = "", timeout: float = TIMEOUT) -> str:
        """What it printed. Raises KubectlError."""
        environment = {"KUBECACHEDIR": str(self.state.path / "kubectl-cache")}
        chosen = self.kubeconfig or os.environ.get("KUBECONFIG")
        if chosen:
            environment["KUBECONFIG"] = str(chosen)
        process = await asyncio.create_subprocess_exec(
            self.program,
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=child_environment(os.environ, environment),
            # Away from the terminal's Ctrl-C: what the demo clears away goes through kubectl too.
            process_group=self.state.process_group,
        )
        try:
            async with asyncio.timeout(timeout):
                output, errors = await process.communicate(stdin.encode())
        except BaseException as error:
            process.kill()
            await process.wait()
            if isinstance(error, TimeoutError):
                raise KubectlError(f"kubectl {words[0]}: no answer in {timeout:g} s") from None
            raise
        if process.returncode:
            said = (errors or output).decode(errors="replace").strip().splitlines()
            raise KubectlError(f"kubectl {words[0]}: {said[-1] if said else 'failed'}")
        return output.decode()


def found() -> Path:
    """The kubectl of the locked dependencies. Raises DemoError without it."""
    try:
        return binary()
    except FileNotFoundError:
        raise DemoError("missing: kubectl in .venv; run `make install`") from None
