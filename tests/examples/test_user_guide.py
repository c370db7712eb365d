"""docs/user-guide.md, followed from its first command to its last."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
import yaml

from redox_operator.adapters.client_assertion.key_set import parse
from tests.examples.documents import Block, blocks, page
from tests.examples.mounted_secret import MountedSecret
from tests.examples.programs import program
from tests.examples.reader import Reader

# Fixtures of the tests on a real kube-apiserver, which live beside most of them.
from tests.integration.conftest import admin, crds, namespace
from tests.support.controlplane import ControlPlane
from tests.support.kubernetes_api import KubernetesAPI
from tests.support.operator_process import OperatorProcess, sandbox_endpoint
from tests.support.operator_rbac import operator_kubeconfig
from tests.support.redox_sandbox import RedoxSandbox

__all__ = ["admin", "crds", "namespace"]

CLIENT_ID = "the-client-id-of-your-oauth-api-key"
GUIDE = page("user-guide.md")


@pytest.fixture
def redox() -> Iterator[RedoxSandbox]:
    """A Redox that knows nobody yet, with tokens so short that a refresh comes after 10 s."""
    with RedoxSandbox.start(token_lifetime=15) as running:
        yield running


@pytest.fixture
def operator(
    controlplane: ControlPlane, crds: list[str], redox: RedoxSandbox, namespace: str
) -> Iterator[OperatorProcess]:
    """An operator with the rights of deploy/, for which the sandbox is Redox in the US."""
    root = redox.token_url.removesuffix("/v2/auth/token")
    us = sandbox_endpoint(redox, name="US", fhirBaseUrl=f"{root}/fhir/R4")
    with OperatorProcess.start(
        operator_kubeconfig(controlplane), [us], NAMESPACES=namespace
    ) as running:
        yield running


@pytest.fixture
def reader(controlplane: ControlPlane, namespace: str, tmp_path: Path) -> Reader:
    """A reader whose kubectl is set to a namespace."""
    config = yaml.safe_load(controlplane.kubeconfig.read_text())
    for context in config["contexts"]:
        context["context"]["namespace"] = namespace
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    home = tmp_path / "home"
    home.mkdir()
    return Reader(home, KUBECONFIG=str(kubeconfig), KUBECACHEDIR=str(tmp_path / "cache"))


def test_each_way_to_make_a_key_gives_one_that_the_operator_takes(tmp_path: Path) -> None:
    program("openssl")
    reader = Reader(tmp_path)
    for block in blocks(GUIDE, "sh"):
        if block.text.startswith("openssl") and "python" not in block.text:
            reader.run(block.text)

    keys = {
        path.name: parse(path.read_bytes(), key_id=None, algorithm=None).first.algorithm
        for path in tmp_path.glob("*.pem")
    }
    assert keys == {"private-key.pem": "RS384", "ec-private-key.pem": "ES384"}


@pytest.mark.controlplane
@pytest.mark.usefixtures("controllers", "operator")
def test_the_guide_leads_from_a_key_to_calls_and_through_a_rotation(
    redox: RedoxSandbox,
    reader: Reader,
    admin: KubernetesAPI,
    namespace: str,
    mount: MountedSecret,
) -> None:
    printed = []
    for block in blocks(GUIDE, "sh", "console", "yaml"):
        if block.language == "yaml":
            if block.file is not None:
                reader.save(block)
        elif block.language == "console":
            printed.append(in_a_pod(block, reader, redox, admin, namespace, mount))
        else:
            printed.append(reader.run(block.text))
            if "public-keys.json" in block.text:
                # What the reader does in the dashboard.
                entry = {"clientId": CLIENT_ID, "jwks": {"keys": reader.public_keys()}}
                redox.set_clients([entry])
            if "private-keys.json" in block.text:
                new_key = reader.public_keys()[0]["kid"]
                wait_for_key(admin, namespace, new_key)

    output = "\n".join(printed)
    assert re.search(r"^ehr +True +True +TokenIssued +ehr-token +20\S+Z", output, re.MULTILINE)
    assert '"birthDate": "1970-01-01"' in output
    new, old = (key["kid"] for key in reader.public_keys())
    assert f"\n{new}" in output
    requests = redox.requests(CLIENT_ID)
    assert [key for key, _ in groupby(request["kid"] for request in requests)] == [old, new]
    assert {request["outcome"] for request in requests} == {"issued"}
    assert not admin.exists(f"{credentials(namespace)}/ehr")
    admin.wait_gone(f"/api/v1/namespaces/{namespace}/secrets/ehr-token")


def in_a_pod(
    block: Block,
    reader: Reader,
    redox: RedoxSandbox,
    admin: KubernetesAPI,
    namespace: str,
    mount: MountedSecret,
) -> str:
    """Run a block as in a pod that mounts the Secret at /redox."""
    secret = admin.get(f"/api/v1/namespaces/{namespace}/secrets/ehr-token")
    mount.write({key: base64.b64decode(text).decode() for key, text in secret["data"].items()})
    text = block.text.replace("/redox/", f"{mount.path}/")
    return reader.run(text, CURL_CA_BUNDLE=redox.ca_file)


def wait_for_key(admin: KubernetesAPI, namespace: str, key_id: str) -> None:
    admin.wait(
        f"{credentials(namespace)}/ehr",
        lambda body: body["status"]["keyId"] == key_id,
        f"the key {key_id} signs",
        seconds=60,
    )


def credentials(namespace: str) -> str:
    return f"/apis/redox-operator.dev/v1alpha1/namespaces/{namespace}/redoxcredentials"
