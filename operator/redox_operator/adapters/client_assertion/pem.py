"""A private key in PEM (RFC 7468): PKCS#8, PKCS#1 or SEC1."""

from __future__ import annotations

import functools
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from redox_operator.adapters.client_assertion.rsa_check import load_checked
from redox_operator.adapters.client_assertion.unchecked_key import KINDS, UncheckedKey
from redox_operator.domain.errors import KeyInvalid

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey

_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_PRIVATE = frozenset({b"PRIVATE KEY", b"RSA PRIVATE KEY", b"EC PRIVATE KEY", b"DSA PRIVATE KEY"})
_ENCRYPTED_HEADER = re.compile(rb"Proc-Type:\s*4,\s*ENCRYPTED")

_DAMAGED = (
    "The PEM is damaged: store the file again, whole, from its BEGIN line to its END line, "
    "with its line breaks."
)
_INSTEAD_OF_A_KEY = {
    b"ENCRYPTED PRIVATE KEY": (
        "The private key is encrypted with a passphrase: store it without one, as "
        "`openssl pkey -in <file>` writes it."
    ),
    b"OPENSSH PRIVATE KEY": (
        "The private key is in OpenSSH's own format: convert a copy of it with "
        "`ssh-keygen -p -m PKCS8 -f <file>`."
    ),
    b"CERTIFICATE": (
        "The value holds a certificate but no private key: store the private key that belongs to "
        "it."
    ),
    b"PUBLIC KEY": (
        "The value holds a public key but no private one: store the private key that belongs to it."
    ),
}
_ALIKE = {
    b"RSA PUBLIC KEY": b"PUBLIC KEY",
    b"SSH2 PUBLIC KEY": b"PUBLIC KEY",
    b"X509 CERTIFICATE": b"CERTIFICATE",
    b"TRUSTED CERTIFICATE": b"CERTIFICATE",
}


def looks_like_pem(content: bytes) -> bool:
    """Whether the value was meant as a PEM."""
    return b"-----BEGIN" in content


def read_pem(content: bytes) -> UncheckedKey:
    """The one private key of a PEM; certificates, public keys and text beside it are allowed.

    Raises `KeyInvalid`, one sentence for each fault.
    """
    labels = _BEGIN.findall(content)
    private = [label for label in labels if label in _PRIVATE]
    if not private:
        raise KeyInvalid(_what_it_is_instead(labels))
    if len(private) > 1:
        raise KeyInvalid(
            "The value holds more than one PEM private key: keep one, or store a JWK Set."
        )
    if _ENCRYPTED_HEADER.search(content):
        raise KeyInvalid(_INSTEAD_OF_A_KEY[b"ENCRYPTED PRIVATE KEY"])
    key = _read(content)
    return UncheckedKey(
        public_numbers=key.public_key().public_numbers(),
        load=functools.partial(_load, key),
    )


def _what_it_is_instead(labels: list[bytes]) -> str:
    kinds = {_ALIKE.get(label, label) for label in labels}
    for kind, sentence in _INSTEAD_OF_A_KEY.items():
        if kind in kinds:
            return sentence
    return _DAMAGED


def _read(content: bytes) -> PrivateKey:
    """The key unchecked: the library's own check tests RSA factors for being prime."""
    try:
        key = load_pem_private_key(content, password=None, unsafe_skip_rsa_key_validation=True)
    except UnsupportedAlgorithm:
        raise KeyInvalid(KINDS) from None
    except (TypeError, ValueError):
        raise KeyInvalid(_DAMAGED) from None
    if not isinstance(key, PrivateKey):
        raise KeyInvalid(KINDS)
    return key


def _load(unchecked: PrivateKey) -> PrivateKey:
    if isinstance(unchecked, RSAPrivateKey):
        return load_checked(unchecked.private_numbers())
    return unchecked
