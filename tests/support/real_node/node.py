"""The processes of the node: start, images, logs, end."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from tests.support.controlplane import ControlPlane
from tests.support.kubernetes_api import APIError, KubernetesAPI
from tests.support.programs import ProgramFailed, require, run
from tests.support.real_node import configuration, network
from tests.support.real_node.program import Program

NAME = "node-1"
ROOT = Path(__file__).parents[3]
READY_SECONDS = 90
STOP_SECONDS = 20
IMPORT_SECONDS = 120


class NodeError(Exception):
    """The node did not do what was asked; the message ends with the tail of a log."""


class RealNode:
    """One node, Ready when `start` returns. Lives below a directory with a short path."""

    def __init__(self, cluster: ControlPlane, directory: Path, program: Program) -> None:
        """`start` is the way in."""
        self._cluster = cluster
        self._program = program
        self.directory = directory
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @classmethod
    def start(
        cls,
        cluster: ControlPlane,
        directory: Path,
        program: Program,
        *,
        cgroup: str,
        sync_frequency: str = "1m",
    ) -> Self:
        """`cgroup` is the name of one that exists below the root of each hierarchy.

        Raises ProgramMissing, or NodeError when it does not become Ready.
        """
        require("containerd", "runc")
        node = cls(cluster, directory, program)
        try:
            network.set_up(directory / "network")
            configuration.write(directory, cgroup=cgroup, sync_frequency=sync_frequency)
            node._run("containerd", "containerd", f"--config={directory}/containerd.toml")
            node._wait_for_containerd()
            node.load(program.pause, configuration.PAUSE_IMAGE)
            kubeconfig = str(cluster.kubeconfig)
            proxy = "tests.support.real_node.service_proxy"
            node._run("service_proxy", sys.executable, "-m", proxy, kubeconfig)
            node._run("workloads", str(program.node), "workloads", f"--kubeconfig={kubeconfig}")
            node.start_kubelet()
            node._wait_until_ready()
        except BaseException:
            node.stop()
            raise
        return node

    def load(self, archive: Path, name: str) -> None:
        """Make the image of an OCI archive known under a name, as a pull would."""
        before = set(self._images())
        self._ctr("images", "import", "--index-name", "loaded", str(archive))
        for new in set(self._images()) - before:
            if new != name:
                self._ctr("images", "tag", "--force", new, name)
                self._ctr("images", "rm", new)

    def start_kubelet(self) -> None:
        user = self._cluster.user(f"system:node:{NAME}", ("system:nodes",))
        self._run(
            *("kubelet", str(self._program.node), "kubelet"),
            f"--kubeconfig={user}",
            f"--hostname-override={NAME}",
            f"--node-ip={network.NODE_ADDRESS}",
            f"--root-dir={self.directory}/kubelet",
            f"--cert-dir={self.directory}/kubelet-pki",
            f"--config={self.directory}/kubelet.yaml",
        )

    def restart_kubelet(self) -> None:
        """End it and start it again; it answers requests for logs when this returns."""
        self._end("kubelet")
        self.start_kubelet()
        deadline = time.monotonic() + READY_SECONDS
        while not _listens(network.NODE_ADDRESS, configuration.KUBELET_PORT):
            self._check("kubelet", deadline)
            time.sleep(0.1)

    def stop(self) -> None:
        """End its processes. Containers end with the namespaces."""
        for name in list(self._processes)[::-1]:
            self._end(name)

    def log(self, process: str, lines: int = 30) -> str:
        """The end of the log of containerd, kubelet, service_proxy or workloads."""
        path = self.directory / f"{process}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, name: str, *command: str) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT
            )

    def _end(self, name: str) -> None:
        process = self._processes.pop(name)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _ctr(self, *args: str) -> str:
        socket = f"--address={self.directory}/containerd.sock"
        return run("ctr", socket, "--namespace=k8s.io", *args, seconds=IMPORT_SECONDS)

    def _images(self) -> list[str]:
        return self._ctr("images", "list", "--quiet").split()

    def _wait_for_containerd(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                self._ctr("version")
            except ProgramFailed:
                self._check("containerd", deadline)
                time.sleep(0.1)
            else:
                return

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        with KubernetesAPI(self._cluster.url, self._cluster.ca_file, self._cluster.token) as api:
            while not self._is_ready(api):
                self._check("kubelet", deadline)
                time.sleep(0.2)

    def _is_ready(self, api: KubernetesAPI) -> bool:
        try:
            conditions = api.get(f"/api/v1/nodes/{NAME}")["status"].get("conditions", ())
        except APIError:
            return False
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def _check(self, name: str, deadline: float) -> None:
        """Raises NodeError when a process has ended, or the deadline is over."""
        code = self._processes[name].poll()
        if code is not None or time.monotonic() > deadline:
            what = "not ready in time" if code is None else f"ended with {code}"
            raise NodeError(f"{name}: {what}; the end of its log:\n{self.log(name)}")


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True
