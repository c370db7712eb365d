"""The client assertion: a JWT signed by the client (RFC 7523 §3, SMART Backend Services).

`read` looks at what can be known without a key, `verify` at the rest. Both raise `Refusal`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jws import CompactSignature, JWSRegistry

from . import refusal
from .public_keys import JWK, PublicKeyInvalid, parsed
from .refusal import Refusal, blank, unexpected

KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC"}
ALGORITHMS = frozenset(family + size for family in KEY_TYPES for size in ("256", "384", "512"))

MAX_AGE_SECONDS = 300
"""`iat` must be within the past five minutes; `exp` may be that far after it."""

SKEW_SECONDS = 10
"""How far ahead of the server's clock `iat` may be."""


class _Registry(JWSRegistry):
    # A key ID of 256 characters beside a `jku` does not fit the library's 512 bytes.
    max_header_length = 4096


_REGISTRY = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """An assertion as sent, its signature not yet verified."""

    key_id: str
    algorithm: str
    issuer: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: CompactSignature = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a valid assertion is remembered by: its `jti`, and `exp` in seconds since 1970."""

    jti: str
    expires: int


def read(text: str) -> ClientAssertion:
    """Decode an assertion and check its header and issuer."""
    try:
        signed = jws.extract_compact(text.encode("ascii"), registry=_REGISTRY)
        header, claims = signed.headers(), json.loads(signed.payload or b"")
    except (ValueError, TypeError, AttributeError, RecursionError, JoseError):
        raise blank("client_assertion is not a JWT") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise blank("the JWT's header or claims are not a JSON object")
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not key_id:
        raise Refusal(refusal.KID_REQUIRED, "the header has no kid")
    if header.get("typ", "JWT") != "JWT":
        raise unexpected("typ", "the header's typ is not JWT")
    if "crit" in header:
        raise unexpected("crit", "the header lists critical extensions, and none is known here")
    algorithm = header["alg"]
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise blank("alg is none of RS, PS or ES with 256, 384 or 512")
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise unexpected("iss", "iss is missing or not a text")
    return ClientAssertion(key_id, algorithm, issuer, header, claims, signed)


def verify(
    assertion: ClientAssertion,
    keys: Sequence[JWK],
    *,
    audience: str,
    now: float,
    key_set_url: str | None = None,
) -> Verified:
    """Check signature and claims with the client's public keys, at `now` (seconds since 1970)."""
    key = _select(keys, assertion.key_id, KEY_TYPES[assertion.algorithm[:2]])
    if assertion.header.get("jku", key_set_url) != key_set_url:
        raise unexpected("jku", "jku is not the registered JWKS URL")
    if key["kty"] != KEY_TYPES[assertion.algorithm[:2]]:
        raise blank("alg does not fit the type of the public key")
    if key.get("alg", assertion.algorithm) != assertion.algorithm:
        raise blank("alg is not the one that the public key is registered for")
    try:
        valid = jws.validate_compact(assertion.signed, parsed(key), registry=_REGISTRY)
    except PublicKeyInvalid as error:
        raise Refusal(refusal.KEY_NOT_FOUND, str(error)) from None
    except JoseError:
        raise blank("alg does not fit the public key, or a header is ill formed") from None
    if not valid:
        raise blank("the signature does not match the public key")
    return _check_claims(assertion.claims, audience, now)


def _select(keys: Sequence[JWK], key_id: str, key_type: str) -> JWK:
    """The one key with this `kid`; the key type decides only between several (SMART App Launch)."""
    candidates = [key for key in keys if key.get("kid") == key_id]
    if len(candidates) > 1:
        candidates = [key for key in candidates if key["kty"] == key_type]
    if not candidates:
        raise Refusal(refusal.KEY_NOT_FOUND, "the client has no public key with this kid")
    if len(candidates) > 1:
        raise Refusal(refusal.KEY_NOT_FOUND, "several public keys have this kid and key type")
    return candidates[0]


def _check_claims(claims: Mapping[str, Any], audience: str, now: float) -> Verified:
    if claims.get("sub") != claims["iss"]:
        raise unexpected("sub", "sub is missing or not equal to iss")
    if not isinstance(claims.get("aud"), str):
        raise unexpected("aud", "aud is missing or not a text")
    if claims["aud"] != audience:
        raise blank("aud is not the token URL")
    issued_at, expires = _date(claims, "iat"), _date(claims, "exp")
    if not now - MAX_AGE_SECONDS <= issued_at <= now + SKEW_SECONDS:
        raise blank("iat is not within the past 5 minutes")
    if expires <= now:
        raise unexpected("exp", "exp has passed")
    if expires > issued_at + MAX_AGE_SECONDS:
        raise unexpected("exp", "exp is more than 5 minutes after iat")
    if "nbf" in claims and _date(claims, "nbf") > now + SKEW_SECONDS:
        raise unexpected("nbf", "nbf is in the future")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        raise unexpected("jti", "jti is missing or not a text")
    return Verified(jti, expires)


def _date(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise unexpected(name, f"{name} is missing or not a whole number of seconds")
    return value
