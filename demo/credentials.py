"""The four credentials of the demo, one for each form in which a private key may be written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from demo.cluster import NAMESPACE
from tests.support.keys import client_entry, ec_pem, jwk, jwk_set, rsa_pem
from tests.support.manifests import credential_manifest, key_secret_manifest

ENDPOINT = "Sandbox"


@dataclass(frozen=True, slots=True)
class DemoCredential:
    """A RedoxCredential, its private key, and the family that its consumer asks FHIR for."""

    name: str
    key_format: str
    family: str
    private_key: str = field(repr=False)
    client: Mapping[str, Any] = field(repr=False)
    """The entry of the sandbox's clients file, with the public half of the key."""

    @property
    def secret_name(self) -> str:
        """The target Secret."""
        return f"{self.name}-token"

    def manifests(self) -> list[dict[str, Any]]:
        """The Secret with the private key, and the credential that refers to it."""
        key_secret = f"{self.name}-redox-key"
        return [
            key_secret_manifest(self.private_key, key_secret, namespace=NAMESPACE),
            credential_manifest(
                self.name,
                namespace=NAMESPACE,
                clientId=self.client["clientId"],
                privateKey={"secretRef": {"name": key_secret}},
                endpoint=ENDPOINT,
                target={"stringData": {"curl.header": "Authorization: $(authorization)"}},
            ),
        ]


def make_credentials() -> tuple[DemoCredential, ...]:
    """New keys, for this demo alone. Takes some tenths of a second."""
    rsa, ec = rsa_pem(), ec_pem(form="sec1")
    single = jwk("P-384", kid="demo-jwk", alg="ES384")
    keys = [jwk("RSA", number=1, kid="demo-new"), jwk("P-256", number=1, kid="demo-old")]
    return (
        _credential("rsa-pem", "RSA PEM", "Example", rsa, [rsa]),
        _credential("ec-pem", "EC PEM", "Sample", ec, [ec]),
        _credential("jwk", "EC JWK", "Specimen", json.dumps(single), [single]),
        _credential("jwk-set", "JWK Set", "Placeholder", json.dumps(jwk_set(keys)), keys),
    )


def clients_file(credentials: Iterable[DemoCredential]) -> str:
    """The sandbox's clients file: client IDs and public keys."""
    return yaml.safe_dump({"clients": [dict(credential.client) for credential in credentials]})


def _credential(
    name: str, key_format: str, family: str, private_key: str, keys: Sequence[str | dict[str, Any]]
) -> DemoCredential:
    return DemoCredential(
        name, key_format, family, private_key, client_entry(f"demo-{name}", *keys)
    )
