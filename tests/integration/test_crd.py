"""The CRD on a real API server: what is taken, what is refused, and in which words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.crd_cases import ACCEPTED, CLIENT_ID, ENDPOINT, NAME, PLACEHOLDER, REFUSED
from tests.support.kubectl import Kubectl
from tests.support.kubernetes_api import APIError, KubernetesAPI, Object
from tests.support.manifests import credential_manifest

pytestmark = pytest.mark.usefixtures("crds")

CRD = Path(__file__).parents[2] / "crds/redox-operator.dev_redoxcredentials.yaml"
KEY = {"secretRef": {"name": "key"}}
GROUP_VERSION = "/apis/redox-operator.dev/v1alpha1"
TARGET_FIXED = (
    "spec.target.secretName: Invalid value: the target cannot change, because pods mount it: "
    "write {}, or create another RedoxCredential"
)
STATUS = {
    "observedGeneration": 1,
    "secretName": "ehr-token",
    "keyId": "key-1",
    "tokenEndpointHost": "api.redoxengine.com",
    "tokenLifetimeSeconds": 300,
    "scope": "",
    "expirationTime": "2026-11-23T12:05:00Z",
    "lastRefreshTime": "2026-11-23T12:00:00Z",
    "nextRefreshTime": "2026-11-23T12:02:03Z",
    "deadlineTime": "2026-11-23T12:03:18Z",
    "conditions": [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": "",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-11-23T12:00:00Z",
        }
        for kind, status, reason in (
            ("Ready", "True", "TokenIssued"),
            ("RefreshHealthy", "False", "RateLimited"),
            ("Reconciling", "False", "RateLimited"),
            ("Stalled", "False", "RateLimited"),
        )
    ],
}


def path(namespace: str, name: str = "") -> str:
    return f"{GROUP_VERSION}/namespaces/{namespace}/redoxcredentials/{name}".rstrip("/")


def try_create(admin: KubernetesAPI, manifest: Object) -> Object:
    """What a strict client such as kubectl gets, without leaving anything."""
    return admin.create(path("default"), manifest, dryRun="All", fieldValidation="Strict")


@pytest.mark.parametrize("spec", ACCEPTED)
def test_the_api_server_takes(spec: dict[str, Any], admin: KubernetesAPI) -> None:
    created = try_create(admin, credential_manifest(**spec))
    for field, value in spec.items():
        assert created["spec"][field] == value


@pytest.mark.parametrize(("spec", "field", "message"), REFUSED)
def test_the_api_server_refuses_and_says_what_to_write(
    spec: dict[str, Any], field: str, message: str, admin: KubernetesAPI
) -> None:
    with pytest.raises(APIError) as refusal:
        try_create(admin, credential_manifest(**spec))
    assert field in refusal.value.message
    assert message in refusal.value.message


def test_a_name_leaves_room_for_the_name_of_the_secret(admin: KubernetesAPI) -> None:
    try_create(admin, credential_manifest("a" * 247, privateKey=KEY))
    with pytest.raises(APIError) as refusal:
        try_create(admin, credential_manifest("a" * 248, privateKey=KEY))
    assert NAME in refusal.value.message


def test_several_faults_are_reported_together(admin: KubernetesAPI) -> None:
    manifest = credential_manifest(
        clientId="a b", endpoint="1", target={"stringData": {"a": "$(token)"}}
    )
    with pytest.raises(APIError) as refusal:
        try_create(admin, manifest)
    assert all(text in refusal.value.message for text in (CLIENT_ID, ENDPOINT, PLACEHOLDER))


def test_every_rule_of_the_crd_has_a_case_here() -> None:
    schema = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    said = {message for *_, message in (case.values for case in REFUSED)} | {NAME}
    assert {rule["message"] for rule in rules(schema) if "oldSelf" not in rule["rule"]} <= said


def rules(schema: Any) -> Iterator[dict[str, str]]:
    """Every CEL rule within a schema."""
    if isinstance(schema, dict):
        yield from schema.get("x-kubernetes-validations", [])
        for child in schema.values():
            yield from rules(child)


NO_TARGET: dict[str, Any] = {}
WRITTEN_OUT = {"secretName": "ehr-token"}
NAMED = {"secretName": "named"}
LABELLED = {"labels": {"a": "b"}}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(None, None, None, id="without a target"),
        pytest.param(None, NO_TARGET, None, id="an empty target added"),
        pytest.param(None, WRITTEN_OUT, None, id="the default written out"),
        pytest.param(NO_TARGET, WRITTEN_OUT, None, id="the default written into an empty target"),
        pytest.param(WRITTEN_OUT, None, None, id="the default no longer written out"),
        pytest.param(WRITTEN_OUT, LABELLED, None, id="the default replaced by a label"),
        pytest.param(NAMED, NAMED | LABELLED, None, id="a label added"),
        pytest.param(None, NAMED, "ehr-token", id="a name added"),
        pytest.param(LABELLED, LABELLED | NAMED, "ehr-token", id="a name added to a label"),
        pytest.param(NAMED, {"secretName": "other"}, "named", id="another name"),
        pytest.param(NAMED, WRITTEN_OUT, "named", id="a name changed to the default"),
        pytest.param(NAMED, NO_TARGET, "named", id="a name dropped"),
        pytest.param(NAMED, None, "named", id="the target with a name dropped"),
    ],
)
def test_the_target_keeps_its_name(
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    expected: str | None,
    admin: KubernetesAPI,
    namespace: str,
) -> None:
    created = admin.create(path(namespace), credential_manifest(target=before))
    changed = credential_manifest(target=after)
    changed["metadata"] = created["metadata"]
    if expected is None:
        admin.replace(path(namespace, "ehr"), changed)
    else:
        with pytest.raises(APIError) as refusal:
            admin.replace(path(namespace, "ehr"), changed)
        assert refusal.value.message.endswith(TARGET_FIXED.format(expected))


def test_everything_but_the_target_can_change(admin: KubernetesAPI, namespace: str) -> None:
    admin.create(path(namespace), credential_manifest())
    change = {
        "clientId": "client-2",
        "privateKey": {"secretRef": {"name": "other", "key": "k"}, "keyId": "key-2"},
        "endpoint": "Canada",
        "algorithm": "ES384",
        "scopes": ["a"],
        "refresh": {"beforeExpirySeconds": 100},
        "suspend": True,
    }
    assert admin.patch(path(namespace, "ehr"), {"spec": change})["spec"] == change


def test_the_key_cannot_move_into_the_target(admin: KubernetesAPI, namespace: str) -> None:
    admin.create(path(namespace), credential_manifest())
    change = {"spec": {"privateKey": {"secretRef": {"name": "ehr-token"}}}}
    with pytest.raises(APIError, match="would overwrite the Secret that holds the private key"):
        admin.patch(path(namespace, "ehr"), change)


def test_an_unseen_credential_has_a_status_that_kstatus_calls_in_progress(
    admin: KubernetesAPI, namespace: str
) -> None:
    admin.create(path(namespace), credential_manifest() | {"status": STATUS})
    credential = admin.get(path(namespace, "ehr"))
    assert credential["status"] == {"observedGeneration": -1}
    assert credential["metadata"]["generation"] == 1


def test_a_written_spec_gets_no_defaults(admin: KubernetesAPI, namespace: str) -> None:
    manifest = credential_manifest(target={}, refresh={})
    created = admin.create(path(namespace), manifest)
    assert created["spec"] == manifest["spec"]


def test_status_is_written_apart_and_kept_whole(admin: KubernetesAPI, namespace: str) -> None:
    admin.create(path(namespace), credential_manifest())
    admin.patch(path(namespace, "ehr/status"), {"status": STATUS, "spec": {"suspend": True}})
    admin.patch(path(namespace, "ehr"), {"status": {"keyId": "other"}})
    credential = admin.get(path(namespace, "ehr"))
    assert credential["status"] == STATUS
    assert credential["spec"] == credential_manifest()["spec"]
    assert credential["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [
        pytest.param({"observedGeneration": -2}, "greater than or equal to -1", id="generation"),
        pytest.param({"scope": "a" * 16385}, "Too long: may not", id="scope"),
        pytest.param({"expirationTime": "soon"}, "must be of type date-time", id="time"),
        pytest.param({"conditions": [{"type": "Ready"}]}, "Required value", id="condition"),
        pytest.param(
            {"conditions": [STATUS["conditions"][0]] * 2}, "Duplicate value", id="a condition twice"
        ),
    ],
)
def test_a_malformed_status_is_refused(
    status: Object, message: str, admin: KubernetesAPI, namespace: str
) -> None:
    admin.create(path(namespace), credential_manifest())
    with pytest.raises(APIError, match=message):
        admin.patch(path(namespace, "ehr/status"), {"status": status})


def test_kubectl_explains_every_field(kubectl: Kubectl) -> None:
    tree = kubectl("explain", "rxc", "--recursive")
    assert "clusterCredentialRef" not in tree
    for field in ("clientId", "secretRef", "beforeExpirySeconds", "stringData", "deadlineTime"):
        assert f"{field}\t<" in tree
    words = " ".join(kubectl("explain", "redoxcredential.spec.privateKey.secretRef.key").split())
    assert "Key within the Secret. privateKey when absent." in words


def test_kubectl_prints_the_columns_of_the_contract(
    kubectl: Kubectl, admin: KubernetesAPI, namespace: str
) -> None:
    admin.create(path(namespace), credential_manifest(endpoint="Canada"))
    admin.patch(path(namespace, "ehr/status"), {"status": STATUS})
    for name in ("rxc", "redoxcredential", "redox"):
        header, row = kubectl("get", name, "--namespace", namespace).splitlines()
        assert header.split() == ["NAME", "READY", "REFRESH", "REASON", "SECRET", "EXPIRES", "AGE"]
        assert row.split()[:6] == [
            "ehr",
            "True",
            "False",
            "RateLimited",
            "ehr-token",
            STATUS["expirationTime"],
        ]
    header, row = kubectl("get", "rxc", "--namespace", namespace, "--output=wide").splitlines()
    assert header.split()[7:] == ["ENDPOINT", "KEY", "ID", "NEXT"]
    assert row.split()[7:] == ["Canada", "key-1", STATUS["nextRefreshTime"]]


def test_kubectl_applies_every_example(kubectl: Kubectl, namespace: str) -> None:
    examples = CRD.parent / "examples"
    said = kubectl("apply", "--namespace", namespace, "--filename", str(examples))
    assert len(said.splitlines()) == len(list(examples.iterdir()))
