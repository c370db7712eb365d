"""`redox-sandbox kubernetes` as a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.support.kubernetes_sandbox import KubernetesSandbox


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "redox_sandbox", "kubernetes", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_it_prints_where_it_is_when_it_is_ready(tmp_path: Path) -> None:
    with KubernetesSandbox.start(tmp_path) as sandbox:
        assert httpx.get(f"{sandbox.url}/readyz", trust_env=False).text == "ok"
        assert sandbox.url.startswith("http://127.0.0.1:")
        assert sandbox.kubeconfig == tmp_path / "data" / "kubeconfig"
        os.kill(sandbox.pid, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_and_nothing_is_left(
    tmp_path: Path, number: signal.Signals
) -> None:
    sandbox = KubernetesSandbox.start(tmp_path)
    with httpx.stream("GET", f"{sandbox.url}/api/v1/secrets?watch=1", trust_env=False):
        start = time.monotonic()
        code = sandbox.stop(number)

    assert code == 0
    assert time.monotonic() - start < 2
    assert list((tmp_path / "data").iterdir()) == []
    assert sandbox.log == ""


def test_it_does_not_listen_beyond_loopback_unasked(tmp_path: Path) -> None:
    done = run("--data-dir", str(tmp_path), "--address", "0.0.0.0:0")

    assert done.returncode == 2
    assert "0.0.0.0 is not loopback" in done.stderr
    assert "pass --allow-remote" in done.stderr


def test_what_is_no_address_is_explained(tmp_path: Path) -> None:
    done = run("--data-dir", str(tmp_path), "--address", "somewhere")

    assert (done.returncode, done.stdout) == (2, "")
    assert "write it as 127.0.0.1:0" in done.stderr


def test_a_port_that_is_taken_is_explained(tmp_path: Path) -> None:
    with KubernetesSandbox.start(tmp_path) as sandbox:
        taken = sandbox.url.removeprefix("http://")
        done = run("--data-dir", str(tmp_path / "other"), "--address", taken)

    assert done.returncode == 1
    assert f"cannot listen on {taken}" in done.stderr
    assert "choose another --address" in done.stderr


def test_it_loads_nothing_of_the_operator() -> None:
    program = (
        "import sys, redox_sandbox.kubernetes.command; "
        "print([name for name in sys.modules if name.startswith('redox_operator')])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout.strip() == "[]"
