"""A private JWK (RFC 7517, RFC 7518 §6): RSA or EC."""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from redox_operator.adapters.client_assertion.rsa_check import INCONSISTENT, load_checked
from redox_operator.adapters.client_assertion.rsa_factors import factors as factors_of
from redox_operator.adapters.client_assertion.unchecked_key import KINDS, UncheckedKey
from redox_operator.domain.errors import KeyInvalid

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_FACTORS = ("p", "q", "dp", "dq", "qi")
_CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}

Members = Mapping[str, object]


def read_jwk(members: Members) -> UncheckedKey:
    """The private key of a JWK. Raises `KeyInvalid`, one sentence for each fault."""
    kty = members.get("kty")
    if kty == "oct":
        raise KeyInvalid(
            "The JWK holds a symmetric key (`kty` oct), which cannot sign here: use an RSA or EC "
            "key."
        )
    if kty == "OKP":
        raise KeyInvalid(KINDS)
    if kty not in ("RSA", "EC"):
        raise KeyInvalid("The JWK's `kty` is neither RSA nor EC: store the JWK as it was exported.")
    if "d" not in members:
        raise KeyInvalid(
            "The JWK holds a public key but no private one: store the private JWK that belongs to "
            "it."
        )
    _check_use(members)
    return _read_rsa(members) if kty == "RSA" else _read_ec(members)


def _check_use(members: Members) -> None:
    use, operations = members.get("use", "sig"), members.get("key_ops", ["sign"])
    if use != "sig":
        raise KeyInvalid(
            "The JWK's `use` is not `sig`, so it is not meant to sign: store the signing key, or "
            "correct `use`."
        )
    if not isinstance(operations, list) or "sign" not in operations:
        raise KeyInvalid(
            "The JWK's `key_ops` does not contain `sign`, so it is not meant to sign: store the "
            "signing key, or correct `key_ops`."
        )


def _read_rsa(members: Members) -> UncheckedKey:
    if "oth" in members:
        raise KeyInvalid(
            "The RSA key has more than two primes, which is not supported: generate one with two."
        )
    present = [name for name in _FACTORS if name in members]
    if present and len(present) < len(_FACTORS):
        raise KeyInvalid(
            "The JWK lacks one of `p`, `q`, `dp`, `dq` and `qi`: store all five of them, or none."
        )
    public = rsa.RSAPublicNumbers(_integer(members, "e"), _integer(members, "n"))
    factors = tuple(_integer(members, name) for name in present)
    return UncheckedKey(
        public_numbers=public,
        load=functools.partial(_load_rsa, public, _integer(members, "d"), factors),
        kid=_kid(members),
        algorithm=_algorithm(members),
    )


def _load_rsa(public: rsa.RSAPublicNumbers, d: int, factors: tuple[int, ...]) -> rsa.RSAPrivateKey:
    try:
        if factors:
            p, q, dp, dq, qi = factors
        else:
            p, q = factors_of(public.n, public.e, d)
            dp, dq = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q)
            qi = rsa.rsa_crt_iqmp(p, q)
        return load_checked(rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public))
    except (ValueError, ZeroDivisionError):
        raise KeyInvalid(INCONSISTENT) from None


def _read_ec(members: Members) -> UncheckedKey:
    name = members.get("crv")
    curve = _CURVES.get(name) if isinstance(name, str) else None
    if curve is None:
        raise KeyInvalid(
            "The EC key is on a curve that no allowed algorithm uses: generate one on P-256, "
            "P-384 or P-521."
        )
    x, y = _integer(members, "x"), _integer(members, "y")
    if max(x, y).bit_length() > curve.key_size:
        raise KeyInvalid(INCONSISTENT)
    public = ec.EllipticCurvePublicNumbers(x, y, curve)
    private = ec.EllipticCurvePrivateNumbers(_integer(members, "d"), public)
    return UncheckedKey(
        public_numbers=public,
        load=functools.partial(_load_ec, private),
        kid=_kid(members),
        algorithm=_algorithm(members),
    )


def _load_ec(private: ec.EllipticCurvePrivateNumbers) -> ec.EllipticCurvePrivateKey:
    try:
        return private.private_key()
    except ValueError:
        raise KeyInvalid(INCONSISTENT) from None


def _kid(members: Members) -> str | None:
    kid = members.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise KeyInvalid("The JWK's `kid` is no string: write it in quotation marks.")
    return kid


def _algorithm(members: Members) -> str | None:
    algorithm = members.get("alg")
    if algorithm is not None and not isinstance(algorithm, str):
        raise KeyInvalid("The JWK's `alg` is no string: correct it, or leave it out.")
    return algorithm


def _integer(members: Members, name: str) -> int:
    """The base64url number of a member (RFC 7518 §2, Base64urlUInt); padding is forgiven."""
    value = members.get(name)
    text = value.rstrip("=") if isinstance(value, str) else ""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise KeyInvalid(
            f"The JWK's `{name}` is missing or no base64url number: store the JWK as it was "
            "exported."
        )
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
