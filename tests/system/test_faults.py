"""Every kind of failure: what the author is told, what readers keep, and how it heals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.bench import Bench
from tests.support.keys import ec_pem, jwk, jwk_set, public_jwk, rsa_pem
from tests.support.operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")

ENCRYPTED = (
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIFHDBOBgkqhkiG9w0BBQ0wQTApBgkq\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n"
)

KEY_FAULTS = {
    "a key that is encrypted": (ENCRYPTED, {}, "encrypted"),
    "a public key": (json.dumps(public_jwk(rsa_pem())), {}, "private"),
    "text that is no key": ("not a key", {}, "PEM"),
    "a key of 1024 bits": (rsa_pem(1024), {}, "2048"),
    "an algorithm that does not fit": (ec_pem("P-256"), {"algorithm": "RS384"}, "algorithm"),
    "a key ID that the set lacks": (
        json.dumps(jwk_set([jwk(kid="a"), jwk(kid="b", number=1)])),
        {"keyId": "c"},
        "keyId",
    ),
}


@pytest.mark.parametrize(("content", "more", "says"), KEY_FAULTS.values(), ids=KEY_FAULTS.keys())
def test_an_unusable_key_is_told_in_its_own_words(
    bench: Bench, content: str, more: dict[str, str], says: str
) -> None:
    bench.key_secret("ehr", content)
    reference: dict[str, Any] = {"secretRef": {"name": "ehr-redox-key"}}
    spec = dict(more)
    if "keyId" in spec:
        reference["keyId"] = spec.pop("keyId")

    bench.create(clientId="someone", privateKey=reference, **spec)

    told = bench.wait_condition("ehr", "RefreshHealthy", "False", "KeyInvalid")
    assert says in told["message"]
    assert bench.condition("ehr", "Stalled")["status"] == "True"
    assert bench.condition("ehr", "Ready")["status"] == "False"


def test_a_missing_key_is_found_within_ten_seconds(bench: Bench) -> None:
    client_id = bench.client("ehr", rsa_pem())
    bench.create(clientId=client_id)
    told = bench.wait_condition("ehr", "RefreshHealthy", "False", "KeyNotFound")
    assert "ehr-redox-key" in told["message"]
    assert bench.condition("ehr", "Reconciling")["status"] == "True"

    bench.key_secret("ehr", rsa_pem())

    bench.wait_condition("ehr", "Ready", "True", "TokenIssued", seconds=12)


def test_a_missing_key_in_the_secret_is_told_apart(bench: Bench) -> None:
    bench.key_secret("ehr", rsa_pem(), key="elsewhere")

    bench.create(clientId="someone")

    told = bench.wait_condition("ehr", "RefreshHealthy", "False", "KeyNotFound")
    assert "has no key privateKey" in told["message"]


def test_an_unknown_endpoint_lists_those_that_there_are(bench: Bench) -> None:
    bench.credential(endpoint="Mars")

    told = bench.wait_condition("ehr", "RefreshHealthy", "False", "EndpointUnknown")
    assert "US, Canada, Sandbox" in told["message"]
    assert bench.requests() == []


ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "a 503": ({"fault": "status", "status": 503}, "EndpointUnavailable"),
    "a reset connection": ({"fault": "reset"}, "EndpointUnavailable"),
    "a truncated answer": ({"fault": "truncated"}, "EndpointUnavailable"),
    "garbage": ({"fault": "garbage"}, "ResponseInvalid"),
    "a redirect": ({"fault": "redirect"}, "ResponseInvalid"),
    "an endless answer": ({"fault": "oversized"}, "ResponseInvalid"),
    "a life of zero": ({"fault": "answer", "fields": {"expires_in": 0}}, "ResponseInvalid"),
    "no life": ({"fault": "answer", "omit": ["expires_in"]}, "ResponseInvalid"),
    "another token type": ({"fault": "answer", "fields": {"token_type": "mac"}}, "ResponseInvalid"),
    "a life of years": (
        {"fault": "answer", "fields": {"expires_in": 1_000_000_000}},
        "LifetimeTooLong",
    ),
}


@pytest.mark.parametrize(("fault", "reason"), ANSWERS.values(), ids=ANSWERS.keys())
def test_a_faulty_answer_is_told_and_heals(
    bench: Bench, fault: dict[str, Any], reason: str
) -> None:
    bench.redox.set_faults([{**fault, "clientId": f"{bench.namespace}-ehr"}])
    bench.credential()

    bench.wait_condition("ehr", "RefreshHealthy", "False", reason)

    assert bench.condition("ehr", "Ready")["status"] == "False"
    assert bench.redox.stats()["redirectsFollowed"] == 0
    bench.redox.clear_faults()
    bench.wait_condition("ehr", "Ready", "True", "TokenIssued")


def test_a_429_holds_the_endpoint_for_as_long_as_it_says(bench: Bench) -> None:
    bench.redox.set_faults(
        [{"fault": "status", "status": 429, "headers": {"Retry-After": "3"}, "times": 1}]
    )
    bench.credential()
    bench.wait_condition("ehr", "RefreshHealthy", "False", "RateLimited")

    bench.wait_condition("ehr", "Ready", "True", "TokenIssued")

    sent = [request["time"] for request in bench.requests()]
    assert sent[1] - sent[0] >= 3


def test_a_token_that_cannot_be_refreshed_is_ready_until_it_expires(bench: Bench) -> None:
    bench.credential()
    bench.wait_secret()
    bench.redox.set_faults(
        [{"fault": "status", "status": 500, "clientId": f"{bench.namespace}-ehr"}]
    )

    told = bench.wait_condition("ehr", "RefreshHealthy", "False", "EndpointUnavailable", 30)
    assert bench.condition("ehr", "Ready")["status"] == "True"
    assert "Readers hold a valid token until" in told["message"]
    bench.wait_condition("ehr", "Ready", "False", "TokenExpired", seconds=30)


def test_a_lifetime_too_short_for_mounts_is_told(bench: Bench) -> None:
    bench.redox.set_faults(
        [
            {
                "fault": "answer",
                "fields": {"expires_in": 9},
                "clientId": f"{bench.namespace}-ehr",
            }
        ]
    )

    bench.credential()

    bench.wait_condition("ehr", "RefreshHealthy", "False", "LifetimeTooShort")
    assert bench.condition("ehr", "Stalled")["status"] == "False"


@pytest.mark.parametrize(
    "api_server", [pytest.param("real", marks=pytest.mark.controlplane)], indirect=True
)
def test_a_quota_that_is_used_up_is_told_and_heals(bench: Bench) -> None:
    quota = f"/api/v1/namespaces/{bench.namespace}/resourcequotas"
    hard = {"count/secrets": "1"}
    bench.key_secret("ehr", rsa_pem())
    bench.admin.create(quota, {"metadata": {"name": "none"}, "spec": {"hard": hard}})
    # What a quota controller would note.
    bench.admin.patch(f"{quota}/none/status", {"status": {"hard": hard, "used": hard}})

    bench.create(clientId=bench.client("ehr", rsa_pem()))

    bench.wait_condition("ehr", "RefreshHealthy", "False", "QuotaExceeded")
    bench.admin.delete(f"{quota}/none")
    bench.wait_condition("ehr", "Ready", "True", "TokenIssued", seconds=15)
    assert len(bench.requests()) == 1


def test_fifty_broken_credentials_do_not_delay_fifty_good_ones(
    bench: Bench, operator: OperatorProcess
) -> None:
    late = operator.metric("refresh_lateness_seconds_bucket", le="1.0")
    key = ec_pem("P-384")
    kinds: list[Callable[[str], Any]] = [
        lambda name: bench.create(name, clientId="x"),
        lambda name: (bench.key_secret(name, "no key"), bench.create(name, clientId="x")),
        lambda name: bench.create(name, clientId="x", endpoint="Mars"),
        lambda name: (bench.key_secret(name, key), bench.create(name, clientId="unknown")),
        lambda name: (bench.key_secret(name, rsa_pem(1024)), bench.create(name, clientId="x")),
    ]
    for number in range(50):
        kinds[number % len(kinds)](f"broken-{number}")
    bench.client("good", key)
    bench.key_secret("good", key)
    reference = {"secretRef": {"name": "good-redox-key"}}
    for number in range(50):
        bench.create(f"good-{number}", clientId=f"{bench.namespace}-good", privateKey=reference)

    first = {n: bench.wait_secret(f"good-{n}-token", seconds=30) for n in range(50)}
    for number, data in first.items():
        bench.wait_secret(f"good-{number}-token", other_than=data["access_token"], seconds=40)

    reasons = {bench.condition(f"broken-{n}", "RefreshHealthy")["reason"] for n in range(50)}
    assert reasons == {"KeyNotFound", "KeyInvalid", "EndpointUnknown", "ClientRejected"}
    assert operator.metric("refresh_lateness_seconds_bucket", le="1.0") - late >= 50
