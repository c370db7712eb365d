"""RSA numbers: whether they belong together, and the factors of a key that leaves them out."""

from __future__ import annotations

import base64
import json
import math
import time
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from redox_operator.adapters.client_assertion import key_set, signing
from redox_operator.adapters.client_assertion.rsa_check import load_checked
from redox_operator.adapters.client_assertion.rsa_factors import factors
from redox_operator.domain.errors import KeyInvalid
from redox_operator.domain.private_key import SigningKey
from tests.support import keys

PLAIN = (
    serialization.Encoding.DER,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)
# RFC 3526 §3. As a modulus it has no factors: a search by chance tries in vain.
PRIME = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AACAA68FFFFFFFFFFFFFFFF"
)
PRIMES = [prime for prime in range(3, 300, 2) if all(prime % by for by in range(3, prime, 2))]


def key_of(p: int, q: int, e: int = 65537, **changes: int) -> rsa.RSAPrivateNumbers:
    """The numbers that follow from these factors, but for the changes."""
    d = pow(e, -1, math.lcm(p - 1, q - 1))
    numbers = {
        "p": p,
        "q": q,
        "d": d,
        "dmp1": d % (p - 1),
        "dmq1": d % (q - 1),
        "iqmp": pow(q, -1, p),
        "n": p * q,
        "e": e,
    } | changes
    public = rsa.RSAPublicNumbers(numbers.pop("e"), numbers.pop("n"))
    return rsa.RSAPrivateNumbers(public_numbers=public, **numbers)


def good() -> rsa.RSAPrivateNumbers:
    return keys.rsa_private_key().private_numbers()


def composite() -> int:
    """1024 bits, and a product of two primes."""
    return keys.rsa_private_key(1024).private_numbers().public_numbers.n


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_numbers_of_common_tools_belong_together(bits):
    key = keys.rsa_private_key(bits)

    loaded = load_checked(key.private_numbers())

    assert loaded.private_numbers() == key.private_numbers()


def test_the_private_exponent_may_belong_to_the_product_instead_of_the_lowest_multiple():
    p, q = good().p, good().q
    numbers = key_of(p, q, d=pow(65537, -1, (p - 1) * (q - 1)))

    assert load_checked(numbers).private_numbers() == numbers


@pytest.mark.parametrize("name", ["d", "dmp1", "dmq1", "iqmp"])
@pytest.mark.parametrize("by", [-2, 2, 1 << 4096], ids=["smaller", "larger", "endless"])
def test_one_number_of_another_value_is_refused(name, by):
    with pytest.raises(KeyInvalid, match="do not belong together"):
        load_checked(key_of(good().p, good().q, **{name: getattr(good(), name) + by}))


@pytest.mark.parametrize(
    ("name", "modulus"),
    [
        pytest.param("d", math.lcm(good().p - 1, good().q - 1) * 2**1100, id="d"),
        pytest.param("dmp1", good().p - 1, id="dp"),
        pytest.param("dmq1", good().q - 1, id="dq"),
        pytest.param("iqmp", good().p, id="qi"),
    ],
)
def test_one_number_that_is_right_but_not_reduced_is_refused(name, modulus):
    unreduced = getattr(good(), name) + modulus

    with pytest.raises(KeyInvalid, match="do not belong together"):
        load_checked(key_of(good().p, good().q, **{name: unreduced}))


@pytest.mark.parametrize("other", ["p", "q"])
def test_a_factor_that_is_no_prime_is_refused_though_all_numbers_follow_from_it(other):
    p, q = {"p": (composite(), good().q), "q": (good().p, composite())}[other]

    with pytest.raises(KeyInvalid, match="do not belong together"):
        load_checked(key_of(p, q, e=257))


def test_an_even_factor_is_refused():
    with pytest.raises(KeyInvalid, match="do not belong together"):
        load_checked(key_of(3**640 - 1, good().q, e=257))


@given(
    st.lists(st.sampled_from(PRIMES), min_size=2, max_size=2, unique=True),
    st.sampled_from([3, 5, 17, 257]),
    st.data(),
)
def test_the_factors_of_small_keys_are_found_or_said_not_to_be(primes, e, data):
    p, q = sorted(primes, reverse=True)
    least = math.lcm(p - 1, q - 1)
    d = data.draw(st.integers(1, 4 * p * q))
    try:
        found = factors(p * q, e, d)
    except ValueError:
        return
    assert found == (p, q) or e * d % least != 1


@pytest.mark.parametrize("bits", [2048, 4096])
@pytest.mark.parametrize("times", [0, 1, 5], ids=["least", "next", "later"])
def test_the_factors_are_found_by_any_private_exponent(bits, times):
    numbers = keys.rsa_private_key(bits).private_numbers()
    p, q = numbers.p, numbers.q
    least = math.lcm(p - 1, q - 1)

    found = factors(p * q, 65537, pow(65537, -1, least) + times * least)

    assert found == (max(p, q), min(p, q))


def test_the_factors_are_found_where_they_have_much_in_common():
    # For the equations it is of no matter that these are no primes.
    common = 2 * 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23
    p, q = common * 3**600 + 1, common * 5**400 + 1
    d = pow(65537, -1, math.lcm(p - 1, q - 1))

    assert factors(p * q, 65537, d) == (max(p, q), min(p, q))


@pytest.mark.parametrize("d", [-1, 0, 1, 2, 3, 1 << 2047, 1 << 90_000], ids=lambda d: hex(d)[:9])
def test_a_wrong_private_exponent_has_no_factors(d):
    with pytest.raises(ValueError):  # noqa: PT011 - it has no message
        factors(good().public_numbers.n, 65537, d)


def test_a_modulus_that_is_a_prime_has_no_factors_and_that_is_told_at_once():
    n = int(PRIME, 16)
    members = {"n": n, "e": 65537, "d": pow(65537, -1, n - 1)}
    jwk = {name: number(value) for name, value in members.items()} | {"kty": "RSA"}
    begun = time.process_time()

    with pytest.raises(KeyInvalid, match="do not belong together"):
        key_set.parse(json.dumps(jwk).encode(), key_id=None, algorithm=None)

    assert time.process_time() - begun < 1


def number(value: int) -> str:
    """As a JWK has it (RFC 7518 §2)."""
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()


def test_a_key_that_signs_wrongly_has_no_assertion():
    numbers = key_of(composite(), good().q, e=257)
    der = numbers.private_key(unsafe_skip_rsa_key_validation=True).private_bytes(*PLAIN)

    assert_signs_nothing(SigningKey("k", "RS384", "t", der))


def test_material_that_is_no_key_has_no_assertion():
    assert_signs_nothing(SigningKey("k", "RS384", "t", b"nothing"))


def test_an_algorithm_of_another_kind_of_key_has_no_assertion():
    ec = key_set.parse(keys.ec_pem().encode(), key_id=None, algorithm=None).first

    assert_signs_nothing(replace(ec, algorithm="RS384"))


def assert_signs_nothing(key: SigningKey) -> None:
    with pytest.raises(KeyInvalid, match="does not verify with its public half") as caught:
        signing.sign(
            key,
            client_id="client",
            audience="https://redox.example/token",
            issued_at=1_700_000_000.0,
            lifetime=300,
            assertion_type="JWT",
            jti="once",
        )
    assert caught.value.__cause__ is None
