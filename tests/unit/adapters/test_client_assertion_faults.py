"""Every fault of a key Secret has its own sentence, and none holds anything of the content."""

from __future__ import annotations

import base64
import functools
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from redox_operator.adapters.client_assertion import key_set
from redox_operator.domain.errors import KeyInvalid
from tests.support import keys

PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
OPENSSH = serialization.PrivateFormat.OpenSSH
PLAIN = serialization.NoEncryption()
PASSPHRASE = serialization.BestAvailableEncryption(b"passphrase")

EC = keys.jwk("P-256")
RSA = keys.jwk()


def pem(key, form=PKCS8, encryption=PLAIN) -> str:
    return key.private_bytes(serialization.Encoding.PEM, form, encryption).decode()


def public_pem() -> str:
    return (
        keys.ec_private_key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def der() -> bytes:
    return keys.rsa_private_key().private_bytes(serialization.Encoding.DER, PKCS8, PLAIN)


@functools.cache
def unbalanced_rsa_numbers() -> rsa.RSAPrivateNumbers:
    """Numbers of 2048 bits that agree with each other, but one factor has 256 bits."""
    p, q = (1 << 255) | 1, (1 << 1792) | 1
    return rsa.RSAPrivateNumbers(
        p, q, 3, 3 % (p - 1), 3 % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(65537, p * q)
    )


def wide_rsa_numbers(bits: int) -> rsa.RSAPrivateNumbers:
    p, q = (1 << bits // 2) | 1, (1 << (bits // 2 - 1)) | 1
    return rsa.RSAPrivateNumbers(p, q, 3, 3, 3, pow(q, -1, p), rsa.RSAPublicNumbers(65537, p * q))


def rsa_pem_of(numbers: rsa.RSAPrivateNumbers) -> str:
    return pem(numbers.private_key(unsafe_skip_rsa_key_validation=True))


def number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()


def without(members: dict, *names: str) -> dict:
    return {name: value for name, value in members.items() if name not in names}


def jwks(*members: object) -> str:
    return json.dumps({"keys": list(members)})


RSA_FITS = "PS256, PS384, PS512, RS256, RS384 or RS512"
DAMAGED_PEM = "The PEM is damaged: store the file again, whole"
DAMAGED_JSON = "begins like a JWK but is no valid JSON"
KINDS = "The private key is of a kind that cannot sign here"
CURVE = "The EC key is on a curve that no allowed algorithm uses"
INCONSISTENT = "The private key's numbers do not belong together"
UNUSUAL = "The RSA key's numbers are of unusual size"
PUBLIC = "The value holds a public key but no private one"
CERTIFICATE = "The value holds a certificate but no private key"
ENCRYPTED = "The private key is encrypted with a passphrase"
KID = "The JWK's `kid` is not 1 to 256 printable ASCII characters"
NO_NUMBER = "is missing or no base64url number"

FAULTS = {
    "nothing": ("", "The private key's value is empty"),
    "blanks": (" \n\t", "The private key's value is empty"),
    "prose": ("my private key", "is neither a PEM, a JWK nor a JWK Set"),
    "a PEM in UTF-16": (keys.ec_pem().encode("utf-16"), "is neither a PEM, a JWK nor a JWK Set"),
    "DER": (der(), "The private key's value is binary, perhaps DER"),
    "a PEM encoded twice": (base64.b64encode(keys.ec_pem().encode()), "it was encoded twice"),
    "a JWK encoded twice": (base64.b64encode(json.dumps(EC).encode()), "it was encoded twice"),
    # PEM
    "an encrypted PKCS#8 PEM": (pem(keys.ec_private_key(), PKCS8, PASSPHRASE), ENCRYPTED),
    "an encrypted PKCS#1 PEM": (pem(keys.rsa_private_key(), TRADITIONAL, PASSPHRASE), ENCRYPTED),
    "an OpenSSH key": (pem(keys.ec_private_key(), OPENSSH), "is in OpenSSH's own format"),
    "a public PEM": (public_pem(), PUBLIC),
    "a public PKCS#1 PEM": (
        "-----BEGIN RSA PUBLIC KEY-----\nMII\n-----END RSA PUBLIC KEY-----",
        PUBLIC,
    ),
    "a certificate": ("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----", CERTIFICATE),
    "a certificate and a public key": (
        public_pem() + "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----",
        CERTIFICATE,
    ),
    "two private PEMs": (keys.ec_pem() + keys.rsa_pem(), "more than one PEM private key"),
    "a PEM without its end": (keys.ec_pem()[:-20], DAMAGED_PEM),
    "a PEM cut in the middle": (keys.rsa_pem()[:900] + keys.rsa_pem()[-30:], DAMAGED_PEM),
    "a PEM with \\n for line breaks": (keys.ec_pem().replace("\n", "\\n"), DAMAGED_PEM),
    "a PEM of an unknown label": ("-----BEGIN X-----\nMII\n-----END X-----", DAMAGED_PEM),
    "a PEM of no label": ("-----BEGIN", DAMAGED_PEM),
    "an Ed25519 PEM": (pem(ed25519.Ed25519PrivateKey.generate()), KINDS),
    "a DSA PEM": (pem(dsa.generate_private_key(1024)), KINDS),
    "a traditional DSA PEM": (pem(dsa.generate_private_key(1024), TRADITIONAL), KINDS),
    "a secp256k1 PEM": (pem(ec.generate_private_key(ec.SECP256K1())), CURVE),
    "a P-192 PEM": (pem(ec.generate_private_key(ec.SECP192R1()), TRADITIONAL), CURVE),
    "an RSA-1024 PEM": (keys.rsa_pem(1024), "The RSA key is smaller than 2048 bits"),
    "an RSA PEM of 4104 bits": (
        rsa_pem_of(wide_rsa_numbers(4104)),
        "The RSA key is larger than 4096 bits",
    ),
    "an RSA PEM with a tiny prime": (rsa_pem_of(unbalanced_rsa_numbers()), UNUSUAL),
    "an RSA PEM whose factors are no primes": (rsa_pem_of(wide_rsa_numbers(2048)), INCONSISTENT),
    # JSON
    "half a JWK": (json.dumps(EC)[:-9], DAMAGED_JSON),
    "a JWK with a member twice": ('{"kty": "EC", "kty": "EC"}', DAMAGED_JSON),
    "a JWK with NaN": ('{"kty": NaN}', DAMAGED_JSON),
    "endless nesting": ("[" * 8000, DAMAGED_JSON),
    "a number of 5000 digits": ('{"kty": ' + "1" * 5000 + "}", DAMAGED_JSON),
    "a list of JWKs": (json.dumps([EC]), "is a JSON list: write a JWK Set"),
    "some other JSON": ('{"apiVersion": "v1"}', "The JWK's `kty` is neither RSA nor EC"),
    "a kty that is a list": ('{"kty": ["RSA"]}', "The JWK's `kty` is neither RSA nor EC"),
    "a symmetric JWK": ('{"kty": "oct", "k": "AAAA"}', "holds a symmetric key (`kty` oct)"),
    "an Ed25519 JWK": ('{"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"}', KINDS),
    "a public RSA JWK": (json.dumps(keys.public_jwk(RSA)), "holds a public key but no private one"),
    "a public EC JWK": (json.dumps(keys.public_jwk(EC)), "holds a public key but no private one"),
    "a JWK for encryption": (json.dumps(EC | {"use": "enc"}), "The JWK's `use` is not `sig`"),
    "a JWK to verify with": (
        json.dumps(EC | {"key_ops": ["verify"]}),
        "The JWK's `key_ops` does not contain `sign`",
    ),
    "key_ops that is a string": (
        json.dumps(EC | {"key_ops": "sign"}),
        "The JWK's `key_ops` does not contain `sign`",
    ),
    "a secp256k1 JWK": (json.dumps(EC | {"crv": "secp256k1"}), CURVE),
    "a JWK without a curve": (json.dumps(without(EC, "crv")), CURVE),
    "a small RSA JWK": (json.dumps(RSA | {"n": number((1 << 1023) | 1)}), "smaller than 2048 bits"),
    "a large RSA JWK": (json.dumps(RSA | {"n": number((1 << 4096) | 1)}), "larger than 4096 bits"),
    "an RSA JWK without n": (json.dumps(without(RSA, "n")), f"The JWK's `n` {NO_NUMBER}"),
    "an RSA JWK with d in hex": (json.dumps(RSA | {"d": "0x:1"}), f"The JWK's `d` {NO_NUMBER}"),
    "an RSA JWK with a numeric e": (json.dumps(RSA | {"e": 65537}), f"The JWK's `e` {NO_NUMBER}"),
    "an RSA JWK without qi": (json.dumps(without(RSA, "qi")), "lacks one of `p`, `q`"),
    "an RSA JWK of three primes": (json.dumps(RSA | {"oth": []}), "has more than two primes"),
    "an RSA JWK with another's n": (json.dumps(RSA | {"n": keys.jwk(number=1)["n"]}), INCONSISTENT),
    "an RSA JWK with another's d": (json.dumps(RSA | {"d": keys.jwk(number=1)["d"]}), INCONSISTENT),
    "an RSA JWK with another's d, without factors": (
        json.dumps(
            without(RSA, "p", "q", "dp", "dq", "qi") | {"d": keys.jwk(number=1)["d"]}
        ),
        INCONSISTENT,
    ),
    "an RSA JWK with a zero factor": (json.dumps(RSA | {"p": "AA"}), UNUSUAL),
    "an RSA JWK with an endless exponent": (json.dumps(RSA | {"e": RSA["n"]}), UNUSUAL),
    "an EC JWK with another's d": (
        json.dumps(EC | {"d": keys.jwk("P-256", number=1)["d"]}),
        INCONSISTENT,
    ),
    "an EC JWK off its curve": (json.dumps(EC | {"x": "BQ"}), INCONSISTENT),
    "an EC JWK with an endless x": (json.dumps(EC | {"x": "B" * 8000}), INCONSISTENT),
    "an EC JWK of another curve": (json.dumps(EC | {"crv": "P-521"}), INCONSISTENT),
    "a numeric kid": (json.dumps(EC | {"kid": 7}), "The JWK's `kid` is no string"),
    "an empty kid": (json.dumps(EC | {"kid": ""}), KID),
    "a kid with a space": (json.dumps(EC | {"kid": "my key"}), KID),
    "a kid with an umlaut": (json.dumps(EC | {"kid": "schlüssel"}), KID),
    "a kid of 257 characters": (json.dumps(EC | {"kid": "k" * 257}), KID),
    "a numeric alg": (json.dumps(EC | {"alg": 7}), "The JWK's `alg` is no string"),
    "an alg of another kind": (
        json.dumps(RSA | {"alg": "ES384"}),
        f"The JWK's `alg` does not fit its key: write {RSA_FITS} there",
    ),
    "an alg for encryption": (
        json.dumps(EC | {"alg": "ECDH-ES"}),
        "The JWK's `alg` does not fit its key: write ES256 there",
    ),
    # JWK Set
    "an empty set": (jwks(), "The JWK Set is empty"),
    "a set that is no list": ('{"keys": {}}', "`keys` is no list of JWKs"),
    "a set of strings": (jwks("a"), "`keys` is no list of JWKs"),
    "a set of nine": (
        jwks(*(EC | {"kid": str(i)} for i in range(9))),
        "The JWK Set holds more than 8 keys",
    ),
    "a kid twice": (
        jwks(keys.jwk("P-256", kid="a"), keys.jwk("P-384", kid="a")),
        "Two keys of the JWK Set have the same `kid`",
    ),
    "a key twice": (jwks(EC, EC), "Two keys of the JWK Set have the same `kid`"),
    "a set with a public key": (
        jwks(EC, keys.public_jwk(RSA)),
        "Key 2 of the JWK Set: The JWK holds a public key but no private one",
    ),
}  # fmt: skip

SLOW_TO_FIND = (INCONSISTENT, UNUSUAL)
"""What inspecting an RSA key does not tell."""


def content(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def fault(value: str | bytes, key_id: str | None = None, algorithm: str | None = None) -> str:
    with pytest.raises(KeyInvalid) as caught:
        key_set.parse(content(value), key_id=key_id, algorithm=algorithm)
    return caught.value.message


@pytest.mark.parametrize(("value", "sentence"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_has_its_own_sentence(value, sentence):
    assert sentence in fault(value)


@pytest.mark.parametrize("value", [value for value, _ in FAULTS.values()], ids=FAULTS.keys())
def test_a_sentence_says_what_to_do(value):
    message = fault(value)

    assert ": " in message
    assert message.endswith(".")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        pytest.param(value, sentence, id=name)
        for name, (value, sentence) in FAULTS.items()
        if not ("RSA" in name and sentence in SLOW_TO_FIND)
    ],
)
def test_inspecting_finds_the_same_faults(value, sentence):
    with pytest.raises(KeyInvalid) as caught:
        key_set.inspect(content(value), key_id=None, algorithm=None)

    assert sentence in caught.value.message


def test_inspecting_an_rsa_key_does_not_check_its_numbers():
    value = json.dumps(RSA | {"d": keys.jwk(number=1)["d"]}).encode()

    summary = key_set.inspect(value, key_id=None, algorithm=None)

    assert summary.first.thumbprint == keys.thumbprint(RSA)


@pytest.mark.parametrize(
    ("value", "algorithm", "sentence"),
    [
        pytest.param(
            keys.rsa_pem(),
            "ES384",
            f"spec.algorithm ES384 does not fit the private key: write {RSA_FITS}",
            id="an RSA key",
        ),
        pytest.param(
            keys.ec_pem("P-384"),
            "RS384",
            "spec.algorithm RS384 does not fit the private key: write ES384, leave",
            id="an EC key",
        ),
        pytest.param(
            keys.ec_pem("P-384"),
            "ES256",
            "spec.algorithm ES256 does not fit the private key: write ES384, leave",
            id="another curve",
        ),
        pytest.param(
            json.dumps(keys.jwk(alg="RS256")),
            "RS384",
            "spec.algorithm RS384 is not the JWK's own `alg`",
            id="the JWK's own alg",
        ),
        pytest.param(
            jwks(RSA, keys.jwk("P-256")),
            "RS384",
            "Key 2 of the JWK Set: spec.algorithm RS384 does not fit",
            id="one key of a set",
        ),
    ],
)
def test_an_algorithm_that_does_not_fit_is_named_with_those_that_do(value, algorithm, sentence):
    assert sentence in fault(value, algorithm=algorithm)


def test_a_key_id_that_is_not_in_the_set_is_named_and_no_other_is():
    value = jwks(keys.jwk("P-256", kid="present-1"), keys.jwk("P-384", kid="present-2"))

    message = fault(value, key_id="wanted")

    assert "No key of the JWK Set has the `kid` wanted" in message
    assert "present" not in message


def test_a_key_id_that_two_keys_of_the_set_have_is_refused():
    value = jwks(keys.jwk("P-256", kid="a"), keys.jwk("P-384", kid="a"))

    assert "have the same `kid`" in fault(value, key_id="a")


def test_an_unusable_key_id_of_the_spec_is_refused():
    assert "spec.privateKey.keyId is not 1 to 256 printable" in fault(keys.ec_pem(), key_id="a b")


JWK_LIKE = st.dictionaries(
    st.sampled_from(["kty", "crv", "n", "e", "d", "x", "y", "p", "q", "alg", "kid", "use"]),
    st.one_of(
        st.sampled_from(
            ["RSA", "EC", "P-256", "P-384", "sig", "AQAB", RSA["n"], RSA["d"], EC["x"]]
        ),
        st.text(max_size=20),
        st.integers(),
        st.none(),
    ),
)
ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.text(), JWK_LIKE),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.just("keys"), inner)),
    max_leaves=10,
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good value with one byte changed."""
    value = draw(st.sampled_from([keys.ec_pem(), json.dumps(EC), jwks(EC), keys.rsa_pem()]))
    data = bytearray(value.encode())
    data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(st.binary(), ANY_JSON.map(lambda value: json.dumps(value).encode()), damaged()),
    st.one_of(st.none(), st.text()),
    st.sampled_from([None, "RS384", "ES256"]),
)
def test_whatever_a_secret_holds_the_only_error_is_key_invalid(value, key_id, algorithm):
    for read in (key_set.parse, key_set.inspect):
        try:
            found = read(value, key_id=key_id, algorithm=algorithm)
        except KeyInvalid:
            continue
        assert found.keys
