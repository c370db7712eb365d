"""The rendered manifests of `deploy/` and the image they name, without a cluster."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from redox_operator.settings import Settings
from tests.support.operator_rbac import DEPLOY, SANDBOX, rendered

ROOT = DEPLOY.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()

OPERATOR = {(o["kind"], o["metadata"]["name"]): o for o in rendered(DEPLOY)}
EVERYTHING = rendered(SANDBOX)
DEPLOYMENT = OPERATOR["Deployment", "redox-operator"]
POD = DEPLOYMENT["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
PODS = [
    pytest.param(o["spec"]["template"]["spec"], id=o["metadata"]["name"])
    for o in EVERYTHING
    if o["kind"] in {"Deployment", "Job"}
]


def test_the_crd_is_the_file_in_crds() -> None:
    (file,) = (ROOT / "crds").glob("redox-operator.dev_*.yaml")
    source = yaml.safe_load(file.read_text())
    shipped = OPERATOR["CustomResourceDefinition", source["metadata"]["name"]]
    assert shipped["spec"] == source["spec"]


def test_deploy_holds_no_copy_of_a_crd() -> None:
    copies = [p for p in DEPLOY.rglob("*.yaml") if "CustomResourceDefinition" in p.read_text()]
    assert copies == []


def test_two_replicas_run_of_which_one_leads() -> None:
    assert DEPLOYMENT["spec"]["replicas"] == 2
    assert {"name": "REDOX_OPERATOR_LEADER_ELECTION", "value": "true"} in CONTAINER["env"]


def test_an_upgrade_ends_no_pod_before_its_successor_is_ready() -> None:
    assert DEPLOYMENT["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }
    assert POD["terminationGracePeriodSeconds"] == 10


def test_the_replicas_are_spread_and_drained_one_at_a_time() -> None:
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    (spread,) = POD["topologySpreadConstraints"]
    budget = OPERATOR["PodDisruptionBudget", "redox-operator"]["spec"]
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    # Where there is one node, both run on it.
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    assert budget["minAvailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    for selector in (spread["labelSelector"], budget["selector"]):
        assert selector["matchLabels"] == DEPLOYMENT["spec"]["selector"]["matchLabels"]
        assert selector["matchLabels"].items() <= labels.items()


def test_a_pod_on_a_lost_node_is_replaced_within_a_tokens_life() -> None:
    seconds = {
        each["key"].partition("/")[2]: each["tolerationSeconds"] for each in POD["tolerations"]
    }
    assert seconds == {"not-ready": 10, "unreachable": 10}


def test_the_role_names_the_lease_that_the_settings_do() -> None:
    role = OPERATOR["Role", "redox-operator-leader-election"]
    given = {entry["name"] for entry in CONTAINER["env"]}
    assert not given & {"REDOX_OPERATOR_LEASE_NAME", "REDOX_OPERATOR_LEASE_NAMESPACE"}
    assert role["metadata"]["namespace"] == DEPLOYMENT["metadata"]["namespace"]
    assert [rule.get("resourceNames") for rule in role["rules"]] == [None, [Settings().lease_name]]


def test_the_pod_is_found_by_its_deployment_and_its_service() -> None:
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    service = OPERATOR["Service", "redox-operator-metrics"]["spec"]
    assert DEPLOYMENT["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert service["selector"].items() <= labels.items()
    assert service["publishNotReadyAddresses"] is True
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert ports == {"health": 8080, "metrics": 9090}
    assert service["ports"][0]["targetPort"] in ports


def test_the_probes_ask_the_health_address() -> None:
    probes = {kind: CONTAINER[f"{kind}Probe"]["httpGet"] for kind in ("liveness", "readiness")}
    assert probes == {
        "liveness": {"path": "/healthz", "port": "health"},
        "readiness": {"path": "/readyz", "port": "health"},
    }


def test_the_endpoints_file_is_mounted_as_a_directory() -> None:
    (path,) = (
        entry["value"]
        for entry in CONTAINER["env"]
        if entry["name"] == "REDOX_OPERATOR_ENDPOINTS_FILE"
    )
    (mount,) = (m for m in CONTAINER["volumeMounts"] if m["name"] == "endpoints")
    (volume,) = (v for v in POD["volumes"] if v["name"] == "endpoints")
    files = OPERATOR["ConfigMap", volume["configMap"]["name"]]["data"]
    assert mount["mountPath"] == str(Path(path).parent)
    assert "subPath" not in mount
    assert yaml.safe_load(files[Path(path).name]) == {"endpoints": []}


@pytest.mark.parametrize("pod", PODS)
def test_every_pod_runs_unprivileged(pod: dict[str, Any]) -> None:
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["automountServiceAccountToken"] is (pod.get("serviceAccountName") is not None)
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("pod", PODS)
def test_every_container_runs_the_one_image_within_limits(pod: dict[str, Any]) -> None:
    for container in pod["containers"]:
        assert container["image"] == f"redox-operator:{PROJECT['version']}"
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert set(container["resources"]["limits"]) == {"memory"}


def test_no_service_account_hands_out_its_token_unasked() -> None:
    accounts = [o for o in EVERYTHING if o["kind"] == "ServiceAccount"]
    assert accounts
    assert all(account["automountServiceAccountToken"] is False for account in accounts)


def test_no_rule_has_a_wildcard() -> None:
    rules = [rule for o in EVERYTHING for rule in o.get("rules", [])]
    assert rules
    assert not [rule for rule in rules for part in rule.values() if "*" in part]


def test_every_namespaced_object_names_its_namespace() -> None:
    cluster_wide = {"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}
    assert [
        o["metadata"]["name"]
        for o in EVERYTHING
        if (o["kind"] in cluster_wide) == ("namespace" in o["metadata"])
    ] == []


def test_the_image_takes_any_base_and_nothing_that_is_not_locked() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert bases == ["${BUILD_BASE}", "${BASE}"]
    (base,) = re.findall(r"^ARG BASE=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert "/" not in base
    installs = re.findall(r"pip[^&]*? install (.*?)(?=\n[A-Z#]|\Z)", DOCKERFILE, re.DOTALL)
    assert len(installs) == 3
    assert all("--require-hashes" in install or "--no-index" in install for install in installs)


def test_the_last_stage_is_the_environment_alone() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"^COPY (.*)$", last, re.MULTILINE) == [
        "--from=environment /opt/redox-operator /opt/redox-operator"
    ]
    assert not re.findall(r"^(RUN|ADD|HEALTHCHECK)", last, re.MULTILINE)
    assert "\nUSER 65532:65532\n" in last
    assert f"ARG VERSION={PROJECT['version']}\n" in last


def test_the_image_starts_the_operator_as_the_deployment_expects() -> None:
    (entrypoint,) = re.findall(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)
    (command,) = re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)
    assert yaml.safe_load(entrypoint)[0] in PROJECT["scripts"]
    assert yaml.safe_load(command) == CONTAINER["args"]
    assert "command" not in CONTAINER


def test_the_build_context_holds_what_the_image_copies_and_no_more() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    sources = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    assert {Path(source).parts[0] for line in sources for source in line.split()} == allowed
    assert all((ROOT / name).exists() for name in allowed)
