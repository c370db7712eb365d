"""What the operator knows of a private key without holding it: names and kinds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

MAX_CONTENT_BYTES = 16 * 1024
"""Largest value of a key Secret: eight RSA-2048 JWKs fit, or five of RSA-4096."""

MAX_KEYS = 8
"""Most keys of a JWK Set."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One usable private key of a key Secret, checked once."""

    key_id: str
    """`kid` of the assertion's header: the spec's, else the JWK's own, else the thumbprint."""
    algorithm: str
    """`alg` of the assertion's header (RFC 7518 §3.1)."""
    thumbprint: str
    """RFC 7638, SHA-256, base64url."""
    material: bytes = field(repr=False)
    """PKCS#8 DER, checked; for the signer only."""

    @property
    def summary(self) -> KeySummary:
        """The same without the material."""
        return KeySummary(self.key_id, self.algorithm, self.thumbprint)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The private keys of a key Secret, in the author's order; the first one signs."""

    keys: tuple[SigningKey, ...]

    @property
    def first(self) -> SigningKey:
        """The key that signs, and whose thumbprint stands for the Secret."""
        return self.keys[0]

    @property
    def summary(self) -> KeySetSummary:
        """The same without the material."""
        return KeySetSummary(tuple(key.summary for key in self.keys))


@dataclass(frozen=True, slots=True)
class KeySummary:
    """What tells a key from another. It cannot sign, and its numbers may be unchecked."""

    key_id: str
    algorithm: str
    thumbprint: str


@dataclass(frozen=True, slots=True)
class KeySetSummary:
    """The keys of a key Secret as far as telling a change needs, in the author's order."""

    keys: tuple[KeySummary, ...]

    @property
    def first(self) -> KeySummary:
        """The key whose thumbprint stands for the Secret."""
        return self.keys[0]


def content_hash(content: bytes) -> str:
    """SHA-256 of a key Secret's value: what results are kept by."""
    return hashlib.sha256(content).hexdigest()
