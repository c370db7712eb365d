"""`deploy/` on a real API server: it applies, and the operator may do its work and no more."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.controlplane import ControlPlane
from tests.support.kubectl import Kubectl
from tests.support.kubernetes_api import APIError, KubernetesAPI, Object, polls
from tests.support.manifests import credential_manifest, key_secret_manifest
from tests.support.operator_rbac import (
    DEPLOY,
    SANDBOX,
    operator_kubeconfig,
    rendered,
    service_account_kubeconfig,
)

RXC = "/apis/redox-operator.dev/v1alpha1/namespaces/{}/redoxcredentials"
SECRETS = "/api/v1/namespaces/{}/secrets"
EVENTS = "/apis/events.k8s.io/v1/namespaces/{}/events"
SELF = "/apis/authorization.k8s.io/v1"

RIGHTS = {
    ("redox-operator.dev", "redoxcredentials"): {"list", "watch"},
    ("redox-operator.dev", "redoxcredentials/status"): {"patch"},
    ("", "secrets"): {"get", "list", "watch", "create", "patch"},
    ("events.k8s.io", "events"): {"create"},
}
"""What the operator needs in every namespace, and all that it gets there."""

LEASE_RIGHTS = {
    ("coordination.k8s.io", "leases", "create", ""),
    ("coordination.k8s.io", "leases", "get", "redox-operator"),
    ("coordination.k8s.io", "leases", "patch", "redox-operator"),
}
"""What it gets besides in its own: group, resource, verb and the name of the one object."""

DENIED = [
    ("", "secrets", "update"),
    ("", "secrets", "delete"),
    ("", "secrets", "deletecollection"),
    ("redox-operator.dev", "redoxcredentials", "create"),
    ("redox-operator.dev", "redoxcredentials", "patch"),
    ("redox-operator.dev", "redoxcredentials", "update"),
    ("redox-operator.dev", "redoxcredentials", "delete"),
    ("redox-operator.dev", "redoxcredentials/status", "update"),
    ("redox-operator.dev", "redoxcredentials/finalizers", "update"),
    ("apiextensions.k8s.io", "customresourcedefinitions", "get"),
    ("apiextensions.k8s.io", "customresourcedefinitions", "create"),
    ("apiextensions.k8s.io", "customresourcedefinitions", "patch"),
    ("events.k8s.io", "events", "list"),
    ("events.k8s.io", "events", "patch"),
    ("", "events", "create"),
    ("", "namespaces", "list"),
    ("", "configmaps", "get"),
    ("", "configmaps", "list"),
    ("", "pods", "create"),
    ("", "pods/exec", "create"),
    ("", "nodes", "list"),
    ("", "serviceaccounts", "impersonate"),
    ("", "serviceaccounts/token", "create"),
    ("", "users", "impersonate"),
    ("apps", "deployments", "patch"),
    ("coordination.k8s.io", "leases", "create"),
    ("rbac.authorization.k8s.io", "clusterroles", "escalate"),
    ("rbac.authorization.k8s.io", "clusterroles", "bind"),
    ("rbac.authorization.k8s.io", "clusterrolebindings", "create"),
    ("rbac.authorization.k8s.io", "rolebindings", "create"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", "create"),
    ("certificates.k8s.io", "certificatesigningrequests", "create"),
]


@pytest.fixture(scope="module")
def kubeconfig(controlplane: ControlPlane) -> Path:
    return operator_kubeconfig(controlplane)


@pytest.fixture(scope="module")
def operator(kubeconfig: Path) -> Iterator[KubernetesAPI]:
    """The API as the operator's pod sees it."""
    with KubernetesAPI.from_kubeconfig(kubeconfig) as api:
        yield api


