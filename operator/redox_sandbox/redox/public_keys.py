"""Public keys of clients, as JWKs (RFC 7517), and their parsed forms."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import urlsafe_b64decode

JWK = Mapping[str, Any]
_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_MINIMUM_RSA_BYTES = 2048 // 8


class PublicKeyInvalid(ValueError):
    """A JWK that cannot verify a signature; the text says why and names no key material."""


def check_key_set(value: object) -> tuple[JWK, ...]:
    """The keys of a JWK Set whose form is good. Raises `PublicKeyInvalid`.

    Keys of other types than RSA and EC are left out, as RFC 7517 §5 asks.
    """
    if not isinstance(value, Mapping) or not isinstance(value.get("keys"), Sequence):
        raise PublicKeyInvalid("a JWK Set is an object with a list `keys`")
    return tuple(key for entry in value["keys"] if (key := _check(entry)) is not None)


def parsed(key: JWK) -> RSAKey | ECKey:
    """The key in the form that verifies. Raises `PublicKeyInvalid`."""
    return _parse(key["kty"], tuple(key[name] for name in _MEMBERS[key["kty"]]))


def _check(entry: object) -> JWK | None:
    if not isinstance(entry, Mapping):
        raise PublicKeyInvalid("each entry of `keys` is a JWK")
    if not isinstance(entry.get("kid"), str) or not isinstance(entry.get("kty"), str):
        raise PublicKeyInvalid("each JWK needs `kid` and `kty`")
    if _PRIVATE_MEMBERS & entry.keys():
        raise PublicKeyInvalid("a JWK holds a private key: list the public one only")
    members = _MEMBERS.get(entry["kty"])
    if members is None or entry.get("use", "sig") != "sig":
        return None
    if not all(isinstance(entry.get(name), str) for name in members):
        raise PublicKeyInvalid(f"a JWK of type {entry['kty']} needs {', '.join(members)}")
    return entry


# By content, so that a re-read of the clients file parses nothing anew.
@functools.lru_cache(maxsize=16384)
def _parse(key_type: str, members: tuple[str, ...]) -> RSAKey | ECKey:
    named: dict[str, str | list[str]] = {"kty": key_type}
    named.update(zip(_MEMBERS[key_type], members, strict=True))
    try:
        if key_type == "RSA":
            if len(urlsafe_b64decode(members[0].encode()).lstrip(b"\0")) < _MINIMUM_RSA_BYTES:
                raise PublicKeyInvalid("the RSA key is smaller than 2048 bits (RFC 7518 §3.3)")
            key: RSAKey | ECKey = RSAKey.import_key(named)
        else:
            key = ECKey.import_key(named)
        # The key object is built lazily; building it here finds a broken one.
        key.get_op_key("verify")
    except (ValueError, TypeError, KeyError, JoseError) as error:
        if isinstance(error, PublicKeyInvalid):
            raise
        raise PublicKeyInvalid("the public key with this kid is not a valid one") from None
    return key
