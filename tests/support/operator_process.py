"""`redox-operator run` as its Deployment starts it: the real process, with settings of a test."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.kubernetes_api import polls
from tests.support.redox_sandbox import RedoxSandbox

SCALED = {"PROPAGATION_SECONDS": "5", "SAFETY_SECONDS": "2", "RETRY_BUDGET_SECONDS": "5"}
"""Margins for tokens of 30 s: the first refresh after 18 s, less the jitter."""


def sandbox_endpoint(sandbox: RedoxSandbox, **changes: Any) -> dict[str, Any]:
    """The entry `Sandbox` of an endpoints file."""
    entry = {
        "name": "Sandbox",
        "tokenUrl": sandbox.token_url,
        "caBundle": sandbox.ca_file,
        "fhirBaseUrl": sandbox.fhir_base_url,
        "requestsPerSecond": 0,
    }
    return entry | changes


class OperatorProcess:
    """A running operator; a context manager that stops it."""

    def __init__(
        self,
        kubeconfig: Path,
        endpoints: list[dict[str, Any]],
        settings: Mapping[str, str],
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`environment` is for what is no setting of ours, such as `LD_PRELOAD`."""
        self._kubeconfig = kubeconfig
        self._environment = dict(environment or {})
        self._settings = settings
        self._directory = tempfile.TemporaryDirectory(prefix="operator-")
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoints_file = Path(self._directory.name) / "endpoints.yaml"
        self.log_file = Path(self._directory.name) / "operator.log"
        self.set_endpoints(endpoints)

    @classmethod
    def start(
        cls,
        kubeconfig: Path,
        endpoints: list[dict[str, Any]],
        *,
        ready: bool = True,
        **settings: str,
    ) -> Self:
        """Start it and wait until it is ready. `settings` are named as the variables are."""
        operator = cls(kubeconfig, endpoints, {**SCALED, **settings})
        try:
            operator.launch(ready=ready)
        except BaseException:
            operator.stop()
            raise
        return operator

    def set_endpoints(self, endpoints: list[dict[str, Any]]) -> None:
        """Replace the endpoints file in one step."""
        draft = self.endpoints_file.with_suffix(".draft")
        draft.write_text(yaml.safe_dump({"endpoints": endpoints}))
        draft.replace(self.endpoints_file)

    def launch(self, *, ready: bool = True) -> None:
        """Start the process, again after `kill` or `terminate`."""
        self._health, self._metrics = _free_port(), _free_port()
        settings = {
            "ENDPOINTS_FILE": str(self.endpoints_file),
            "HEALTH_ADDRESS": f"127.0.0.1:{self._health}",
            "METRICS_ADDRESS": f"127.0.0.1:{self._metrics}",
            **self._settings,
        }
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("REDOX_OPERATOR_", "KUBE"))
        }
        environment |= {"REDOX_OPERATOR_" + name: value for name, value in settings.items()}
        environment |= {"KUBECONFIG": str(self._kubeconfig), **self._environment}
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "redox_operator", "run"],
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        if ready:
            self.wait_ready()

    def wait_ready(self, seconds: float = 30) -> None:
        """Until `/readyz` answers 200; fails with the log."""
        status, text = 0, ""
        for _ in polls(seconds):
            assert self.process.poll() is None, f"the operator ended:\n{self.log()}"
            status, text = self.probe("/readyz")
            if status == 200:
                return
        raise AssertionError(f"not ready ({status}): {text}\n{self.log()}")

    def probe(self, path: str) -> tuple[int, str]:
        """Status and text of `/healthz` or `/readyz`; 0 while nothing listens."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self._health}{path}", timeout=5)
        except httpx.TransportError:
            return 0, ""
        return answer.status_code, answer.text

    def exposition(self) -> str:
        """The text of `/metrics`."""
        return httpx.get(f"http://127.0.0.1:{self._metrics}/metrics", timeout=5).text

    def metric(self, metric: str, /, **labels: str) -> float:
        """Sum of the samples of this name whose labels include these."""
        total = 0.0
        for family in text_string_to_metric_families(self.exposition()):
            for sample in family.samples:
                named = sample.name == f"redox_operator_{metric}"
                if named and labels.items() <= sample.labels.items():
                    total += sample.value
        return total

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        assert self._process is not None, "the operator was not started"
        return self._process

    def log(self) -> str:
        """What it logged, over all its lives."""
        return self.log_file.read_text()

    def rss_mib(self) -> float:
        """Resident memory of the process, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def terminate(self, seconds: float = 10) -> tuple[int, float]:
        """SIGTERM; exit code and how long it took."""
        started = time.monotonic()
        self.process.terminate()
        code = self.process.wait(seconds)
        return code, time.monotonic() - started

    def pause(self) -> None:
        """Freeze it."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it run on."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it and remove its files."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        self._directory.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
