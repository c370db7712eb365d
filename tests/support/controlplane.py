"""A real Kubernetes control plane for tests, started and stopped from Python.

    with ControlPlane.start() as cluster:
        KubernetesAPI(cluster.url, cluster.ca_file, cluster.token).get("/api/v1/namespaces")

`python -m tests.support.controlplane` builds the program behind it (`make controlplane`).
Every call blocks until it is done, or raises; an async test wraps the slow ones (`start`,
`restart`, `stop`) in `asyncio.to_thread`.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Self

from tests.support.controlplane_build import ControlPlaneMissing, build, find
from tests.support.controlplane_process import ControlPlaneError, ControlPlaneProcess, run_once
from tests.support.kubectl import kubectl

__all__ = ["ControlPlane", "ControlPlaneError", "ControlPlaneMissing", "build", "find", "kubectl"]


class ControlPlane:
    """One running control plane, as its ready line describes it.

    `url`, `token`, `ca_file`, `kubeconfig` (cluster-admin) and `data_dir` stay the same over
    `kill` and `restart`; `pid`, that of its process group too, changes. `has_controllers` is
    False with `KUBEBUILDER_ASSETS`: then nothing collects the objects of a deleted owner or a
    deleted namespace, and a namespace has no service account.
    """

    url: str
    ca_file: Path
    kubeconfig: Path
    token: str
    pid: int
    version: str
    has_controllers: bool

    def __init__(self, program: Path, data_dir: Path, apiserver_args: tuple[str, ...]) -> None:
        """`start` is the way in."""
        self.data_dir = data_dir
        self._program = program
        self._apiserver_args = apiserver_args
        self._process: ControlPlaneProcess | None = None
        self._remove_data = False

    @classmethod
    def start(
        cls,
        data_dir: Path | None = None,
        port: int = 0,
        apiserver_args: tuple[str, ...] = (),
    ) -> Self:
        """Start one and wait until it serves.

        Without `data_dir` its state lives in a temporary directory that `stop` removes. Port 0
        takes a free one. `apiserver_args` are flags of kube-apiserver, as `--name=value`.

        Raises ControlPlaneMissing when none is built, ControlPlaneError when it does not come up.
        """
        program = find()
        if program is None:
            raise ControlPlaneMissing("no control plane is built: run `make controlplane`")
        directory = data_dir or Path(tempfile.mkdtemp(prefix="controlplane-"))
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        cluster = cls(program, directory.absolute(), tuple(apiserver_args))
        cluster._remove_data = data_dir is None
        try:
            cluster._run(port)
        except BaseException:
            cluster.stop()
            raise
        return cluster

    def user(self, name: str, groups: tuple[str, ...] = ()) -> Path:
        """A kubeconfig with a new client certificate for a user, who may do what RBAC grants.

        `system:serviceaccount:<namespace>:<name>` with the groups `system:serviceaccounts` and
        `system:serviceaccounts:<namespace>` has the rights of that service account.
        """
        key = hashlib.sha256("\0".join((name, *groups)).encode()).hexdigest()[:8]
        # A colon in the path would split KUBECONFIG into two files.
        path = self.data_dir / "users" / f"{re.sub(r'[^A-Za-z0-9.-]', '-', name)}-{key}.kubeconfig"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        flags = [f"--data-dir={self.data_dir}", f"--kubeconfig={path}", f"--name={name}"]
        run_once(self._program, "user", *flags, *(f"--group={group}" for group in groups))
        return path

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would. `restart` brings it back."""
        self._running().kill()
        self._process = None

    def restart(self) -> None:
        """Start it again on the same data and port, after a clean stop if it still runs.

        Custom resources answer 429 for about a second after this, as in a cluster.
        """
        self._end()
        self._run(int(self.url.rpartition(":")[2]))

    def compact(self) -> None:
        """Drop etcd's history: an old resourceVersion is then gone (410).

        The watch cache may still answer for it: restart, or start with
        `--watch-cache-sizes=secrets#0`.
        """
        self._running().compact()

    def pause(self) -> None:
        """Stop it with SIGSTOP: connections stay open and nothing answers, until `resume`."""
        self._running().pause()

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._running().resume()

    def stop(self) -> None:
        """End it and remove what `start` made. Safe to call twice."""
        self._end()
        if self._remove_data:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _running(self) -> ControlPlaneProcess:
        if self._process is None:
            raise ControlPlaneError("it does not run: call restart() first")
        return self._process

    def _run(self, port: int) -> None:
        flags = [f"--data-dir={self.data_dir}", f"--port={port}"]
        flags += [f"--apiserver-arg={arg}" for arg in self._apiserver_args]
        self._process = ControlPlaneProcess(self._program, flags, self.data_dir / "log")
        ready = self._process.wait_ready()
        self.url = ready["url"]
        self.ca_file = Path(ready["caFile"])
        self.kubeconfig = Path(ready["kubeconfig"])
        self.token = ready["token"]
        self.pid = ready["pid"]
        self.version = ready["version"]
        self.has_controllers = ready["controllers"]

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.stop()


def main() -> int:
    try:
        program = build()
    except ControlPlaneMissing as missing:
        print(f"controlplane: {missing}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("controlplane: interrupted; the next build goes on from here", file=sys.stderr)
        return 130
    print(program)
    return 0


if __name__ == "__main__":
    sys.exit(main())
