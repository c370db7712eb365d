"""What a key is called and what it signs with: the spec first, then the JWK, then the default."""

from __future__ import annotations

import re

from redox_operator.adapters.client_assertion.unchecked_key import UncheckedKey
from redox_operator.domain.errors import KeyInvalid

_KID = re.compile(r"[\x21-\x7e]{1,256}")


def algorithm(unchecked: UncheckedKey, asked: str | None) -> str:
    """The `alg` of the header. Raises `KeyInvalid` where spec, JWK and key do not agree."""
    fitting = unchecked.algorithms()
    own = unchecked.algorithm
    if asked is not None and asked not in fitting:
        raise KeyInvalid(
            f"spec.algorithm {asked} does not fit the private key: write {_either(fitting)}, leave "
            "it out, or store another key."
        )
    if own is not None and own not in fitting:
        raise KeyInvalid(
            "The JWK's `alg` does not fit its key: write "
            f"{_either(fitting)} there, or leave it out."
        )
    if asked is not None and own is not None and asked != own:
        raise KeyInvalid(
            f"spec.algorithm {asked} is not the JWK's own `alg`: leave one of the two out, or make "
            "them equal."
        )
    return asked or own or fitting[0]


def kid(asked: str | None, own: str | None) -> str | None:
    """The `kid` of the header, or None for the thumbprint. Raises `KeyInvalid`."""
    if asked is not None:
        if not _KID.fullmatch(asked):
            raise KeyInvalid(
                "spec.privateKey.keyId is not 1 to 256 printable ASCII characters without spaces: "
                "write the key's `kid`, or leave it out."
            )
        return asked
    if own is not None and not _KID.fullmatch(own):
        raise KeyInvalid(
            "The JWK's `kid` is not 1 to 256 printable ASCII characters without spaces: write such "
            "a `kid` there, or name one in spec.privateKey.keyId."
        )
    return own


def _either(names: tuple[str, ...]) -> str:
    *rest, last = sorted(names)
    return f"{', '.join(rest)} or {last}" if rest else last