@pytest.mark.parametrize("directory", [DEPLOY, SANDBOX], ids=["the operator", "with the sandbox"])
def test_one_kubectl_apply_installs_everything_and_a_second_changes_nothing(
    directory: Path, kubectl: Kubectl, admin: KubernetesAPI
) -> None:
    kubectl("apply", "--kustomize", str(directory))
    for manifest in rendered(directory):
        assert admin.exists(admin.path_of(manifest))
    budget = "/apis/policy/v1/namespaces/redox-operator/poddisruptionbudgets/redox-operator"
    before = admin.get(budget)["metadata"]["generation"]
    said = kubectl("apply", "--kustomize", str(directory)).splitlines()
    assert len(said) == len(rendered(directory))
    changed = [line for line in said if not line.endswith(" unchanged")]
    # Of a budget kubectl always says so: its selector is replaced as a whole, by an equal one.
    assert changed == ["poddisruptionbudget.policy/redox-operator configured"]
    assert admin.get(budget)["metadata"]["generation"] == before


def test_the_operator_is_its_service_account(operator: KubernetesAPI) -> None:
    review = operator.create(
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
    )
    name = review["status"]["userInfo"]["username"]
    assert name == "system:serviceaccount:redox-operator:redox-operator"


def may(api: KubernetesAPI, group: str, resource: str, verb: str) -> bool:
    """Whether a user may do that in every namespace."""
    resource, _, subresource = resource.partition("/")
    attributes = {"group": group, "resource": resource, "subresource": subresource, "verb": verb}
    review = api.create(
        f"{SELF}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": attributes}}
    )
    return bool(review["status"]["allowed"])


@pytest.mark.parametrize(
    ("group", "resource", "verb"),
    [
        pytest.param(group, resource, verb, id=f"{verb} {resource}")
        for (group, resource), verbs in RIGHTS.items()
        for verb in sorted(verbs)
    ],
)
def test_the_operator_may(group: str, resource: str, verb: str, operator: KubernetesAPI) -> None:
    assert may(operator, group, resource, verb)


@pytest.mark.parametrize(
    ("group", "resource", "verb"),
    [pytest.param(*row, id=f"{row[2]} {row[1]} of {row[0] or 'core'}") for row in DENIED],
)
def test_the_operator_may_not(
    group: str, resource: str, verb: str, operator: KubernetesAPI
) -> None:
    assert not may(operator, group, resource, verb)


@pytest.mark.parametrize("where", ["default", "kube-system", "redox-operator"])
def test_the_operator_has_these_rights_and_no_others(
    where: str, operator: KubernetesAPI, admin: KubernetesAPI, controlplane: ControlPlane
) -> None:
    name = {"name": "nobody", "namespace": "default"}
    admin.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": name})
    kubeconfig = service_account_kubeconfig(controlplane, "default", "nobody")
    with KubernetesAPI.from_kubeconfig(kubeconfig) as nobody:
        given_to_all = rights(nobody, where)
    own = rights(operator, where) - given_to_all
    wanted = {(*resource, verb, "") for resource, verbs in RIGHTS.items() for verb in verbs}
    assert own == wanted | (LEASE_RIGHTS if where == "redox-operator" else set())


def rights(api: KubernetesAPI, namespace: str) -> set[tuple[str, str, str, str]]:
    """Group, resource, verb and name of everything that a user may do there; no name: any."""
    review = api.create(f"{SELF}/selfsubjectrulesreviews", {"spec": {"namespace": namespace}})
    return {
        right
        for rule in review["status"]["resourceRules"]
        for right in itertools.product(
            rule["apiGroups"], rule["resources"], rule["verbs"], rule.get("resourceNames") or [""]
        )
    }


def test_the_operator_can_do_its_work(
    operator: KubernetesAPI, admin: KubernetesAPI, namespace: str
) -> None:
    credential = admin.create(RXC.format(namespace), credential_manifest())
    admin.create(SECRETS.format(namespace), key_secret_manifest("a private key"))
    assert operator.get(f"{SECRETS.format(namespace)}/ehr-redox-key")["data"]
    operator.create(SECRETS.format(namespace), target_of(credential))
    operator.patch(f"{SECRETS.format(namespace)}/ehr-token", {"stringData": {"token_type": "b"}})
    status = {"observedGeneration": credential["metadata"]["generation"]}
    operator.patch(f"{RXC.format(namespace)}/ehr/status", {"status": status})
    operator.create(EVENTS.format(namespace), event_of(credential))
    assert operator.get("/api/v1/secrets", labelSelector="redox-operator.dev/role=target")["items"]
    assert operator.get("/apis/redox-operator.dev/v1alpha1/redoxcredentials")["items"]


