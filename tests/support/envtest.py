"""The binaries etcd and kube-apiserver as one process, for those who have `KUBEBUILDER_ASSETS`.

    python -m tests.support.envtest DIRECTORY run|user [flags]

It takes the flags and prints the ready line of our own control plane (`tests/controlplane`), so
that the launcher needs to know only one of them. There are no controllers: nothing collects the
objects of a deleted owner, empties a deleted namespace or makes service accounts.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

import httpx

from tests.support.envtest_pki import PKI

READY_SECONDS = 110
STOP_SECONDS = 8


def run(assets: Path, options: argparse.Namespace) -> None:
    data: Path = options.data_dir
    pki = PKI(data / "pki")
    url = f"https://127.0.0.1:{options.port or _free_port()}"
    etcd_url = f"http://127.0.0.1:{_free_port()}"
    (data / "url").write_text(url)
    kubeconfig: Path = options.kubeconfig or data / "admin.kubeconfig"
    _write(kubeconfig, pki.kubeconfig(url, "admin", ["system:masters"]))

    asked = {signal.SIGUSR1: False, signal.SIGTERM: False, signal.SIGINT: False}
    for number in asked:
        signal.signal(number, lambda number, _: asked.__setitem__(signal.Signals(number), True))
    with options.log_file.open("a", buffering=1) as log:
        running: list[subprocess.Popen[bytes]] = []
        try:
            running.append(_start(assets, log, "etcd", _etcd_flags(data / "etcd", etcd_url)))
            flags = [*_apiserver_flags(pki, url, etcd_url), *options.apiserver_arg]
            running.append(_start(assets, log, "kube-apiserver", flags))
            version = _wait_ready(url, pki, running)
            line = {
                "url": url,
                "caFile": str(pki.file("ca.crt")),
                "kubeconfig": str(kubeconfig),
                "token": pki.admin_token,
                "pid": os.getpid(),
                "version": version,
                "dataDir": str(data),
                "controllers": False,
            }
            print(json.dumps(line), flush=True)
            while not asked[signal.SIGTERM] and not asked[signal.SIGINT]:
                # Its end is the death of the test process.
                if select.select([sys.stdin.fileno()], [], [], 0.1)[0] and not os.read(0, 1):
                    break
                _check(running)
                if asked[signal.SIGUSR1]:
                    asked[signal.SIGUSR1] = False
                    _compact(etcd_url)
                    log.write("compacted etcd\n")
        finally:
            # kube-apiserver first: without etcd it would not end cleanly.
            for process in reversed(running):
                _stop(process)


def user(options: argparse.Namespace) -> None:
    url = (options.data_dir / "url").read_text()
    pki = PKI(options.data_dir / "pki")
    _write(options.kubeconfig, pki.kubeconfig(url, options.name, options.group))


def _start(assets: Path, log: TextIO, name: str, flags: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [assets / name, *flags], stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _check(running: list[subprocess.Popen[bytes]]) -> None:
    for process in running:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with code {process.returncode}")


def _wait_ready(url: str, pki: PKI, running: list[subprocess.Popen[bytes]]) -> str:
    """The version of kube-apiserver, once it is ready."""
    trusted = ssl.create_default_context(cafile=str(pki.file("ca.crt")))
    headers = {"Authorization": f"Bearer {pki.admin_token}"}
    deadline = time.monotonic() + READY_SECONDS
    with httpx.Client(base_url=url, verify=trusted, headers=headers, timeout=5) as client:
        while True:
            _check(running)
            try:
                answers = [client.get(path) for path in ("/readyz", "/api/v1/namespaces/default")]
                if all(answer.status_code == httpx.codes.OK for answer in answers):
                    return str(client.get("/version").json()["gitVersion"])
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline:
                raise TimeoutError("kube-apiserver is not ready")
            time.sleep(0.1)


def _compact(etcd_url: str) -> None:
    """Drop the history of all keys, through etcd's JSON gateway."""
    with httpx.Client(base_url=etcd_url, timeout=5) as client:
        status = client.post("/v3/maintenance/status", json={}).raise_for_status().json()
        request = {"revision": status["header"]["revision"], "physical": True}
        client.post("/v3/kv/compaction", json=request).raise_for_status()


def _etcd_flags(data: Path, url: str) -> list[str]:
    # A label, compared with the stored one at each start. Nothing listens there.
    label = "http://127.0.0.1:2380"
    return [
        "--name=controlplane",
        f"--data-dir={data}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls=http://127.0.0.1:{_free_port()}",
        f"--initial-advertise-peer-urls={label}",
        f"--initial-cluster=controlplane={label}",
        "--unsafe-no-fsync",
        "--log-level=error",
    ]


def _apiserver_flags(pki: PKI, url: str, etcd_url: str) -> list[str]:
    return [
        f"--etcd-servers={etcd_url}",
        "--bind-address=127.0.0.1",
        f"--secure-port={url.rpartition(':')[2]}",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/16",
        f"--tls-cert-file={pki.file('apiserver.crt')}",
        f"--tls-private-key-file={pki.file('apiserver.key')}",
        f"--client-ca-file={pki.file('ca.crt')}",
        f"--token-auth-file={pki.file('tokens.csv')}",
        "--authorization-mode=Node,RBAC",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki.file('sa.key')}",
        f"--service-account-signing-key-file={pki.file('sa.key')}",
        "--shutdown-watch-termination-grace-period=1s",
    ]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.envtest")
    parser.add_argument("assets", type=Path)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "user"):
        command = commands.add_parser(name)
        command.add_argument("--data-dir", type=Path, required=True)
        command.add_argument("--kubeconfig", type=Path, required=name == "user")
    for flag, kind in (("--port", int), ("--log-file", Path)):
        commands.choices["run"].add_argument(flag, type=kind)
    commands.choices["run"].add_argument("--watch-stdin", action="store_true")
    commands.choices["run"].add_argument("--apiserver-arg", action="append", default=[])
    commands.choices["user"].add_argument("--name", required=True)
    commands.choices["user"].add_argument("--group", action="append", default=[])
    options = parser.parse_args()
    if options.command == "run":
        run(options.assets, options)
    else:
        user(options)


if __name__ == "__main__":
    main()
