"""What `deploy/` ships, on a test cluster: its objects, and the operator's very own rights."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from tests.support.controlplane import ControlPlane
from tests.support.kubectl import kubectl
from tests.support.kubernetes_api import KubernetesAPI, Object

DEPLOY = Path(__file__).parents[2] / "deploy"
SANDBOX = DEPLOY / "overlays/sandbox"
NAMESPACE = "redox-operator"
SERVICE_ACCOUNT = "redox-operator"
TOKEN_SECONDS = 86400


def rendered(directory: Path = DEPLOY) -> list[Object]:
    """The objects of a kustomization, in the order in which they are applied. Needs no cluster."""
    done = subprocess.run(
        [kubectl(), "kustomize", directory], capture_output=True, text=True, timeout=30, check=True
    )
    return list(yaml.safe_load_all(done.stdout))


def operator_kubeconfig(controlplane: ControlPlane) -> Path:
    """A kubeconfig with exactly the rights of the operator's pod.

    It applies `deploy/` without the Deployment, for a test cluster runs no pods, and asks for a
    token of the ServiceAccount, as a kubelet does for the pod.
    """
    with KubernetesAPI(controlplane.url, controlplane.ca_file, controlplane.token) as admin:
        for manifest in rendered():
            if manifest["kind"] != "Deployment":
                admin.apply(manifest)
    return service_account_kubeconfig(controlplane, NAMESPACE, SERVICE_ACCOUNT)


def service_account_kubeconfig(controlplane: ControlPlane, namespace: str, name: str) -> Path:
    """A kubeconfig with a real token of a ServiceAccount that exists, valid for a day."""
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"
    with KubernetesAPI(controlplane.url, controlplane.ca_file, controlplane.token) as admin:
        answer = admin.create(
            f"{account}/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": TOKEN_SECONDS},
            },
        )
    config = yaml.safe_load(controlplane.kubeconfig.read_text())
    context = next(c for c in config["contexts"] if c["name"] == config["current-context"])
    config["users"] = [
        {"name": context["context"]["user"], "user": {"token": answer["status"]["token"]}}
    ]
    path = controlplane.data_dir / "users" / f"{namespace}-{name}.kubeconfig"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))
    return path
