"""`redox-sandbox kubernetes` as a user starts it: the real process, driven by its admin path."""

from __future__ import annotations

import contextlib
import json
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import httpx

READY_SECONDS = 20.0
STOP_SECONDS = 5.0
REQUEST_SECONDS = 10.0


class KubernetesSandbox:
    """A running in-memory API; a context manager that stops it.

        with KubernetesSandbox.start() as api:
            api.add_fault(action="status", code=503, verbs=["list"], times=2)
            KubernetesAPI.from_kubeconfig(api.kubeconfig).get("/api/v1/namespaces")

    Its state is in memory: it ends with the process.
    """

    url: str
    kubeconfig: Path
    pid: int

    def __init__(self, directory: Path, options: list[str], *, own_directory: bool) -> None:
        """`start` is the way in."""
        self.directory = directory
        self._own_directory = own_directory
        with (directory / "stderr.log").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "redox_sandbox", "kubernetes", *options],
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
                text=True,
            )

    @classmethod
    def start(cls, directory: Path | None = None, **flags: object) -> Self:
        """Start the process and wait until it is ready.

        `directory` holds the kubeconfig and the log; without it, a temporary one that `stop`
        removes. `flags` become options: `address="127.0.0.1:8080"`, `history=100`.

        Raises RuntimeError with what it printed when it does not come up.
        """
        own = directory is None
        place = directory or Path(tempfile.mkdtemp(prefix="kubernetes-sandbox-"))
        options = ["--data-dir", str(place / "data")]
        for name, value in flags.items():
            options += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
        sandbox = cls(place, options, own_directory=own)
        try:
            ready = json.loads(sandbox._ready_line())
        except BaseException:
            sandbox.stop()
            raise
        sandbox.url, sandbox.pid = ready["url"], ready["pid"]
        sandbox.kubeconfig = Path(ready["kubeconfig"])
        return sandbox

    def add_fault(self, **fault: Any) -> int:
        """Put a fault into force, with the fields of redox_sandbox.kubernetes.faults.Fault.

        `action` is status, hang, reset, slow or stall; `verbs`, `resource`, `namespace`, `name`,
        `user_agent`, `times` choose the requests. Returns its number for `remove_fault`.
        """
        number: int = self._admin("POST", "faults", fault)["number"]
        return number

    def remove_fault(self, number: int) -> None:
        """Take one fault out of force."""
        self._admin("DELETE", f"faults/{number}")

    def clear_faults(self) -> None:
        """Take all faults out of force, and read the present again."""
        self._admin("DELETE", "faults")

    def act(self, action: str, **arguments: Any) -> dict[str, Any]:
        """Do one of: compact, drop-watches, stall-watches, fail-watches, freeze-reads, thaw-reads,
        rewind. `resource` limits it to one resource; `revision` and `code` are further arguments.
        """
        return self._admin("POST", "actions", {"action": action, **arguments})

    def requests(self, **wanted: str) -> list[dict[str, Any]]:
        """The logged requests, oldest first: verb, group, resource, subresource, namespace, name,
        userAgent, code, time. `wanted` selects by verb, resource, namespace and the like.
        """
        found: list[dict[str, Any]] = self._admin("GET", "requests", query=wanted)["requests"]
        return found

    def clear_requests(self) -> None:
        """Forget the logged requests."""
        self._admin("DELETE", "requests")

    def pause(self) -> None:
        """Stop it with SIGSTOP: connections stay open and nothing answers, until `resume`."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a crash would; its state is lost."""
        self._end(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and remove what `start` made; return its exit code. Safe to call twice."""
        code = self._end(how)
        if self._own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        return code

    @property
    def log(self) -> str:
        """What it has written to stderr."""
        return (self.directory / "stderr.log").read_text()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _admin(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        answer = httpx.request(
            method,
            f"{self.url}/sandbox/{path}",
            json=body,
            params=query,
            timeout=REQUEST_SECONDS,
            trust_env=False,
        )
        if answer.is_error:
            raise RuntimeError(f"the sandbox refused: {answer.text}")
        content: dict[str, Any] = answer.json()
        return content

    def _ready_line(self) -> str:
        assert self._process.stdout is not None
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if select.select([self._process.stdout], [], [], 0.2)[0]:
                if line := self._process.stdout.readline():
                    return line
                break
        raise RuntimeError(f"redox-sandbox kubernetes did not become ready: {self.log}")

    def _end(self, how: signal.Signals) -> int:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(how)
                self._process.send_signal(signal.SIGCONT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(STOP_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return self._process.returncode
