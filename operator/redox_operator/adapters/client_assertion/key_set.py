"""The value of a key Secret, a PEM, a JWK or a private JWK Set, becomes the keys that sign.

Slow, and it reads what tenants wrote: only the child process calls this.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

from redox_operator.adapters.client_assertion import header
from redox_operator.adapters.client_assertion.json_document import read_json
from redox_operator.adapters.client_assertion.jwk import Members, read_jwk
from redox_operator.adapters.client_assertion.pem import looks_like_pem, read_pem
from redox_operator.adapters.client_assertion.unchecked_key import UncheckedKey, export
from redox_operator.domain.errors import KeyInvalid
from redox_operator.domain.private_key import (
    MAX_KEYS,
    KeySet,
    KeySetSummary,
    KeySummary,
    SigningKey,
)

Key = TypeVar("Key", SigningKey, KeySummary)
Use = Callable[[UncheckedKey, KeySummary], Key]
"""Makes the result for one key from it and from what it is called."""

_EMPTY = "The private key's value is empty: store a PEM, a JWK or a private JWK Set in it."
_DUPLICATE = "Two keys of the JWK Set have the same `kid`: give each its own."


def parse(
    content: bytes,
    *,
    key_id: str | None,
    algorithm: str | None,
    checking: Callable[[], None] = lambda: None,
) -> KeySet:
    """All keys, each checked. `checking` is called before each check.

    Raises `KeyInvalid`, one sentence for each fault.
    """

    def use(unchecked: UncheckedKey, name: KeySummary) -> SigningKey:
        checking()
        material = export(unchecked.load())
        return SigningKey(name.key_id, name.algorithm, name.thumbprint, material)

    return KeySet(_keys(content, key_id, algorithm, use))


def inspect(content: bytes, *, key_id: str | None, algorithm: str | None) -> KeySetSummary:
    """The same without the check of RSA numbers: enough to tell whether a key changed."""

    def use(unchecked: UncheckedKey, name: KeySummary) -> KeySummary:
        if not unchecked.is_rsa:
            unchecked.load()
        return name

    return KeySetSummary(_keys(content, key_id, algorithm, use))


def _keys(
    content: bytes, key_id: str | None, algorithm: str | None, use: Use[Key]
) -> tuple[Key, ...]:
    if not content.strip():
        raise KeyInvalid(_EMPTY)
    if looks_like_pem(content):
        return (_one(read_pem(content), key_id, algorithm, use),)
    document = read_json(content)
    if "keys" not in document:
        return (_one(read_jwk(document), key_id, algorithm, use),)
    keys = []
    for position, members in _select(_members(document["keys"]), key_id):
        with _naming(position):
            keys.append(_one(read_jwk(members), key_id, algorithm, use))
    if len({key.key_id for key in keys}) < len(keys):
        raise KeyInvalid(_DUPLICATE)
    return tuple(keys)


def _one(unchecked: UncheckedKey, key_id: str | None, algorithm: str | None, use: Use[Key]) -> Key:
    fitting = header.algorithm(unchecked, algorithm)
    thumbprint = unchecked.thumbprint
    name = KeySummary(header.kid(key_id, unchecked.kid) or thumbprint, fitting, thumbprint)
    return use(unchecked, name)


def _members(keys: object) -> list[Members]:
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise KeyInvalid(
            "The JWK Set's `keys` is no list of JWKs: store the set as it was exported."
        )
    if not keys:
        raise KeyInvalid("The JWK Set is empty: store at least one private key in its `keys`.")
    if len(keys) > MAX_KEYS:
        raise KeyInvalid(
            f"The JWK Set holds more than {MAX_KEYS} keys: remove those that are no longer in use."
        )
    return keys


def _select(keys: list[Members], key_id: str | None) -> list[tuple[int, Members]]:
    """With the key's place in the set, counted from 1."""
    numbered = list(enumerate(keys, start=1))
    if key_id is None:
        return numbered
    chosen = [(position, members) for position, members in numbered if _is(members, key_id)]
    if not chosen:
        raise KeyInvalid(
            f"No key of the JWK Set has the `kid` {key_id}: correct spec.privateKey.keyId, or add "
            "that key to the set."
        )
    if len(chosen) > 1:
        raise KeyInvalid(_DUPLICATE)
    return chosen


def _is(members: Members, key_id: str) -> bool:
    if "kid" in members:
        return members["kid"] == key_id
    try:
        return read_jwk(members).thumbprint == key_id
    except KeyInvalid:
        return False


@contextlib.contextmanager
def _naming(position: int) -> Iterator[None]:
    """Says which key of the set a fault is about: by its place, for its `kid` is content."""
    try:
        yield
    except KeyInvalid as fault:
        raise KeyInvalid(f"Key {position} of the JWK Set: {fault.message}") from None