def target_of(credential: Object) -> Object:
    """A target Secret with an owner reference, which needs no right on finalizers."""
    owner = {
        "apiVersion": credential["apiVersion"],
        "kind": credential["kind"],
        "name": credential["metadata"]["name"],
        "uid": credential["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
    return key_secret_manifest("a", "ehr-token", key="token_type") | {
        "metadata": {
            "name": "ehr-token",
            "labels": {"redox-operator.dev/role": "target"},
            "ownerReferences": [owner],
        }
    }


def event_of(credential: Object) -> Object:
    return {
        "metadata": {"generateName": "ehr-"},
        "action": "Issue",
        "eventTime": "2026-11-23T12:00:00.000000Z",
        "note": "The token was issued.",
        "reason": "TokenIssued",
        "regarding": {
            "apiVersion": credential["apiVersion"],
            "kind": credential["kind"],
            "name": credential["metadata"]["name"],
            "namespace": credential["metadata"]["namespace"],
        },
        "reportingController": "redox-operator.dev/redox-operator",
        "reportingInstance": "redox-operator-0",
        "type": "Normal",
    }


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("DELETE", SECRETS + "/ehr-redox-key", None, id="delete a Secret"),
        pytest.param("DELETE", SECRETS, None, id="delete all Secrets"),
        pytest.param("PUT", SECRETS + "/ehr-redox-key", {}, id="replace a Secret"),
        pytest.param("PATCH", RXC + "/ehr", {"spec": {"suspend": True}}, id="change a credential"),
        pytest.param("DELETE", RXC + "/ehr", None, id="delete a credential"),
        pytest.param("GET", "/api/v1/namespaces/{}/configmaps", None, id="read ConfigMaps"),
        pytest.param("POST", "/api/v1/namespaces/{}/pods", {}, id="create a Pod"),
        pytest.param(
            "POST",
            "/api/v1/namespaces/redox-operator/serviceaccounts/redox-operator/token",
            {"spec": {}},
            id="ask for a token of its own",
        ),
    ],
)
def test_the_api_server_refuses_the_operator(
    method: str,
    path: str,
    body: Object | None,
    operator: KubernetesAPI,
    admin: KubernetesAPI,
    namespace: str,
) -> None:
    admin.create(RXC.format(namespace), credential_manifest())
    admin.create(SECRETS.format(namespace), key_secret_manifest("a private key"))
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    with pytest.raises(APIError) as refusal:
        operator.request(method, path.format(namespace), body, content_type=kind)
    assert refusal.value.status == 403
    assert admin.exists(f"{SECRETS.format(namespace)}/ehr-redox-key")


@pytest.mark.usefixtures("controllers", "kubeconfig")
@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        pytest.param("view", {"get", "list", "watch"}, id="a viewer reads credentials"),
        pytest.param(
            "edit",
            {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"},
            id="an editor writes credentials",
        ),
    ],
)
def test_the_built_in_roles_take_in_credentials_but_never_their_status(
    role: str, allowed: set[str], controlplane: ControlPlane, admin: KubernetesAPI
) -> None:
    admin.apply(binding(role))
    with KubernetesAPI.from_kubeconfig(controlplane.user(f"{role}er")) as person:
        verbs = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
        for _ in polls(seconds=20):
            granted = {v for v in verbs if may(person, "redox-operator.dev", "redoxcredentials", v)}
            if granted == allowed:
                break
        assert granted == allowed
        assert not may(person, "redox-operator.dev", "redoxcredentials/status", "patch")


def binding(role: str) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"test-{role}er"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": f"{role}er"}
        ],
    }
