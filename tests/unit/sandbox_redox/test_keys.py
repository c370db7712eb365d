"""The key builders that other tests rest on."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.support.keys import (
    client_entry,
    ec_pem,
    ec_private_key,
    jwk,
    public_jwk,
    rsa_pem,
    rsa_private_key,
    thumbprint,
)


@pytest.mark.parametrize(
    ("pem", "label"),
    [
        pytest.param(rsa_pem(), "PRIVATE KEY", id="RSA as PKCS#8"),
        pytest.param(rsa_pem(form="pkcs1"), "RSA PRIVATE KEY", id="RSA as PKCS#1"),
        pytest.param(ec_pem("P-384"), "PRIVATE KEY", id="EC as PKCS#8"),
        pytest.param(ec_pem("P-384", "sec1"), "EC PRIVATE KEY", id="EC as SEC1"),
    ],
)
def test_a_pem_has_the_form_asked_for(pem: str, label: str) -> None:
    assert pem.startswith(f"-----BEGIN {label}-----\n")
    assert load_pem_private_key(pem.encode(), None)


def test_a_key_is_made_once_and_its_number_tells_another_apart() -> None:
    assert rsa_private_key() is rsa_private_key(2048, 0)
    assert ec_private_key() is ec_private_key("P-256", number=0)
    assert isinstance(rsa_private_key(), rsa.RSAPrivateKey)
    assert isinstance(ec_private_key(), ec.EllipticCurvePrivateKey)
    assert thumbprint(jwk()) == thumbprint(rsa_pem()) == thumbprint(rsa_pem(form="pkcs1"))
    assert thumbprint(jwk("P-256")) != thumbprint(jwk("P-256", number=1))


def test_a_private_jwk_carries_only_the_names_given() -> None:
    assert {"kid", "alg"}.isdisjoint(jwk("P-521"))
    assert {"kid": "k", "alg": "ES512", "crv": "P-521"}.items() <= jwk(
        "P-521", kid="k", alg="ES512"
    ).items()
    assert "d" in jwk("P-521")


def test_a_public_jwk_is_named_by_argument_or_key_or_thumbprint() -> None:
    key = jwk("P-256", kid="own", alg="ES256")

    assert public_jwk(key, kid="given")["kid"] == "given"
    assert public_jwk(key)["kid"] == "own"
    assert public_jwk(ec_pem())["kid"] == thumbprint(ec_pem())
    assert public_jwk(key).keys() == {"kty", "crv", "x", "y", "kid", "alg"}
    assert public_jwk(rsa_pem()).keys() == {"kty", "n", "e", "kid"}


def test_a_client_entry_publishes_the_public_halves() -> None:
    entry = client_entry("app", (rsa_pem(), "one"), jwk("P-384", kid="two"), userLevel=True)

    assert entry["clientId"] == "app"
    assert [key["kid"] for key in entry["jwks"]["keys"]] == ["one", "two"]
    assert not [key for key in entry["jwks"]["keys"] if "d" in key]
    assert entry["userLevel"] is True
    assert "jwks" not in client_entry("app", jwksUrl="https://app.example/jwks.json")
