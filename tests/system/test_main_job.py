"""A RedoxCredential in, a live token in a Secret out, and what may never happen on the way."""

from __future__ import annotations

import ssl
import time

import httpx
import pytest

from tests.support.bench import GROUP, Bench, decoded, rotation
from tests.support.keys import client_entry, ec_pem, jwk, jwk_set, rsa_pem, thumbprint
from tests.support.kubernetes_api import polls
from tests.support.manifests import key_secret_manifest
from tests.support.operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")

FORMATS = {
    "an RSA PEM as PKCS#8": rsa_pem(),
    "an RSA PEM as PKCS#1": rsa_pem(form="pkcs1", number=2),
    "an EC PEM as PKCS#8 on P-256": ec_pem("P-256"),
    "an EC PEM as SEC1 on P-384": ec_pem("P-384", "sec1"),
    "an EC PEM on P-521": ec_pem("P-521"),
    "a JWK": jwk(kid="my-key"),
    "a JWK Set": jwk_set([jwk("P-384", kid="first", number=3), jwk(kid="second", number=3)]),
}


@pytest.mark.parametrize("key", FORMATS.values(), ids=FORMATS.keys())
def test_a_token_is_issued_with(bench: Bench, key: str | dict[str, object]) -> None:
    bench.credential(key=key)

    data = bench.wait_secret()

    assert set(data) == {"access_token", "token_type", "expires_at", "authorization"}
    assert data["authorization"] == f"Bearer {data['access_token']}"
    bench.wait_condition("ehr", "Ready", "True", "TokenIssued")
    assert [request["outcome"] for request in bench.requests()] == ["issued"]


def test_the_mounted_token_opens_fhir_and_the_data_model(bench: Bench) -> None:
    bench.credential(target={"stringData": {"base": "$(fhirBaseUrl)"}})
    data = bench.wait_secret()
    headers = {"Authorization": data["authorization"]}

    trusted = ssl.create_default_context(cafile=bench.redox.ca_file)
    with httpx.Client(verify=trusted, headers=headers, trust_env=False) as client:
        found = client.get(data["base"] + "/Patient?_count=1")
        message = {
            "Meta": {"DataModel": "PatientSearch", "EventType": "Query"},
            "Patient": {"Demographics": {"LastName": "Example"}},
        }
        queried = client.post(bench.redox.data_model_url, json=message)

    assert found.status_code == 200, found.text
    assert found.json()["resourceType"] == "Bundle"
    assert queried.status_code == 200, queried.text


def test_a_token_is_refreshed_long_before_it_expires(bench: Bench) -> None:
    bench.credential()
    first = bench.wait_secret()

    second = bench.wait_secret(other_than=first["access_token"], seconds=30)

    assert len(bench.requests()) == 2
    sent = [request["time"] for request in bench.requests()]
    assert 10 <= sent[1] - sent[0] < 19
    assert second["expires_at"] > first["expires_at"]


def test_the_status_tells_times_key_and_host(bench: Bench) -> None:
    key = rsa_pem()
    bench.credential(key=key)

    status = bench.wait_status("ehr", lambda seen: "expirationTime" in seen, "an expiry")

    assert status["keyId"] == thumbprint(key)
    assert status["secretName"] == "ehr-token"
    assert status["tokenEndpointHost"] in ("127.0.0.1", "localhost")
    assert status["tokenLifetimeSeconds"] == 30
    assert status["observedGeneration"] == 1
    order = ("lastRefreshTime", "nextRefreshTime", "deadlineTime", "expirationTime")
    times = [status[name] for name in order]
    assert times == sorted(times)
    assert [c["type"] for c in status["conditions"]] == [
        "Ready",
        "RefreshHealthy",
        "Stalled",
        "Reconciling",
    ]


def test_an_edited_target_is_rewritten_and_no_request_is_spent(bench: Bench) -> None:
    bench.credential()
    before = bench.wait_secret()
    bench.wait_condition("ehr", "Ready", "True", "TokenIssued")

    bench.admin.patch(
        bench.secret_path("ehr-token"),
        {"data": {"access_token": "Zm9yZ2Vk", "theirs": "a2VlcA=="}},
    )

    def repaired(secret: dict[str, object]) -> bool:
        return decoded(secret)["access_token"] == before["access_token"]

    seen = bench.admin.wait(bench.secret_path("ehr-token"), repaired, "the repair", 5)
    assert decoded(seen)["theirs"] == "keep"
    assert len(bench.requests()) == 1


