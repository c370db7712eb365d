"""A node without containers: the real kubelet, which writes the volumes that a container would see.

    with HollowNode.start(cluster) as node:
        node.run_pod("clinic", "app", ["ehr-token"])
        read_keys(node.mounted("clinic", "app", "ehr-token"), "access_token", "expires_at")

What is replaced is the container runtime, cgroups and mounts. Watches, pod workers, the volume
manager and the atomic writer are the kubelet's own: tests/controlplane/README.md.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from tests.support.controlplane import ControlPlane, ControlPlaneMissing, find
from tests.support.controlplane_process import ControlPlaneProcess
from tests.support.kubernetes_api import APIError, KubernetesAPI, Object

NODE = "node-1"
IMAGE = "none:1"
"""Never pulled. A tag `latest` would be asked for again at each start."""


class HollowNode:
    """A running node; a context manager that stops it and removes its pods.

    `sync_frequency` and `change_detection` are what the kubelet says it uses.
    """

    pid: int
    sync_frequency: str
    change_detection: str

    def __init__(self, cluster: ControlPlane, directory: Path) -> None:
        """`start` is the way in."""
        self._admin = KubernetesAPI(cluster.url, cluster.ca_file, cluster.token)
        self._directory = directory
        self._process: ControlPlaneProcess | None = None
        self._pods: dict[tuple[str, str], Path] = {}

    @classmethod
    def start(
        cls,
        cluster: ControlPlane,
        *,
        sync_frequency: str | None = None,
        change_detection: str | None = None,
        max_pods: int | None = None,
    ) -> Self:
        """Start the node beside a control plane and wait until the API server has it as ready.

        `sync_frequency` is a Go duration such as `12s`, `change_detection` is `Watch`, `Cache` or
        `Get`; what is None is the kubelet's default: 1m, Watch and 110 pods.

        Raises ControlPlaneMissing where only binaries of others are, ControlPlaneError when it
        does not come up.
        """
        program = find()
        if program is None or program.is_dir():
            raise ControlPlaneMissing(
                "no node is built: unset KUBEBUILDER_ASSETS, `make controlplane`"
            )
        node = cls(cluster, Path(tempfile.mkdtemp(prefix="node-")))
        flags = [
            f"--name={NODE}",
            f"--kubeconfig={cluster.user(f'system:node:{NODE}', ('system:nodes',))}",
            f"--root-dir={node._directory}",
        ]
        options = {
            "sync-frequency": sync_frequency,
            "change-detection": change_detection,
            "max-pods": max_pods,
        }
        flags += [f"--{name}={value}" for name, value in options.items() if value is not None]
        try:
            log_file = cluster.data_dir / "node.log"
            node._process = ControlPlaneProcess(program, flags, log_file, command="node")
            ready = node._process.wait_ready()
        except BaseException:
            node.stop()
            raise
        node.pid = ready["pid"]
        node.sync_frequency = ready["syncFrequency"]
        node.change_detection = ready["changeDetection"]
        return node

    def run_pod(self, namespace: str, name: str, secrets: Iterable[str]) -> None:
        """Create a pod that mounts each of these Secrets as a directory.

        A Secret that is not there yet is mounted late, by the kubelet's back-off.
        """
        account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
        self._admin.wait(account, lambda _: True, "the default service account")
        pod = self._admin.create(f"/api/v1/namespaces/{namespace}/pods", _pod(name, list(secrets)))
        volumes = self._directory / "pods" / pod["metadata"]["uid"] / "volumes"
        self._pods[namespace, name] = volumes / "kubernetes.io~secret"

    def mounted(self, namespace: str, pod: str, secret: str) -> Path:
        """The directory where the pod's container would see the Secret."""
        return self._pods[namespace, pod] / secret

    def wait_running(self, seconds: float = 60) -> None:
        """Until every pod runs, so that all its Secrets are mounted."""
        for namespace, name in self._pods:
            path = f"/api/v1/namespaces/{namespace}/pods/{name}"
            self._admin.wait(path, _runs, f"pod {name} runs", seconds)

    def delete_pod(self, namespace: str, name: str) -> None:
        """Delete a pod at once; its directories go soon after."""
        del self._pods[namespace, name]
        self._delete(f"/api/v1/namespaces/{namespace}/pods/{name}", gracePeriodSeconds=0)

    def stop(self) -> None:
        """Remove pods and Node, end the process, remove its directory. Safe to call twice."""
        try:
            for namespace, name in list(self._pods):
                self.delete_pod(namespace, name)
            process, self._process = self._process, None
            if process is not None:
                process.stop()
                self._delete(f"/api/v1/nodes/{NODE}")
        finally:
            self._admin.close()
            shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _delete(self, path: str, **query: int) -> None:
        with contextlib.suppress(APIError):
            self._admin.delete(path, **query)


def _pod(name: str, secrets: list[str]) -> Object:
    mounts = [{"name": secret, "mountPath": f"/{secret}"} for secret in secrets]
    spec: dict[str, Any] = {
        "nodeName": NODE,
        "containers": [{"name": "reader", "image": IMAGE, "volumeMounts": mounts}],
        "volumes": [{"name": secret, "secret": {"secretName": secret}} for secret in secrets],
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
    }
    return {"metadata": {"name": name}, "spec": spec}


def _runs(pod: Object) -> bool:
    status = pod.get("status", {})
    return status.get("phase") == "Running" and all(
        container["ready"] for container in status.get("containerStatuses", [{"ready": False}])
    )
