"""Names that are not an author's."""

from __future__ import annotations

import pytest

from redox_operator.domain.reserved import STANDARD_KEYS, is_reserved_key, is_reserved_name


def test_the_standard_keys_are_those_of_the_contract() -> None:
    assert STANDARD_KEYS == ("access_token", "token_type", "expires_at", "authorization")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        *((key, True) for key in (*STANDARD_KEYS, "scope")),
        ("access_token_2", True),
        ("access_token.txt", True),
        ("expires_in", True),
        ("issued_at", True),
        ("expires", False),
        ("scopes", False),
        ("token_type_2", False),
        ("Access_Token", False),
        ("curl.header", False),
    ],
)
def test_a_data_key_is_reserved(key: str, expected: bool) -> None:
    assert is_reserved_key(key) is expected


DOMAINS = (
    "redox-operator.dev",
    "kubernetes.io",
    "k8s.io",
    "argocd.argoproj.io",
    "helm.sh",
    "meta.helm.sh",
    "kustomize.toolkit.fluxcd.io",
    "velero.io",
    "reloader.stakater.com",
)


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_and_its_subdomains_are_reserved(domain: str) -> None:
    assert is_reserved_name(f"{domain}/anything")
    assert is_reserved_name(f"sub.{domain}/anything")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((f"app.kubernetes.io/{name}", False) for name in ("name", "part-of", "component")),
        ("app.kubernetes.io/version", False),
        ("app.kubernetes.io/managed-by", True),
        ("app.kubernetes.io/instance", True),
        ("kubernetes.io", False),
        ("team", False),
        ("example.com/kubernetes.io", False),
        ("notkubernetes.io/team", False),
    ],
)
def test_a_label_or_annotation_is_reserved(name: str, expected: bool) -> None:
    assert is_reserved_name(name) is expected