def test_a_deleted_target_is_written_anew_and_no_request_is_spent(bench: Bench) -> None:
    bench.credential()
    before = bench.wait_secret()
    bench.wait_condition("ehr", "Ready", "True", "TokenIssued")

    bench.admin.delete(bench.secret_path("ehr-token"))

    after = bench.wait_secret(seconds=5)
    assert after == before
    assert len(bench.requests()) == 1


def test_a_target_that_loses_its_label_gets_it_back(bench: Bench) -> None:
    bench.credential()
    bench.wait_secret()

    bench.admin.patch(
        bench.secret_path("ehr-token"), {"metadata": {"labels": {f"{GROUP}/role": None}}}
    )

    def labelled(secret: dict[str, dict[str, dict[str, str]]]) -> bool:
        return secret["metadata"].get("labels", {}).get(f"{GROUP}/role") == "target"

    bench.admin.wait(bench.secret_path("ehr-token"), labelled, "the label", 5)
    assert len(bench.requests()) == 1


def test_what_the_author_drops_from_the_spec_goes_and_what_others_added_stays(
    bench: Bench,
) -> None:
    bench.credential(
        target={
            "labels": {"team": "ehr"},
            "annotations": {"note": "mine"},
            "stringData": {"curl.header": "Authorization: $(authorization)"},
        }
    )
    assert bench.wait_secret()["curl.header"].startswith("Authorization: Bearer ")
    bench.admin.patch(
        bench.secret_path("ehr-token"),
        {"metadata": {"labels": {"theirs": "yes"}, "annotations": {"theirs": "yes"}}},
    )

    bench.edit("ehr", target={"labels": None, "annotations": None, "stringData": None})

    def gone(secret: dict[str, object]) -> bool:
        return "curl.header" not in decoded(secret)

    seen = bench.admin.wait(bench.secret_path("ehr-token"), gone, "the key gone", 5)
    assert "team" not in seen["metadata"]["labels"]
    assert "note" not in seen["metadata"]["annotations"]
    assert seen["metadata"]["labels"]["theirs"] == "yes"
    assert seen["metadata"]["annotations"]["theirs"] == "yes"
    assert len(bench.requests()) == 1


def test_a_foreign_secret_stays_as_it_is_and_nothing_is_requested(bench: Bench) -> None:
    foreign = key_secret_manifest("theirs", "ehr-token", key="access_token")
    bench.admin.apply(foreign, namespace=bench.namespace)
    before = bench.secret()

    bench.credential()

    told = bench.wait_condition("ehr", "RefreshHealthy", "False", "TargetConflict")
    assert "Delete that Secret" in told["message"]
    bench.wait_condition("ehr", "Stalled", "True", "TargetConflict")
    assert bench.secret() == before
    assert bench.requests() == []


def test_a_conflict_heals_when_the_foreign_secret_goes(bench: Bench) -> None:
    foreign = key_secret_manifest("theirs", "ehr-token", key="access_token")
    bench.admin.apply(foreign, namespace=bench.namespace)
    bench.credential()
    bench.wait_condition("ehr", "RefreshHealthy", "False", "TargetConflict")

    bench.admin.delete(bench.secret_path("ehr-token"))
    bench.annotate("ehr", "now")

    bench.wait_condition("ehr", "Ready", "True", "TokenIssued")


def test_a_secret_restored_without_its_owner_is_taken_back_without_a_request(
    bench: Bench,
) -> None:
    bench.credential()
    before = bench.wait_secret()
    bench.wait_condition("ehr", "Ready", "True", "TokenIssued")

    bench.admin.patch(bench.secret_path("ehr-token"), {"metadata": {"ownerReferences": None}})

    def owned(secret: dict[str, dict[str, object]]) -> bool:
        return bool(secret["metadata"].get("ownerReferences"))

    seen = bench.admin.wait(bench.secret_path("ehr-token"), owned, "the owner", 5)
    assert decoded(seen) == before
    assert len(bench.requests()) == 1


def test_a_recreated_credential_takes_its_secret_back(bench: Bench) -> None:
    made = bench.credential()
    before = bench.wait_secret()

    path = f"{bench.credentials}/ehr"
    bench.admin.request("DELETE", path, {"propagationPolicy": "Orphan"})
    bench.admin.wait_gone(path)
    again = bench.create(clientId=made["spec"]["clientId"])

    def adopted(secret: dict[str, dict[str, list[dict[str, object]]]]) -> bool:
        owners = secret["metadata"].get("ownerReferences") or [{}]
        return owners[0].get("uid") == again["metadata"]["uid"]

    seen = bench.admin.wait(bench.secret_path("ehr-token"), adopted, "the adoption", 10)
    assert decoded(seen) == before
    assert len(bench.requests()) == 1


