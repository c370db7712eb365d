"""A private key as found in a Secret, and whether it may sign (RFC 7518 §3.1)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from redox_operator.domain.errors import KeyInvalid

MIN_RSA_BITS, MAX_RSA_BITS = 2048, 4096
RSA_ALGORITHMS = ("RS384", "RS256", "RS512", "PS256", "PS384", "PS512")
"""The first is used when nobody asks for one: what SMART servers must support, and Redox shows."""

CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
"""Names of the curves: the library's, and RFC 7518 §6.2.1.1's."""

_CURVE_ALGORITHMS = {"P-256": ("ES256",), "P-384": ("ES384",), "P-521": ("ES512",)}
_COORDINATE_BYTES = {"P-256": 32, "P-384": 48, "P-521": 66}

KINDS = (
    "The private key is of a kind that cannot sign here: use an RSA key of 2048 to 4096 bits or an "
    "EC key on P-256, P-384 or P-521."
)


@dataclass(frozen=True, slots=True)
class UncheckedKey:
    """A private key of a known kind whose numbers nobody has checked yet."""

    public_numbers: RSAPublicNumbers | EllipticCurvePublicNumbers = field(repr=False)
    load: Callable[[], RSAPrivateKey | EllipticCurvePrivateKey] = field(repr=False)
    """Checks that the numbers belong together: up to 2.5 ms for RSA. Raises `KeyInvalid`."""
    kid: str | None = field(default=None, repr=False)
    """The JWK's own."""
    algorithm: str | None = field(default=None, repr=False)
    """The JWK's own `alg`."""

    @property
    def is_rsa(self) -> bool:
        """Whether loading it uses the private key, which inspecting does without."""
        return isinstance(self.public_numbers, RSAPublicNumbers)

    @property
    def thumbprint(self) -> str:
        """RFC 7638, SHA-256, base64url: equal for a key in whatever format."""
        members = _required_members(self.public_numbers)
        canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
        return _base64url(hashlib.sha256(canonical).digest())

    def algorithms(self) -> tuple[str, ...]:
        """The algorithms that fit, the default first. Raises `KeyInvalid`: wrong size or curve."""
        numbers = self.public_numbers
        if isinstance(numbers, RSAPublicNumbers):
            _check_rsa_size(numbers)
            return RSA_ALGORITHMS
        curve = CURVES.get(numbers.curve.name)
        if curve is None:
            raise KeyInvalid(
                "The EC key is on a curve that no allowed algorithm uses: generate one on P-256, "
                "P-384 or P-521."
            )
        return _CURVE_ALGORITHMS[curve]


def export(key: RSAPrivateKey | EllipticCurvePrivateKey) -> bytes:
    """PKCS#8 in DER: what the signer loads."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _check_rsa_size(numbers: RSAPublicNumbers) -> None:
    bits = numbers.n.bit_length()
    if bits < MIN_RSA_BITS:
        raise KeyInvalid(
            f"The RSA key is smaller than {MIN_RSA_BITS} bits: generate one of {MIN_RSA_BITS} to "
            f"{MAX_RSA_BITS} bits."
        )
    if bits > MAX_RSA_BITS:
        raise KeyInvalid(
            f"The RSA key is larger than {MAX_RSA_BITS} bits: generate one of {MIN_RSA_BITS} to "
            f"{MAX_RSA_BITS} bits."
        )


def _required_members(numbers: RSAPublicNumbers | EllipticCurvePublicNumbers) -> dict[str, str]:
    if isinstance(numbers, RSAPublicNumbers):
        return {"kty": "RSA", "n": _integer(numbers.n), "e": _integer(numbers.e)}
    curve = CURVES[numbers.curve.name]
    size = _COORDINATE_BYTES[curve]
    return {
        "kty": "EC",
        "crv": curve,
        "x": _integer(numbers.x, size),
        "y": _integer(numbers.y, size),
    }


def _integer(value: int, size: int | None = None) -> str:
    return _base64url(value.to_bytes(size or max(1, (value.bit_length() + 7) // 8), "big"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
