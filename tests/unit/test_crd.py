"""The CRD as text: what must hold before an API server sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from redox_operator.domain import placeholders, reserved
from redox_operator.domain.credential import GROUP, KIND, PLURAL, VERSION, parse_credential

CRDS = Path(__file__).parents[2] / "crds"
CRD = yaml.safe_load((CRDS / f"{GROUP}_{PLURAL}.yaml").read_text())
(SERVED,) = CRD["spec"]["versions"]
SCHEMA = SERVED["schema"]["openAPIV3Schema"]
EXAMPLES = sorted((CRDS / "examples").glob("*.yaml"))

METADATA = ".metadata"


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, with its path; the values of maps as `[*]`, items as `[]`."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from fields(child, f"{path}.{name}")
    if "items" in schema:
        yield from fields(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from fields(schema["additionalProperties"], f"{path}[*]")


FIELDS = dict(fields(SCHEMA))


def pattern(path: str, containing: str) -> re.Pattern[str]:
    """The one regular expression with that text in the rules of a field."""
    rules = " ".join(rule["rule"] for rule in FIELDS[path]["x-kubernetes-validations"])
    (found,) = [regex for regex in re.findall(r"r'(.+?)'\)", rules) if containing in regex]
    return re.compile(found, re.DOTALL)


def test_the_crd_is_the_kind_that_the_operator_reads() -> None:
    assert CRD["metadata"]["name"] == f"{PLURAL}.{GROUP}"
    assert (CRD["spec"]["group"], SERVED["name"]) == (GROUP, VERSION)
    assert CRD["spec"]["names"] == {
        "kind": KIND,
        "listKind": f"{KIND}List",
        "plural": PLURAL,
        "singular": KIND.lower(),
        "shortNames": ["rxc"],
        "categories": ["redox"],
    }


def test_every_string_has_a_longest_length() -> None:
    assert [p for p, s in FIELDS.items() if s["type"] == "string" and "maxLength" not in s] == []


def test_every_list_has_a_largest_size_and_a_merge_type() -> None:
    lists = [schema for schema in FIELDS.values() if schema["type"] == "array"]
    assert lists
    assert all("maxItems" in schema and "x-kubernetes-list-type" in schema for schema in lists)


def test_every_map_has_a_largest_size_and_every_other_object_has_fixed_fields() -> None:
    objects = {path: schema for path, schema in FIELDS.items() if schema["type"] == "object"}
    assert [
        path
        for path, schema in objects.items()
        if not (
            schema.get("properties")
            or ("additionalProperties" in schema and "maxProperties" in schema)
        )
    ] == []


def test_every_integer_has_a_lower_bound() -> None:
    assert [p for p, s in FIELDS.items() if s["type"] == "integer" and "minimum" not in s] == []


def test_every_field_has_a_description_that_is_a_sentence() -> None:
    assert [
        path
        for path, schema in FIELDS.items()
        if path != METADATA and not schema.get("description", "").endswith(".")
    ] == []


def test_every_rule_has_a_message_that_says_what_to_write() -> None:
    rules = [
        rule for schema in FIELDS.values() for rule in schema.get("x-kubernetes-validations", [])
    ]
    assert rules
    assert [
        rule["rule"]
        for rule in rules
        if not re.search(r"\b(write|use|choose)\b", rule.get("message", ""))
    ] == []


def test_only_the_status_has_a_default() -> None:
    defaults = {path: schema["default"] for path, schema in FIELDS.items() if "default" in schema}
    assert defaults == {".status": {"observedGeneration": -1}}


def test_no_field_of_the_spec_takes_a_url_or_a_namespace() -> None:
    names = {path.rpartition(".")[2].lower() for path in FIELDS if path.startswith(".spec")}
    assert not {name for name in names if "url" in name or "namespace" in name}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_is_a_credential_that_the_operator_understands(file: Path) -> None:
    manifest = yaml.safe_load(file.read_text())
    manifest["metadata"] |= {"namespace": "clinic", "uid": "1"}
    credential = parse_credential(manifest)
    assert credential.key.name == manifest["metadata"]["name"]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_shows_the_key_secret_that_it_refers_to(file: Path) -> None:
    text = file.read_text()
    reference = yaml.safe_load(text)["spec"]["privateKey"]["secretRef"]
    comment = "\n".join(
        line.removeprefix("#   ") for line in text.splitlines() if line.startswith("#   ")
    )
    secret = yaml.safe_load(comment[comment.index("apiVersion: v1\n") :])
    assert secret["metadata"]["name"] == reference["name"]
    assert list(secret["stringData"]) == [reference.get("key", "privateKey")]
    assert f"kubectl create secret generic {reference['name']} " in comment


def test_the_examples_hold_no_private_key() -> None:
    assert EXAMPLES
    assert not [file for file in EXAMPLES if "PRIVATE KEY-----" in file.read_text()]


@given(st.text(alphabet="$()aceknoTs\n ", max_size=12))
@example("$(accessToken)")
@example("$$(accessToken)")
@example("$$$(accessToken")
@example("$$(no such name)")
@example("costs 5 $")
@example("$(scope)$(fhirBaseUrl)$(expiresAt)$(authorization)$(tokenType)")
def test_the_rule_for_placeholders_and_the_operator_agree(template: str) -> None:
    rule = pattern(".spec.target.stringData[*]", "accessToken")
    assert bool(rule.fullmatch(template)) == placeholders.is_valid(template)


@given(
    st.sampled_from(
        ["access_token", "token_type", "expires_", "issued_", "scope", "authorization", ""]
    ),
    st.sampled_from(["", "x", "_at", ".header"]),
)
def test_the_rule_for_reserved_keys_and_the_operator_agree(start: str, end: str) -> None:
    rule = pattern(".spec.target.stringData", "issued_")
    assert bool(rule.match(start + end)) == reserved.is_reserved_key(start + end)


@given(
    st.sampled_from(["", "x.", "a.b.", "x", "app."]),
    st.sampled_from(
        [
            "redox-operator.dev",
            "kubernetes.io",
            "k8s.io",
            "argocd.argoproj.io",
            "helm.sh",
            "meta.helm.sh",
            "toolkit.fluxcd.io",
            "velero.io",
            "reloader.stakater.com",
            "example.com",
        ]
    ),
    st.sampled_from(["/instance", "", "/velero.io"]),
)
def test_the_rule_for_reserved_labels_and_the_operator_agree(
    subdomain: str, domain: str, name: str
) -> None:
    rule = pattern(".spec.target.labels", "velero")
    label = subdomain + domain + name
    assert bool(rule.match(label)) == reserved.is_reserved_name(label)
