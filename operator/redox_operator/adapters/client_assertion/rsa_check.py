"""Whether the numbers of an RSA key belong together (RFC 8017 §3.2), without asking for primes.

Testing the factors of 4096 bits for being prime takes 200 ms of a core; all else about a key takes
2.5 ms. Factors that are no primes make signatures that do not verify, so a signature is made on
trial and verified instead.
"""

from __future__ import annotations

from cryptography.exceptions import InternalError, InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPrivateNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from redox_operator.domain.errors import KeyInvalid

INCONSISTENT = (
    "The private key's numbers do not belong together: store the key again as it was exported, or "
    "generate another."
)
_UNUSUAL = (
    "The RSA key's numbers are of unusual size, which makes signing slow: generate a key with "
    "exponent 65537 and two primes of equal length, as every common tool does."
)
_TRIAL = b"a signature on trial"


def load_checked(numbers: RSAPrivateNumbers) -> RSAPrivateKey:
    """The private key of these numbers. Raises `KeyInvalid` where they do not make one.

    It signs, which a key of someone's devising may turn into anything: in the child process only.
    """
    check_rsa_shape(
        modulus=numbers.public_numbers.n,
        exponent=numbers.public_numbers.e,
        primes=(numbers.p, numbers.q),
    )
    if not _belong_together(numbers):
        raise KeyInvalid(INCONSISTENT)
    try:
        key = numbers.private_key(unsafe_skip_rsa_key_validation=True)
        signature = key.sign(_TRIAL, PKCS1v15(), SHA256())
        key.public_key().verify(signature, _TRIAL, PKCS1v15(), SHA256())
    except (ValueError, InternalError, InvalidSignature):
        raise KeyInvalid(INCONSISTENT) from None
    return key


def check_rsa_shape(*, modulus: int, exponent: int, primes: tuple[int, int]) -> None:
    """Refuse what a consistency check would accept, but what signs many times slower.

    With a prime of nearly the modulus' size, or an exponent of that size, one signature takes
    20 ms on the event loop.
    """
    half = modulus.bit_length() // 2
    if exponent.bit_length() > 64 or any(abs(p.bit_length() - half) > 64 for p in primes):
        raise KeyInvalid(_UNUSUAL)


def _belong_together(numbers: RSAPrivateNumbers) -> bool:
    """The equations of RFC 8017 §3.2; each number is also as small as it can be."""
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    p, q, d = numbers.p, numbers.q, numbers.d
    return (
        p * q == n
        and n % 2 == 1
        and 0 < d < n
        and e * d % (p - 1) == 1
        and e * d % (q - 1) == 1
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and 0 < numbers.iqmp < p
        and numbers.iqmp * q % p == 1
    )
