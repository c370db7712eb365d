"""`redox-sandbox redox` as a user starts it: the real process, driven by its admin address."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

# No proxy of the environment stands between a test and a loopback address.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class RedoxSandbox:
    """A running sandbox; a context manager that stops it.

    >>> with RedoxSandbox.start(clients=[client_entry("app", rsa_pem())]) as redox:
    ...     redox.token_url, redox.ca_file
    """

    pid: int
    token_url: str
    fhir_base_url: str
    data_model_url: str
    ca_file: str
    admin_url: str

    def __init__(self, options: list[str], directory: Path, *, own_directory: bool) -> None:
        self._options = options
        self._own_directory = own_directory
        self._process: subprocess.Popen[str] | None = None
        self.directory = directory
        self.clients_file = directory / "clients.yaml"

    @classmethod
    def start(
        cls,
        clients: Iterable[Mapping[str, Any]] = (),
        token_lifetime: int = 300,
        *,
        legacy_keys: Iterable[Mapping[str, Any]] = (),
        directory: Path | None = None,
        **flags: Any,
    ) -> Self:
        """Start the process and wait until it is ready.

        `clients` are entries as `tests.support.keys.client_entry` makes them. `directory` holds the
        data directory, clients file and log; without it, a temporary one that `stop` removes.
        `flags` become options: `revoke_earlier=True`, `rate_limit=10`, `public_url="https://…"`,
        `address="127.0.0.1:8443"`, `host_name=["a", "b"]` (repeated).
        """
        own = directory is None
        directory = (
            Path(tempfile.mkdtemp(prefix="redox-sandbox-")) if directory is None else directory
        )
        sandbox = cls(_options(directory, token_lifetime, flags), directory, own_directory=own)
        try:
            sandbox.set_clients(clients, legacy_keys)
            sandbox._launch()
        except BaseException:
            sandbox.stop()
            raise
        return sandbox

    def set_clients(
        self, clients: Iterable[Mapping[str, Any]], legacy_keys: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        """Replace the clients file at once; the next request sees it."""
        content = {"clients": list(clients), "legacyKeys": list(legacy_keys)}
        draft = self.clients_file.with_suffix(".draft")
        draft.write_text(json.dumps(content))
        draft.replace(self.clients_file)

    def set_faults(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Replace the rules, such as `{"fault": "status", "status": 503, "times": 2}`."""
        self.admin("PUT", "/faults", list(rules))

    def clear_faults(self) -> None:
        """Answer normally again."""
        self.admin("DELETE", "/faults")

    def set_settings(self, **settings: Any) -> None:
        """Change settings of the running process, such as `tokenLifetime=60`."""
        self.admin("PUT", "/settings", settings)

    def revoke(self, client_id: str) -> int:
        """Kill the live tokens of a client; their number."""
        return int(self.admin("POST", "/tokens/revoke", {"clientId": client_id})["revoked"])

    def requests(self, client_id: str | None = None) -> list[dict[str, Any]]:
        """Token requests, oldest first: `time`, `clientId`, `kid`, `jti`, `outcome`, `reason`."""
        entries: list[dict[str, Any]] = self.admin("GET", "/requests")["requests"]
        return [entry for entry in entries if client_id in (None, entry["clientId"])]

    def clear_requests(self) -> None:
        """Forget the log and the totals."""
        self.admin("DELETE", "/requests")

    def stats(self) -> dict[str, Any]:
        """Totals: clients, totals, repeatedJti, liveTokens, resourceCalls, redirectsFollowed."""
        stats: dict[str, Any] = self.admin("GET", "/stats")
        return stats

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the admin address; an error answer raises with its sentence."""
        request = urllib.request.Request(
            self.admin_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with _OPENER.open(request, timeout=10) as response:
                content = response.read()
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(
                    f"{method} {path}: {error.code} {error.read().decode()}"
                ) from None
        return json.loads(content) if content else None

    @property
    def process(self) -> subprocess.Popen[str]:
        """The running process, for tests that signal or await it themselves."""
        assert self._process is not None, "the sandbox is not running: start it anew"
        return self._process

    @property
    def log(self) -> str:
        """What the process wrote to stderr."""
        path = self.directory / "stderr.log"
        return path.read_text() if path.exists() else ""

    def pause(self) -> None:
        """Freeze the process: connections open, nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process run on."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End the process at once, as a crash would; `restart` brings it back."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start again at the same URLs, with the same certificates, clients file and options."""
        self._end(signal.SIGTERM)
        more = ["--admin-address", urlsplit(self.admin_url).netloc]
        if "--public-url" not in self._options:
            more += ["--address", urlsplit(self.token_url).netloc]
        # Of a repeated option the last one counts.
        self._launch(more)

    def stop(self) -> None:
        """End the process and remove the temporary directory; harmless when already stopped."""
        self._end(signal.SIGTERM)
        if self._own_directory and self.directory.exists():
            shutil.rmtree(self.directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _launch(self, more: list[str] | None = None) -> None:
        command = [sys.executable, "-m", "redox_sandbox", "redox", *self._options, *(more or [])]
        with (self.directory / "stderr.log").open("a") as log:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True
            )
        self.pid = self._process.pid
        ready = json.loads(self._ready_line())
        self.token_url, self.fhir_base_url = ready["tokenUrl"], ready["fhirBaseUrl"]
        self.data_model_url, self.ca_file = ready["dataModelUrl"], ready["caFile"]
        self.admin_url = ready["adminUrl"]

    def _ready_line(self, timeout: float = 30.0) -> str:
        process = self.process
        assert process.stdout is not None
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if select.select([process.stdout], [], [], 0.2)[0]:
                line = process.stdout.readline()
                if line:
                    return line
                break
        self._end(signal.SIGKILL)
        raise RuntimeError(f"redox-sandbox did not become ready: {self.log}")

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
            process.send_signal(signal.SIGCONT)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=5)
        if process.stdout is not None:
            process.stdout.close()


def _options(directory: Path, token_lifetime: int, flags: Mapping[str, Any]) -> list[str]:
    options = {
        "address": "127.0.0.1:0",
        "admin_address": "127.0.0.1:0",
        "data_dir": directory / "data",
        "clients": directory / "clients.yaml",
        "token_lifetime": token_lifetime,
        **flags,
    }
    words: list[str] = []
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            words.append(option)
        elif value is not False and value is not None:
            for item in value if isinstance(value, list | tuple) else [value]:
                words += [option, str(item)]
    return words
