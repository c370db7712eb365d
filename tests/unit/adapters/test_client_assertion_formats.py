"""Every format and algorithm of a key Secret, through parsing, signing and verifying."""

from __future__ import annotations

import itertools
import json

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from redox_operator.adapters.client_assertion import key_set
from redox_operator.adapters.client_assertion.signing import new_jti, sign
from redox_operator.domain.private_key import SigningKey
from tests.support import keys

RSA_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
CURVE_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
FACTORS = ("p", "q", "dp", "dq", "qi")


def without_factors(jwk: dict) -> dict:
    return {name: value for name, value in jwk.items() if name not in FACTORS}


def certificate() -> str:
    return "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


RSA_VALUES = {
    "PKCS#8 PEM": keys.rsa_pem(),
    "PKCS#1 PEM": keys.rsa_pem(form="pkcs1"),
    "JWK": json.dumps(keys.jwk()),
    "JWK without its factors": json.dumps(without_factors(keys.jwk())),
    "JWK Set of one": json.dumps(keys.jwk_set([keys.jwk()])),
}


def ec_values(curve: str) -> dict[str, str]:
    return {
        "PKCS#8 PEM": keys.ec_pem(curve),
        "SEC1 PEM": keys.ec_pem(curve, form="sec1"),
        "JWK": json.dumps(keys.jwk(curve)),
        "JWK Set of one": json.dumps(keys.jwk_set([keys.jwk(curve)])),
    }


CASES = [
    pytest.param(value, keys.jwk(), algorithm, id=f"{form}, RSA, {algorithm}")
    for (form, value), algorithm in itertools.product(RSA_VALUES.items(), RSA_ALGORITHMS)
] + [
    pytest.param(value, keys.jwk(curve), algorithm, id=f"{form}, {curve}, {algorithm}")
    for curve, algorithm in CURVE_ALGORITHMS.items()
    for form, value in ec_values(curve).items()
]


def parse(value: str, key_id: str | None = None, algorithm: str | None = None) -> list[SigningKey]:
    return list(key_set.parse(value.encode(), key_id=key_id, algorithm=algorithm).keys)


def assertion(key: SigningKey, **changes: object) -> str:
    claims = {
        "client_id": "client",
        "audience": "https://redox.example/v2/auth/token",
        "issued_at": 1_700_000_000.9,
        "lifetime": 300,
        "assertion_type": "JWT",
        "jti": "once",
    }
    return sign(key, **(claims | changes))


def verifier(jwk: dict) -> RSAKey | ECKey:
    return (RSAKey if jwk["kty"] == "RSA" else ECKey).import_key(keys.public_jwk(jwk))


@pytest.mark.parametrize(("value", "jwk", "algorithm"), CASES)
def test_an_assertion_of_every_format_and_algorithm_verifies_with_the_public_key(
    value, jwk, algorithm
):
    (key,) = parse(value, algorithm=algorithm)

    token = jwt.decode(assertion(key), verifier(jwk), algorithms=[algorithm])

    assert token.header == {"alg": algorithm, "kid": keys.thumbprint(jwk), "typ": "JWT"}


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("RSA", "RS384"), *CURVE_ALGORITHMS.items()], ids=str
)
def test_without_an_algorithm_a_key_signs_with_the_default_of_its_kind(kind, algorithm):
    (key,) = parse(json.dumps(keys.jwk(kind)))

    assert key.algorithm == algorithm


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_rsa_keys_of_2048_to_4096_bits_are_accepted(bits):
    (key,) = parse(keys.rsa_pem(bits))

    assert key.thumbprint == keys.thumbprint(keys.rsa_pem(bits))


def test_a_jwk_signs_with_its_own_alg_and_kid():
    (key,) = parse(json.dumps(keys.jwk(kid="mine", alg="PS256")))

    assert (key.key_id, key.algorithm) == ("mine", "PS256")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(keys.ec_pem(), id="names the key of a PEM"),
        pytest.param(json.dumps(keys.jwk("P-256", kid="own")), id="overrides the kid of a JWK"),
        pytest.param(json.dumps(keys.jwk("P-256", kid=" ")), id="overrides a kid that is unusable"),
    ],
)
def test_the_key_id_of_the_spec(value):
    (key,) = parse(value, key_id="spec")

    assert key.key_id == "spec"
    assert key.thumbprint == keys.thumbprint(keys.ec_pem())


