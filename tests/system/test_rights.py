"""Each right that deploy/ grants is needed: without it, this is what goes wrong."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.bench import Bench
from tests.support.controlplane import ControlPlane
from tests.support.keys import ec_pem
from tests.support.kubernetes_api import KubernetesAPI, Object, polls
from tests.support.operator_process import OperatorProcess, sandbox_endpoint
from tests.support.operator_rbac import NAMESPACE, rendered, service_account_kubeconfig
from tests.support.redox_sandbox import RedoxSandbox

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/redox-operator"
Right = tuple[str, str]
Symptom = Callable[[OperatorProcess, Bench], None]


def _is_not_ready(operator: OperatorProcess, _: Bench) -> None:
    """Not ready for three seconds on end, and it says why."""
    ready_at, status, text = time.monotonic(), 0, ""
    for _ in polls(20):
        status, text = operator.probe("/readyz")
        if status in (0, 200):
            ready_at = time.monotonic()
        elif time.monotonic() - ready_at > 3:
            break
    assert status == 503
    assert "list" in text or "refuses the watch" in text


def _says(reason: str, part: str) -> Symptom:
    def symptom(_: OperatorProcess, bench: Bench) -> None:
        told = bench.wait_condition("ehr", "RefreshHealthy", "False", reason)
        assert part in told["message"]

    return symptom


def _cannot_repair(_: OperatorProcess, bench: Bench) -> None:
    bench.wait_secret()
    bench.wait_condition("ehr", "Ready", "True", "TokenIssued")
    bench.edit("ehr", target={"stringData": {"more": "x"}})
    bench.wait_condition("ehr", "RefreshHealthy", "False", "WriteDenied")


def _reports_nothing(operator: OperatorProcess, bench: Bench) -> None:
    bench.wait_secret()
    for _ in polls(10):
        if "status not written" in operator.log():
            break
    assert "status not written" in operator.log()
    assert "conditions" not in bench.admin.get(f"{bench.credentials}/ehr")["status"]


def _posts_nothing(operator: OperatorProcess, bench: Bench) -> None:
    bench.wait_condition("ehr", "Ready", "True", "TokenIssued")
    for _ in polls(10):
        if "an Event was not posted" in operator.log():
            break
    assert "an Event was not posted" in operator.log()


def _is_refused_the_lease(operator: OperatorProcess, _: Bench) -> None:
    """Not ready, because of the Lease, and alive."""
    text = ""
    for _ in polls(30):
        status, text = operator.probe("/readyz")
        if status == 503 and "the Lease may not be read or written" in text:
            break
    assert "the Lease may not be read or written" in text
    assert operator.probe("/healthz")[0] == 200


SYMPTOMS: dict[Right, Symptom] = {
    ("redoxcredentials", "list"): _is_not_ready,
    ("redoxcredentials", "watch"): _is_not_ready,
    ("redoxcredentials/status", "patch"): _reports_nothing,
    ("secrets", "get"): _says("WriteDenied", "get, create and patch Secrets"),
    ("secrets", "list"): _is_not_ready,
    ("secrets", "watch"): _is_not_ready,
    ("secrets", "create"): _says("WriteDenied", "create and patch Secrets"),
    ("secrets", "patch"): _cannot_repair,
    ("events", "create"): _posts_nothing,
    ("leases", "create"): _is_refused_the_lease,
    ("leases", "get"): _is_refused_the_lease,
    ("leases", "patch"): _is_refused_the_lease,
}


def test_there_is_a_symptom_for_each_right() -> None:
    granted = {
        (resource, verb)
        for rule in _rules()
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert granted == set(SYMPTOMS)


@pytest.mark.parametrize(
    "api_server", [pytest.param("real", marks=pytest.mark.controlplane)], indirect=True
)
@pytest.mark.parametrize("right", SYMPTOMS, ids=" ".join)
def test_a_right_that_is_missing_shows_its_symptom(
    right: Right, controlplane: ControlPlane, redox: RedoxSandbox, own_bench: Bench
) -> None:
    own_bench.credential(key=ec_pem("P-384"))
    ((label, value),) = own_bench.labels.items()
    if own_bench.admin.exists(LEASE):
        own_bench.admin.delete(LEASE)
    for kubeconfig in _account_without(right, controlplane, own_bench.admin):
        with OperatorProcess.start(
            kubeconfig,
            [sandbox_endpoint(redox)],
            ready=False,
            WATCH_LABEL_SELECTOR=f"{label}={value}",
            LEADER_ELECTION="true",
            LEASE_NAMESPACE=NAMESPACE,
        ) as operator:
            SYMPTOMS[right](operator, own_bench)


_numbers = itertools.count(1)


def _account_without(
    right: Right, controlplane: ControlPlane, admin: KubernetesAPI
) -> Iterator[Path]:
    name = f"less-{next(_numbers)}"
    rules = copy.deepcopy(_rules())
    for rule in rules:
        if right[0] in rule["resources"] and right[1] in rule["verbs"]:
            rule["verbs"].remove(right[1])
    api = "rbac.authorization.k8s.io"
    role = {"apiGroup": api, "kind": "ClusterRole", "name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}
    kept = [rule for rule in rules if rule["verbs"]]
    roles, bindings = f"/apis/{api}/v1/clusterroles", f"/apis/{api}/v1/clusterrolebindings"
    accounts = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
    admin.create(accounts, {"metadata": {"name": name}})
    admin.create(roles, {"metadata": {"name": name}, "rules": kept})
    admin.create(bindings, {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]})
    yield service_account_kubeconfig(controlplane, NAMESPACE, name)
    for path in (f"{bindings}/{name}", f"{roles}/{name}", f"{accounts}/{name}"):
        admin.delete(path)


def _rules() -> list[Object]:
    """What deploy/ grants the operator, in all namespaces and in its own."""
    roles = {"redox-operator", "redox-operator-leader-election"}
    return [
        rule
        for manifest in rendered()
        if manifest["kind"] in {"ClusterRole", "Role"} and manifest["metadata"]["name"] in roles
        for rule in manifest["rules"]
    ]
