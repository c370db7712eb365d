"""Client assertions (RFC 7523 §3): a signed JWT that says who asks for a token."""

from __future__ import annotations

import functools
import math
import secrets

from cryptography.exceptions import InternalError
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from redox_operator.domain.errors import KeyInvalid
from redox_operator.domain.private_key import SigningKey

MAX_LOADED_KEYS = 2048
"""An RSA key that has signed holds 11 KiB."""

_SIGNS_WRONGLY = (
    "What the private key signs does not verify with its public half: store the key again as it "
    "was exported, or generate another."
)


def new_jti() -> str:
    """An identifier that never repeats (RFC 7519 §4.1.7): 192 random bits, base64url."""
    return secrets.token_urlsafe(24)


def sign(
    key: SigningKey,
    *,
    client_id: str,
    audience: str,
    issued_at: float,
    lifetime: int,
    assertion_type: str,
    jti: str,
) -> str:
    """A client assertion in compact form, for one request only.

    `issued_at` becomes `iat`, in seconds since the epoch, rounded down; the caller has already
    moved it back by what clocks may differ. `exp` is `lifetime` seconds later. `assertion_type` is
    the `typ` header.

    Raises `KeyInvalid` where the signature does not verify with the key's own public half: such an
    assertion would be refused, and a faulty RSA signature can tell the private key (Boneh, DeMillo
    and Lipton, 1997).
    """
    iat = math.floor(issued_at)
    header = {"alg": key.algorithm, "kid": key.key_id, "typ": assertion_type}
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": iat,
        "exp": iat + lifetime,
        "jti": jti,
    }
    try:
        loaded = _load(key.material)
        assertion = jwt.encode(header, claims, loaded, algorithms=[key.algorithm])
        jws.deserialize_compact(assertion, loaded, algorithms=[key.algorithm])
    except (ValueError, InternalError, JoseError):
        raise KeyInvalid(_SIGNS_WRONGLY) from None
    return assertion


@functools.lru_cache(maxsize=MAX_LOADED_KEYS)
def _load(material: bytes) -> RSAKey | ECKey:
    # Its numbers were checked when it was parsed; here that would hold the event loop.
    key = load_der_private_key(material, password=None, unsafe_skip_rsa_key_validation=True)
    if isinstance(key, RSAPrivateKey):
        return RSAKey.import_key(key)
    if isinstance(key, EllipticCurvePrivateKey):
        return ECKey.import_key(key)
    raise TypeError("a signing key is RSA or EC")
