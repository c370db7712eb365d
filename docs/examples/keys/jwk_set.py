"""Prints the JWK Set (RFC 7517) of private keys, in the order given. After `pip install joserfc`:

    python jwk_set.py --public private-key.pem               for Redox: public keys only
    python jwk_set.py new-key.pem old-key.pem > keys.json    for the key Secret: a rotation

A file holds a PEM or a JWK. A key without kid gets its RFC 7638 thumbprint, which the operator uses
too, and a key without alg gets RS384, or ES256, ES384 or ES512 by its curve.
"""

import argparse
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwk

ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


def read_key(path: Path) -> jwk.Key:
    """The private key in a file."""
    content = path.read_text()
    if content.lstrip().startswith("{"):
        return jwk.import_key(json.loads(content))
    is_ec = isinstance(load_pem_private_key(content.encode(), None), EllipticCurvePrivateKey)
    return jwk.import_key(content, "EC" if is_ec else "RSA")


def members(key: jwk.Key, private: bool) -> dict:
    """The JWK's members, with what tells Redox and the operator how to use it."""
    given = key.as_dict(private=private)
    algorithm = ALGORITHMS.get(given.get("crv"), "RS384")
    return {"kid": key.thumbprint(), "alg": algorithm, "use": "sig", **given}


def main() -> None:
    """Print the set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--public", action="store_true", help="the public keys only")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a PEM or a JWK")
    arguments = parser.parse_args()
    keys = [members(read_key(path), not arguments.public) for path in arguments.files]
    print(json.dumps({"keys": keys}, indent=2))


if __name__ == "__main__":
    main()
