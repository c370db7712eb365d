"""Test keys, made once per process and cached: a new RSA key costs a tenth of a second or more.

Two calls with the same arguments give the same key; `number` tells several of one kind apart.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import ECKey, RSAKey

CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
_FORMATS = {
    "pkcs8": serialization.PrivateFormat.PKCS8,
    "pkcs1": serialization.PrivateFormat.TraditionalOpenSSL,
    "sec1": serialization.PrivateFormat.TraditionalOpenSSL,
}
_PUBLIC_MEMBERS = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}


def rsa_private_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    """An RSA private key of the `cryptography` library."""
    return _rsa_private_key(bits, number)


def ec_private_key(curve: str = "P-256", number: int = 0) -> ec.EllipticCurvePrivateKey:
    """An EC private key of the `cryptography` library on P-256, P-384 or P-521."""
    return _ec_private_key(curve, number)


def rsa_pem(bits: int = 2048, form: str = "pkcs8", number: int = 0) -> str:
    """An RSA private key as PEM: `pkcs8` (BEGIN PRIVATE KEY) or `pkcs1` (BEGIN RSA PRIVATE KEY)."""
    return _pem(rsa_private_key(bits, number), form)


def ec_pem(curve: str = "P-256", form: str = "pkcs8", number: int = 0) -> str:
    """An EC private key as PEM: `pkcs8` (BEGIN PRIVATE KEY) or `sec1` (BEGIN EC PRIVATE KEY)."""
    return _pem(ec_private_key(curve, number), form)


def jwk(
    kind: str = "RSA",
    *,
    kid: str | None = None,
    alg: str | None = None,
    bits: int = 2048,
    number: int = 0,
) -> dict[str, Any]:
    """A private JWK (RFC 7517); `kind` is `RSA`, `P-256`, `P-384` or `P-521`.

    `kid` and `alg` appear in it only when given. The key is that of `rsa_pem` or `ec_pem`.
    """
    return _named(_private_members(kind, bits, number), kid, alg)


def jwk_set(keys: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A JWK Set (RFC 7517 §5) of these JWKs, in this order."""
    return {"keys": list(keys)}


def public_jwk(
    key: str | dict[str, Any], *, kid: str | None = None, alg: str | None = None
) -> dict[str, Any]:
    """The public JWK of a private PEM or JWK.

    Its `kid` is the argument, else the JWK's own, else the RFC 7638 thumbprint.
    """
    private = _members_of_pem(key) if isinstance(key, str) else key
    public = {name: private[name] for name in _PUBLIC_MEMBERS[private["kty"]]}
    return _named(
        public, kid or private.get("kid") or thumbprint(private), alg or private.get("alg")
    )


def thumbprint(key: str | dict[str, Any]) -> str:
    """The RFC 7638 thumbprint of a PEM or JWK: SHA-256, base64url, 43 characters."""
    members = _members_of_pem(key) if isinstance(key, str) else key
    public = {name: members[name] for name in _PUBLIC_MEMBERS[members["kty"]]}
    return (RSAKey if members["kty"] == "RSA" else ECKey).import_key(public).thumbprint()


def client_entry(
    client_id: str, *keys: str | dict[str, Any] | tuple[str | dict[str, Any], str], **more: Any
) -> dict[str, Any]:
    """One entry of the sandbox's `clients`: this client with the public half of these keys.

    A key is a PEM, a JWK or a pair of one and the `kid` to publish it under;
    `more` are further fields, such as `userLevel=True` or `jwksUrl="…"`.
    """
    pairs = [key if isinstance(key, tuple) else (key, None) for key in keys]
    public = [public_jwk(key, kid=kid) for key, kid in pairs]
    return {"clientId": client_id, **({"jwks": jwk_set(public)} if public else {}), **more}


# Apart from the public functions, whose defaults would be another key to the cache.
@functools.cache
def _rsa_private_key(bits: int, number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@functools.cache
def _ec_private_key(curve: str, number: int) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(CURVES[curve])


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, form: str) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, _FORMATS[form], serialization.NoEncryption()
    ).decode()


def _named(members: dict[str, Any], kid: str | None, alg: str | None) -> dict[str, Any]:
    return {**members, **({"kid": kid} if kid else {}), **({"alg": alg} if alg else {})}


@functools.cache
def _private_members(kind: str, bits: int, number: int) -> dict[str, Any]:
    if kind == "RSA":
        return dict(RSAKey.import_key(rsa_private_key(bits, number)).as_dict(private=True))
    return dict(ECKey.import_key(ec_private_key(kind, number)).as_dict(private=True))


@functools.cache
def _members_of_pem(pem: str) -> dict[str, Any]:
    key = serialization.load_pem_private_key(
        pem.encode(), password=None, unsafe_skip_rsa_key_validation=True
    )
    imported = RSAKey if isinstance(key, rsa.RSAPrivateKey) else ECKey
    return dict(imported.import_key(key).as_dict(private=True))