def test_a_secret_of_another_credential_is_a_conflict(bench: Bench) -> None:
    bench.credential("first", target={"secretName": "shared"})
    bench.wait_secret("shared")

    bench.credential("second", target={"secretName": "shared"})

    bench.wait_condition("second", "RefreshHealthy", "False", "TargetConflict")
    assert bench.requests("second") == []


def test_an_immutable_target_says_what_to_do(bench: Bench) -> None:
    bench.credential()
    bench.wait_secret()

    bench.admin.patch(bench.secret_path("ehr-token"), {"immutable": True})
    bench.annotate("ehr", "again")

    bench.wait_condition("ehr", "Stalled", "True", "TargetImmutable")


def test_the_refresh_annotation_asks_for_one_fresh_token(bench: Bench) -> None:
    bench.credential(target={"stringData": {"copy": "$(accessToken)"}})
    first = bench.wait_secret()

    bench.annotate("ehr", "please")

    second = bench.wait_secret(other_than=first["access_token"], seconds=40)
    assert second["copy"] == second["access_token"]


def test_a_suspended_credential_keeps_its_secret_and_asks_for_nothing(bench: Bench) -> None:
    bench.credential(suspend=True)
    bench.wait_condition("ehr", "Ready", "False", "Suspended")
    assert bench.requests() == []

    bench.edit("ehr", suspend=False)

    bench.wait_secret()
    bench.wait_condition("ehr", "Ready", "True", "TokenIssued")


def test_a_rotation_is_one_edit_and_falls_back_to_the_key_that_redox_knows(bench: Bench) -> None:
    both, _, older = rotation(number=10)
    client_id = bench.client("ehr", older)
    bench.key_secret("ehr", both)

    bench.create(clientId=client_id)

    bench.wait_secret()
    status = bench.wait_status("ehr", lambda seen: seen.get("keyId") == "older", "the older key")
    assert status["keyId"] == "older"
    assert [request["kid"] for request in bench.requests()] == ["newer", "older"]


def test_a_deleted_credential_takes_its_secret_along_and_has_no_finalizer(bench: Bench) -> None:
    bench.credential()
    bench.wait_secret()
    path = f"{bench.credentials}/ehr"
    body = bench.admin.get(path)
    assert "finalizers" not in body["metadata"]
    assert "finalizers" not in bench.secret()["metadata"]

    bench.admin.delete(path)

    bench.admin.wait_gone(bench.secret_path("ehr-token"), 15)


def test_no_event_is_posted_for_a_routine_refresh(bench: Bench) -> None:
    bench.credential()
    first = bench.wait_secret()
    bench.wait_secret(other_than=first["access_token"], seconds=30)

    events: list[dict[str, object]] = []
    for _ in polls(10):
        path = f"/apis/events.k8s.io/v1/namespaces/{bench.namespace}/events"
        events = bench.admin.get(path)["items"]
        if events:
            break
    assert [event["reason"] for event in events] == ["TokenIssued"]


def test_metrics_tell_of_the_credential_and_forget_it(
    bench: Bench, operator: OperatorProcess
) -> None:
    bench.credential()
    bench.wait_condition("ehr", "Ready", "True", "TokenIssued")
    labels = {"kind": "RedoxCredential", "namespace": bench.namespace, "name": "ehr"}
    assert operator.metric("ready", **labels) == 1
    assert operator.metric("token_expiration_timestamp_seconds", **labels) > time.time()

    bench.admin.delete(f"{bench.credentials}/ehr")

    for _ in polls(10):
        if f'namespace="{bench.namespace}"' not in operator.exposition():
            break
    assert f'namespace="{bench.namespace}"' not in operator.exposition()


def test_a_client_that_redox_does_not_know_is_rejected_and_heals_by_registering(
    bench: Bench,
) -> None:
    bench.key_secret("ehr", rsa_pem())
    client_id = f"{bench.namespace}-ehr"
    bench.create(clientId=client_id)
    told = bench.wait_condition("ehr", "RefreshHealthy", "False", "ClientRejected")
    assert "publish the public key" in told["message"]

    bench.client("ehr", rsa_pem())

    assert client_entry(client_id)["clientId"] == client_id
    bench.wait_condition("ehr", "Ready", "True", "TokenIssued", 30)
