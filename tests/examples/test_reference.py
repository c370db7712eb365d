"""The reference pages against the program: reasons, settings, metrics, the auth request."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from joserfc import jws
from prometheus_client.parser import text_string_to_metric_families

from redox_operator.adapters.client_assertion.key_set import parse
from redox_operator.adapters.client_assertion.signing import sign
from redox_operator.adapters.endpoints_file import parse_endpoints
from redox_operator.adapters.metrics import CredentialSample, EndpointSample, Metrics, Snapshot
from redox_operator.adapters.token_endpoint.answer import Answer
from redox_operator.adapters.token_endpoint.refusal import read_refusal
from redox_operator.domain import conditions
from redox_operator.domain.endpoint import BUILT_IN, Endpoint
from redox_operator.domain.errors import (
    ConfigurationError,
    CredentialError,
    KeyInvalid,
    Retry,
    Stalls,
)
from redox_operator.domain.reserved import STANDARD_KEYS
from redox_operator.settings import add_arguments
from redox_sandbox.redox import refusal
from tests.examples.documents import DOCS, blocks, code, page, rows
from tests.support.keys import rsa_pem

CRDS = DOCS.parent / "crds"
STALLED = {Stalls.NEVER: "no", Stalls.LATER: "after 5 min", Stalls.NOW: "at once"}
OWN_REASONS = {
    conditions.PENDING,
    conditions.TOKEN_ISSUED,
    conditions.TOKEN_EXPIRED,
    conditions.SUSPENDED,
    conditions.LIFETIME_TOO_SHORT,
}


def failures(base: type[CredentialError] = CredentialError) -> Iterator[type[CredentialError]]:
    """Every class of the error tree that has a reason."""
    for each in base.__subclasses__():
        if "reason" in vars(each):
            yield each
        yield from failures(each)


FAILURES = [pytest.param(each, id=each.reason) for each in failures()]


def failure_rows() -> dict[str, list[str]]:
    header = ("reason", "what it means", "what to do", "tried again", "Stalled")
    return {code(reason): rest for reason, *rest in rows(page("conditions.md"), *header)}


def test_every_reason_is_explained_and_no_other() -> None:
    others = rows(page("conditions.md"), "reason", "what it means", "what to do")

    assert failure_rows().keys() == {failure.reason for failure in failures()}
    assert {code(reason) for reason, *_ in others} == OWN_REASONS


@pytest.mark.parametrize("failure", FAILURES)
def test_when_a_failure_stalls_is_as_the_page_says(failure: type[CredentialError]) -> None:
    assert failure_rows()[failure.reason][-1] == STALLED[failure.stalls]


@pytest.mark.parametrize("failure", FAILURES)
def test_when_a_failure_is_tried_again_is_as_the_page_says(failure: type[CredentialError]) -> None:
    words = {
        Retry.BACKOFF: r"within seconds.*|as .*",
        Retry.REJECTED: r"after 1, 10, 60 s, then every 5 min.*",
        Retry.LOOK: r"every 10 s.*",
        Retry.CHANGE: r"when .* changes.*",
    }

    assert re.fullmatch(words[failure.retry], failure_rows()[failure.reason][-2])


def test_the_columns_are_those_of_the_crd() -> None:
    crd = yaml.safe_load((CRDS / "redox-operator.dev_redoxcredentials.yaml").read_text())
    columns = crd["spec"]["versions"][0]["additionalPrinterColumns"]

    listed = [code(name) for name, _ in rows(page("conditions.md"), "column", "from")]
    assert listed == [column["name"] for column in columns]


def test_every_setting_stands_there_with_its_default() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    defaults = {}
    for action in parser._actions:
        if (found := re.search(r"\(default: (.*)\)", action.help or "")) is not None:
            defaults[action.dest.upper()] = "none" if found[1] == "none" else f"`{found[1]}`"

    assert defaults
    listed = rows(page("settings.md"), "name", "default", "meaning")
    assert {code(name): default for name, default, _ in listed} == defaults


def test_every_key_of_the_endpoints_file_stands_there() -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_endpoints(b"endpoints: [{name: X, tokenUrl: https://x, unheard: 1}]", Path())
    known = re.search(r"Known are (.*)\.", str(refused.value))

    assert known is not None
    listed = rows(page("settings.md"), "key", "default", "meaning")
    assert {code(name) for name, *_ in listed} == set(known[1].split(", "))


def test_the_defaults_of_an_endpoint_are_as_the_page_says() -> None:
    listed = {code(k): d for k, d, _ in rows(page("settings.md"), "key", "default", "meaning")}
    endpoint = Endpoint(name="X", token_url="https://x", audience="https://x")

    assert listed["requestsPerSecond"] == f"{endpoint.requests_per_second:g}"
    assert listed["burst"] == str(endpoint.burst)
    assert listed["assertionLifetimeSeconds"] == str(endpoint.assertion_lifetime_seconds)
    assert listed["assertionType"] == f"`{endpoint.assertion_type}`"


def test_the_endpoints_file_of_the_page_is_valid(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("a certificate")
    (block,) = blocks(page("settings.md"), "yaml")

    names = [endpoint.name for endpoint in parse_endpoints(block.text.encode(), tmp_path)]

    assert names == ["US", "Canada", "Sandbox", "Partner"]


def emitted() -> dict[str, set[str]]:
    """Every metric that the operator emits, by its name without prefix, and its labels."""
    metrics = Metrics("1", {"propagation": 92.0})
    credential = CredentialSample("Kind", "namespace", "name", 1.0, 1.0, True, True, False)
    endpoint = EndpointSample("US", {"refresh": 0}, frozenset({"rate"}), 0.5, 0.0)
    snapshot = Snapshot([credential], [endpoint], {"process": 0}, {"secrets": 1.0})
    metrics.follow(lambda: snapshot)
    metrics.token_request("US", "issued", 0.1)
    metrics.secret_write("created")
    metrics.lateness(1.0)
    metrics.kubernetes_request("get", "secrets", "200")
    families = text_string_to_metric_families(metrics.exposition().decode())
    found = {}
    for family in families:
        name = family.name.removeprefix("redox_operator_")
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        if family.type == "counter":
            name += "_total"
        if not name.endswith("_created"):
            found[name] = labels
    return found


def test_every_metric_stands_there_with_its_labels() -> None:
    listed = {}
    for name, labels, _ in rows(page("metrics.md"), "metric", "labels", "meaning"):
        listed[code(name)] = {code(label) for label in labels.split(", ") if label}

    assert listed == emitted()


def test_every_alert_is_about_metrics_that_exist() -> None:
    (block,) = blocks(page("metrics.md"), "yaml")
    (group,) = yaml.safe_load(block.text)["groups"]
    used = {
        name
        for rule in group["rules"]
        for name in re.findall(r"redox_operator_(\w+)", rule["expr"])
    }

    assert used
    assert used <= emitted().keys()


def test_the_keys_of_the_secret_stand_in_the_guide() -> None:
    listed = [code(key) for key, _ in rows(page("user-guide.md"), "key", "content")]

    assert tuple(listed) == STANDARD_KEYS


def test_the_addresses_are_those_of_the_built_in_endpoints() -> None:
    listed = rows(page("redox-oauth.md"), "", "token endpoint, and audience")

    assert [(name, code(url)) for name, url in listed] == [
        (endpoint.name, endpoint.token_url) for endpoint in BUILT_IN
    ]
    assert [endpoint.audience for endpoint in BUILT_IN] == [e.token_url for e in BUILT_IN]


def test_header_and_claims_are_those_of_the_operators_assertion() -> None:
    text = page("redox-oauth.md")
    key = parse(rsa_pem().encode(), key_id="k", algorithm=None).first
    assertion = sign(
        key,
        client_id="client-1",
        audience="https://x",
        issued_at=1_795_435_170.0,
        lifetime=300,
        assertion_type="JWT",
        jti="1",
    )
    signed = jws.extract_compact(assertion.encode())
    claims: dict[str, Any] = json.loads(signed.payload)
    header_block, claims_block = (json.loads(block.text) for block in blocks(text, "json"))

    assert {code(name) for name, _ in rows(text, "header", "value")} == signed.headers().keys()
    assert {code(name) for name, _ in rows(text, "claim", "value")} == claims.keys()
    assert header_block.keys() == signed.headers().keys()
    assert claims_block.keys() == claims.keys()
    assert claims_block["exp"] - claims_block["iat"] == claims["exp"] - claims["iat"] == 300


def test_every_description_that_redox_documents_is_explained() -> None:
    text = page("redox-oauth.md")
    documented = {
        value for name, value in vars(refusal).items() if name.isupper() and name != "ERROR_URI"
    }

    listed = rows(text, "`error_description`", "what it means", "what to do")
    explained = {each for first, *_ in listed for each in re.findall("`([^`]+)`", first)}
    assert explained == documented - {refusal.BLANK} | {"Unexpected X claim value"}


def test_what_the_operator_says_about_a_legacy_key_is_quoted_as_it_says_it() -> None:
    text = " ".join(page("redox-oauth.md").split())
    with pytest.raises(KeyInvalid) as no_key:
        parse(b"7ce6f387-c33c-417d-8682-81e83628cbd9", key_id=None, algorithm=None)
    body = {"error": "invalid_request", "error_description": refusal.KEY_NOT_FOUND}
    rejected = str(read_refusal(Answer(400, json.dumps(body).encode())))

    assert f'"{no_key.value}"' in text
    quoted = re.search(r'"(it has no public key[^"]*)"', text)
    assert quoted is not None
    assert quoted[1] in rejected