def test_a_set_keeps_the_authors_order():
    jwks = [keys.jwk("P-384", kid="b"), keys.jwk("RSA", kid="a"), keys.jwk("P-256")]

    found = parse(json.dumps(keys.jwk_set(jwks)))

    assert [key.key_id for key in found] == ["b", "a", keys.thumbprint(jwks[2])]


@pytest.mark.parametrize(
    "key_id",
    [
        pytest.param("second", id="by its kid"),
        pytest.param(keys.thumbprint(keys.jwk("P-384")), id="by the thumbprint that stands for it"),
    ],
)
def test_the_key_id_selects_one_key_of_a_set_and_the_others_may_be_unusable(key_id):
    jwks = [
        {"kty": "oct", "k": "AAAA", "kid": "first"},
        keys.jwk("P-256", kid="second") if key_id == "second" else keys.jwk("P-384"),
        {"kty": "OKP"},
    ]

    (key,) = parse(json.dumps(keys.jwk_set(jwks)), key_id=key_id)

    assert key.key_id == key_id


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("  \n" + keys.ec_pem() + "\n\n", id="with blank lines around it"),
        pytest.param(keys.ec_pem().replace("\n", "\r\n"), id="with the line ends of Windows"),
        pytest.param("Bag Attributes\n  name: x\n" + keys.ec_pem(), id="after explanatory text"),
        pytest.param(certificate() + keys.ec_pem(), id="after its certificate"),
        pytest.param(
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
            + keys.ec_pem(form="sec1"),
            id="after its parameters, as `openssl ecparam -genkey` writes it",
        ),
        pytest.param(
            "\ufeff" + json.dumps(keys.jwk("P-256")), id="as a JWK with a byte order mark"
        ),
        pytest.param(
            json.dumps(keys.jwk("P-256") | {"use": "sig", "key_ops": ["sign"], "more": [1]}),
            id="as a JWK with use, key_ops and members that nobody knows",
        ),
    ],
)
def test_a_private_key_is_found(value):
    (key,) = parse(value)

    assert key.thumbprint == keys.thumbprint(keys.ec_pem())


def test_each_key_of_a_set_has_its_own_time():
    begun = []
    value = json.dumps(keys.jwk_set([keys.jwk(), keys.jwk("P-256"), keys.jwk("P-384")]))

    key_set.parse(
        value.encode(), key_id=None, algorithm=None, checking=lambda: begun.append("a key")
    )

    assert len(begun) == 3


def test_inspecting_tells_the_same_as_parsing():
    value = json.dumps(keys.jwk_set([keys.jwk(kid="a"), keys.jwk("P-521")])).encode()

    summary = key_set.inspect(value, key_id=None, algorithm=None)

    assert summary == key_set.parse(value, key_id=None, algorithm=None).summary
    assert summary.first.key_id == "a"


def test_the_claims_are_those_of_rfc_7523_with_whole_seconds():
    (key,) = parse(keys.ec_pem())

    token = jwt.decode(
        assertion(key, assertion_type="client-authentication+jwt"), verifier(keys.jwk("P-256"))
    )

    assert token.header["typ"] == "client-authentication+jwt"
    assert token.claims == {
        "iss": "client",
        "sub": "client",
        "aud": "https://redox.example/v2/auth/token",
        "iat": 1_700_000_000,
        "exp": 1_700_000_300,
        "jti": "once",
    }
    assert type(token.claims["iat"]) is int


def test_identifiers_do_not_repeat_and_hold_at_least_128_bits():
    identifiers = {new_jti() for _ in range(1000)}

    assert len(identifiers) == 1000
    assert all(len(identifier) >= 22 for identifier in identifiers)


def test_a_signing_key_shows_no_material():
    (key,) = parse(keys.ec_pem())

    assert "material" not in repr(key)
    assert repr(key.material) not in repr(key)
