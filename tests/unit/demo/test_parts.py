"""The parts that the demo puts together: credentials, environment, status and counts."""

from __future__ import annotations

import json

import pytest
import yaml

from demo.credentials import clients_file, make_credentials
from demo.observer import status_of
from demo.operator_process import secret_writes
from demo.processes import child_environment
from demo.state import Status

PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi"}


def test_the_clients_file_holds_public_keys_only() -> None:
    clients = yaml.safe_load(clients_file(make_credentials()))["clients"]

    assert [client["clientId"] for client in clients] == [
        *("demo-rsa-pem", "demo-ec-pem", "demo-jwk", "demo-jwk-set"),
    ]
    keys = [key for client in clients for key in client["jwks"]["keys"]]
    assert len(keys) == 5
    assert not [key for key in keys if key.keys() & PRIVATE_MEMBERS]


def test_each_form_of_a_key_is_there_and_none_shows_in_a_representation() -> None:
    rsa, ec, single, several = make_credentials()

    assert rsa.private_key.startswith("-----BEGIN PRIVATE KEY-----")
    assert ec.private_key.startswith("-----BEGIN EC PRIVATE KEY-----")
    assert json.loads(single.private_key)["kty"] == "EC"
    assert len(json.loads(several.private_key)["keys"]) == 2
    for credential in (rsa, ec, single, several):
        assert credential.private_key[40:80] not in repr(credential)


def test_a_credential_refers_to_the_secret_beside_it() -> None:
    secret, credential = make_credentials()[0].manifests()

    reference = credential["spec"]["privateKey"]["secretRef"]["name"]
    assert reference == secret["metadata"]["name"]
    assert credential["metadata"]["namespace"] == secret["metadata"]["namespace"]
    assert credential["spec"]["endpoint"] == "Sandbox"


def test_a_child_gets_no_settings_of_the_person_and_no_proxy_on_loopback() -> None:
    own = {
        "PATH": "/bin",
        "KUBECONFIG": "/home/config",
        "REDOX_OPERATOR_WORKERS": "1",
        "NO_PROXY": "example.org",
    }

    assert child_environment(own, {"KUBECONFIG": "operator.kubeconfig"}) == {
        "PATH": "/bin",
        "KUBECONFIG": "operator.kubeconfig",
        "NO_PROXY": "example.org,127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def test_a_child_without_a_cluster_of_its_own_gets_none() -> None:
    assert "KUBECONFIG" not in child_environment({"KUBECONFIG": "/home/config"}, {})


@pytest.mark.parametrize(
    ("healthy", "reason"),
    [
        pytest.param(("True", "TokenIssued"), "TokenIssued", id="all is well"),
        pytest.param(("False", "RateLimited"), "RateLimited", id="a refresh failed"),
    ],
)
def test_a_ready_credential_tells_how_its_refreshes_go(
    healthy: tuple[str, str], reason: str
) -> None:
    status = status_of(
        {
            "status": {
                "expirationTime": "2027-01-15T08:00:00Z",
                "nextRefreshTime": "2027-01-15T07:59:25Z",
                "conditions": [
                    _condition("Ready", "True", "TokenIssued"),
                    _condition("RefreshHealthy", *healthy),
                ],
            }
        }
    )

    assert status == Status("True", reason, "Said.", 1800000000.0, 1799999965.0)


def test_a_credential_that_is_not_ready_tells_why() -> None:
    conditions = [
        _condition("Ready", "False", "KeyInvalid"),
        _condition("RefreshHealthy", "False", "KeyInvalid"),
    ]

    assert status_of({"status": {"conditions": conditions}}) == Status(
        "False", "KeyInvalid", "Said."
    )


def test_an_unseen_credential_is_unknown() -> None:
    assert status_of({"metadata": {"name": "ehr"}}) == Status()


def test_only_writes_that_succeeded_are_counted() -> None:
    exposition = """\
# HELP redox_operator_secret_writes_total Writes of targets.
# TYPE redox_operator_secret_writes_total counter
redox_operator_secret_writes_total{outcome="created"} 4.0
redox_operator_secret_writes_total{outcome="updated"} 7.0
redox_operator_secret_writes_total{outcome="conflict"} 2.0
# HELP redox_operator_secret_writes_created Writes of targets.
# TYPE redox_operator_secret_writes_created gauge
redox_operator_secret_writes_created{outcome="created"} 1.8e+09
"""
    assert secret_writes(exposition) == 11


def _condition(kind: str, status: str, reason: str) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": "Said."}
