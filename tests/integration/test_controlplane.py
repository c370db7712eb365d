"""The control plane that the other tests stand on: it starts, survives and goes as promised."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.controlplane import ControlPlane
from tests.support.controlplane_process import ROOT
from tests.support.kubectl import Kubectl, KubectlError
from tests.support.kubernetes_api import APIError, KubernetesAPI, polls

START_AND_DIE = """
import os, signal, sys
from pathlib import Path
from tests.support.controlplane import ControlPlane
cluster = ControlPlane.start(Path(sys.argv[1]))
cluster.pause()
print(cluster.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def config_map(name: str, **metadata: object) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": {"said": "hello"},
    }


def running(group: int) -> list[str]:
    """The processes of a group; those that ended and wait for their parent do not count."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, name, rest = re.split(r"[()]", path.read_text(), maxsplit=2)
        except OSError:
            continue
        state, _, process_group, *_ = rest.split()
        if int(process_group) == group and state != "Z":
            found.append(name)
    return found


def wait_until_it_ended(group: int) -> None:
    for _ in polls(seconds=20):
        if not running(group):
            return
    pytest.fail(f"still there: {running(group)}")


def test_the_ready_line_names_a_server_that_is_ready(
    controlplane: ControlPlane, admin: KubernetesAPI
) -> None:
    assert admin.get("/version")["gitVersion"] == controlplane.version
    assert controlplane.kubeconfig.stat().st_mode & 0o077 == 0


def test_the_real_kubectl_works_against_it(controlplane: ControlPlane, kubectl: Kubectl) -> None:
    versions = json.loads(kubectl("version", "--output=json"))

    assert versions["serverVersion"]["gitVersion"] == controlplane.version


def test_a_user_without_a_role_is_denied(controlplane: ControlPlane, namespace: str) -> None:
    clerk = Kubectl(controlplane.user("clerk", groups=("front-desk",)))

    with pytest.raises(KubectlError, match='User "clerk" cannot list resource "secrets"'):
        clerk("get", "secrets", f"--namespace={namespace}")


def test_a_user_with_a_role_may_do_what_it_grants(
    controlplane: ControlPlane, admin: KubernetesAPI, namespace: str
) -> None:
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}
    role = {"metadata": {"name": "reader"}, "rules": [rule]}
    binding = {
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "Group", "name": "readers"}],
    }
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    admin.create(f"{rbac}/roles", role)
    admin.create(f"{rbac}/rolebindings", binding)
    secrets = f"/api/v1/namespaces/{namespace}/secrets"

    with KubernetesAPI.from_kubeconfig(controlplane.user("clerk", groups=("readers",))) as clerk:
        assert clerk.get(secrets)["items"] == []
        with pytest.raises(APIError) as denied:
            clerk.create(secrets, {"metadata": {"name": "mine"}})

    assert denied.value.status == httpx.codes.FORBIDDEN


@pytest.mark.usefixtures("controllers")
def test_an_owned_object_goes_with_its_owner(admin: KubernetesAPI, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    owner = admin.create(path, config_map("owner"))
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
    }
    admin.create(path, config_map("owned", ownerReferences=[reference]))

    admin.delete(f"{path}/owner")

    admin.wait_gone(f"{path}/owned")


def test_objects_and_url_outlive_a_kill_and_a_stop_leaves_no_process(tmp_path: Path) -> None:
    with ControlPlane.start(tmp_path / "data") as cluster:
        url, killed = cluster.url, cluster.pid
        with KubernetesAPI(url, cluster.ca_file, cluster.token) as api:
            created = api.create("/api/v1/namespaces/default/configmaps", config_map("kept"))
        assert running(killed)

        cluster.kill()
        wait_until_it_ended(killed)
        cluster.restart()

        assert cluster.url == url
        with KubernetesAPI(url, cluster.ca_file, cluster.token) as api:
            kept = api.get("/api/v1/namespaces/default/configmaps/kept")
        assert kept["metadata"]["uid"] == created["metadata"]["uid"]

    assert not running(cluster.pid)


def test_nothing_runs_on_when_the_test_process_dies_while_it_is_paused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START_AND_DIE, tmp_path],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == -signal.SIGKILL

    wait_until_it_ended(int(done.stdout))
