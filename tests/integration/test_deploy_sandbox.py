"""The sandbox overlay on a real API server: what its Job makes fits, and its pods are admitted."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.controlplane import ControlPlane
from tests.support.kubectl import Kubectl
from tests.support.kubernetes_api import APIError, KubernetesAPI, Object
from tests.support.operator_rbac import SANDBOX, rendered, service_account_kubeconfig

SECRET = "/api/v1/namespaces/redox-sandbox/secrets/redox-sandbox"
CA = "/api/v1/namespaces/redox-operator/configmaps/redox-sandbox-ca"
OBJECTS = rendered(SANDBOX)
WORKLOADS = [
    pytest.param(manifest, id=f"{manifest['kind']} {manifest['metadata']['name']}")
    for manifest in OBJECTS
    if manifest["kind"] in {"Deployment", "Job"}
]


@pytest.fixture(scope="module", autouse=True)
def overlay(kubectl: Kubectl, admin: KubernetesAPI) -> Iterator[None]:
    kubectl("apply", "--kustomize", str(SANDBOX))
    kubectl("apply", "--filename", str(SANDBOX / "credential.yaml"))
    yield
    # Other tests share the cluster: no credential stays behind.
    kubectl("delete", "--filename", str(SANDBOX / "credential.yaml"))
    for path in (SECRET, CA):
        if admin.exists(path):
            admin.delete(path)


@pytest.fixture(scope="module")
def made(controlplane: ControlPlane, admin: KubernetesAPI) -> dict[str, str]:
    """Content of the Secret that the Job makes with its own rights, run twice."""
    bootstrap(controlplane)
    first = admin.get(SECRET)
    admin.delete(CA)
    bootstrap(controlplane)
    second = admin.get(SECRET)
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    return {name: base64.b64decode(value).decode() for name, value in first["data"].items()}


def bootstrap(controlplane: ControlPlane) -> None:
    """Run the script of the Job as the Job does, outside of a pod."""
    kubeconfig = service_account_kubeconfig(
        controlplane, "redox-sandbox", "redox-sandbox-bootstrap"
    )
    subprocess.run(
        [sys.executable, SANDBOX / "bootstrap.py"],
        env=os.environ | {"KUBECONFIG": str(kubeconfig)},
        check=True,
        timeout=60,
    )


def test_the_operator_gets_the_ca_of_the_sandbox(
    made: dict[str, str], admin: KubernetesAPI, controlplane: ControlPlane
) -> None:
    assert admin.get(CA)["data"] == {"ca.crt": made["ca.crt"]}
    admin.patch(CA, {"data": {"ca.crt": "of an earlier sandbox"}})
    bootstrap(controlplane)
    assert admin.get(CA)["data"] == {"ca.crt": made["ca.crt"]}


def test_the_credential_gets_a_token_at_the_url_of_the_endpoints_file(
    made: dict[str, str], tmp_path: Path
) -> None:
    credential = yaml.safe_load((SANDBOX / "credential.yaml").read_text())["spec"]
    (config_map,) = [o for o in OBJECTS if o["metadata"]["name"] == "redox-operator-endpoints"]
    (endpoint,) = yaml.safe_load(config_map["data"]["endpoints.yaml"])["endpoints"]
    assert endpoint["name"] == credential["endpoint"]
    key = RSAKey.import_key(made[credential["privateKey"]["secretRef"].get("key", "privateKey")])
    with sandbox(made, tmp_path) as port:
        answer = post(endpoint, port, tmp_path, assertion(credential["clientId"], endpoint, key))
    assert answer.status_code == 200, answer.text
    assert answer.json()["access_token"]


def assertion(client_id: str, endpoint: Object, key: RSAKey) -> str:
    """A client assertion (RFC 7523) whose key ID is the thumbprint, as that of a PEM."""
    now = int(time.time())
    header = {"alg": "RS384", "kid": key.thumbprint(), "typ": "JWT"}
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": endpoint["tokenUrl"],
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode(header, claims, key, algorithms=["RS384"])


@contextmanager
def sandbox(made: dict[str, str], directory: Path) -> Iterator[int]:
    """The container of the sandbox on loopback, with its volumes as directories; its port."""
    (deployment,) = [
        workload.values[0]
        for workload in WORKLOADS
        if workload.values[0]["metadata"]["name"] == "redox-sandbox"
    ]
    pod = deployment["spec"]["template"]["spec"]
    paths = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    port = free_port()
    args = [
        arg.replace("0.0.0.0:8443", f"127.0.0.1:{port}").replace("8081", "0")
        for arg in pod["containers"][0]["args"]
    ]
    for volume in pod["volumes"]:
        mounted = directory / volume["name"]
        mounted.mkdir()
        for item in volume["secret"]["items"]:
            (mounted / item["path"]).write_text(made[item["key"]])
        args = [arg.replace(f"={paths[volume['name']]}", f"={mounted}") for arg in args]
    command = [sys.executable, "-m", "redox_sandbox", *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert "tokenUrl" in process.stdout.readline()
            yield port
        finally:
            process.terminate()
            process.wait(timeout=10)
    # The volumes are read-only in the pod: it must be content with what it finds.
    found = {path.name: path.read_text() for path in directory.glob("*/*")}
    assert found == {name: content for name, content in made.items() if name != "privateKey"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def post(endpoint: Object, port: int, directory: Path, assertion: str) -> httpx.Response:
    """A token request (RFC 6749 §4.4.2) that checks the certificate for the Service's name."""
    (directory / "ca.crt").write_text((directory / "data/ca.crt").read_text())
    trusted = ssl.create_default_context(cafile=str(directory / endpoint["caBundle"]))
    name = urlsplit(endpoint["tokenUrl"]).hostname
    with httpx.Client(verify=trusted, trust_env=False, timeout=10) as client:
        return client.post(
            f"https://127.0.0.1:{port}{urlsplit(endpoint['tokenUrl']).path}",
            data={
                "grant_type": "client_credentials",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": assertion,
            },
            headers={"Host": str(name)},
            extensions={"sni_hostname": name},
        )


@pytest.mark.usefixtures("controllers")
@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_restricted_pod_security_standard_admits(
    workload: Object, admin: KubernetesAPI
) -> None:
    namespace = workload["metadata"]["namespace"]
    labels = admin.get(f"/api/v1/namespaces/{namespace}")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    admin.wait(account, bool, "the namespace has its service account")
    pods = f"/api/v1/namespaces/{namespace}/pods"
    admin.create(pods, pod_of(workload), dryRun="All")
    root = pod_of(workload)
    root["spec"]["securityContext"] = {"runAsUser": 0}
    with pytest.raises(APIError, match='violates PodSecurity "restricted'):
        admin.create(pods, root, dryRun="All")


@pytest.mark.usefixtures("controllers")
@pytest.mark.parametrize("workload", WORKLOADS)
def test_only_pods_that_call_the_api_get_a_token(workload: Object, admin: KubernetesAPI) -> None:
    namespace, name = workload["metadata"]["namespace"], workload["metadata"]["name"]
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    admin.wait(account, bool, "the namespace has its service account")
    pod = admin.create(f"/api/v1/namespaces/{namespace}/pods", pod_of(workload), dryRun="All")
    mounted = [volume for volume in pod["spec"]["volumes"] if "kube-api-access" in volume["name"]]
    assert bool(mounted) == (name != "redox-sandbox")


def pod_of(workload: Object) -> Object:
    template: dict[str, Any] = workload["spec"]["template"]
    return {
        "metadata": {"name": "one", "labels": template["metadata"]["labels"]},
        "spec": dict(template["spec"]),
    }
