"""The manifests of docs/examples: they hold together, and a real API server takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from redox_operator.domain.credential import Credential, parse_credential
from tests.examples.programs import EXAMPLES

# Fixtures of the tests on a real kube-apiserver, which live beside most of them.
from tests.integration.conftest import admin, crds, namespace
from tests.support.kubernetes_api import KubernetesAPI, Object
from tests.support.operator_rbac import rendered

__all__ = ["admin", "crds", "namespace"]

CONSUMERS = ("curl", "python", "node")


@pytest.fixture(scope="module")
def manifests() -> list[Object]:
    """What `kubectl apply -k docs/examples` applies."""
    return rendered(EXAMPLES)


@pytest.fixture(scope="module")
def credential(manifests: list[Object]) -> Credential:
    """The one credential of the examples."""
    (body,) = [each for each in manifests if each["kind"] == "RedoxCredential"]
    metadata = {**body["metadata"], "namespace": "clinic", "uid": "1"}
    return parse_credential({**body, "metadata": metadata})


@pytest.fixture(params=CONSUMERS)
def pod(request: pytest.FixtureRequest, manifests: list[Object]) -> dict[str, Any]:
    """The pod template's spec of a Deployment."""
    (deployment,) = [
        each
        for each in manifests
        if each["kind"] == "Deployment" and each["metadata"]["name"] == f"ehr-{request.param}"
    ]
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec


def nodes(value: object) -> Iterator[dict[str, Any]]:
    """Every mapping within a manifest."""
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from nodes(child)


def test_a_pod_mounts_the_whole_directory_of_the_credentials_secret(
    pod: dict[str, Any], credential: Credential
) -> None:
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    (container,) = pod["containers"]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}

    assert volumes["redox"]["secret"]["secretName"] == credential.target.secret_name
    assert mounts["/redox"] == {"name": "redox", "mountPath": "/redox", "readOnly": True}


def test_a_pod_uses_no_form_that_stays_at_its_first_value(pod: dict[str, Any]) -> None:
    stale = {"subPath", "subPathExpr", "secretKeyRef", "secretRef"}

    assert [node for node in nodes(pod) if stale & node.keys()] == []


def test_a_pod_ends_before_the_token_that_it_was_left_with(pod: dict[str, Any]) -> None:
    assert 0 < pod["terminationGracePeriodSeconds"] <= 60


def test_a_pod_finds_its_program_in_the_config_map(
    pod: dict[str, Any], manifests: list[Object]
) -> None:
    (volume,) = [each for each in pod["volumes"] if each["name"] == "consumers"]
    config_maps = {each["metadata"]["name"]: each for each in manifests if "data" in each}
    (container,) = pod["containers"]

    programs = config_maps[volume["configMap"]["name"]]["data"]
    assert container["command"][1].removeprefix("/consumers/") in programs


def test_the_secret_has_every_key_that_a_consumer_reads(credential: Credential) -> None:
    assert credential.target.string_data.keys() == {"curl.header", "fhir.url"}


@pytest.mark.controlplane
def test_a_real_api_server_takes_the_manifests_as_they_are(
    admin: KubernetesAPI, namespace: str, manifests: list[Object]
) -> None:
    answers = [
        admin.patch(
            admin.path_of(manifest, namespace),
            manifest,
            "apply",
            fieldManager="examples",
            fieldValidation="Strict",
            dryRun="All",
        )
        for manifest in manifests
    ]

    assert [each["kind"] for each in answers] == [each["kind"] for each in manifests]


@pytest.mark.controlplane
@pytest.mark.usefixtures("controllers")
def test_a_pod_may_run_where_pod_security_is_restricted(
    admin: KubernetesAPI, namespace: str, pod: dict[str, Any]
) -> None:
    restricted = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    admin.patch(f"/api/v1/namespaces/{namespace}", restricted)
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    admin.wait(account, lambda _: True, "the default service account exists")

    answer = admin.create(
        f"/api/v1/namespaces/{namespace}/pods",
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "consumer"}, "spec": pod},
        dryRun="All",
        fieldValidation="Strict",
    )

    assert answer["metadata"]["name"] == "consumer"
