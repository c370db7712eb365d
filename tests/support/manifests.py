"""Builders of the manifests that a person writes."""

from __future__ import annotations

from typing import Any

API_VERSION = "redox-operator.dev/v1alpha1"


def credential_manifest(
    name: str = "ehr", *, namespace: str | None = None, **spec: Any
) -> dict[str, Any]:
    """A RedoxCredential with the least that the schema takes; `spec` replaces fields of its spec.

    A field given as None is left out: `credential_manifest(clientId=None)` lacks the client ID.
    """
    fields = {
        "clientId": "client-1",
        "privateKey": {"secretRef": {"name": f"{name}-redox-key"}},
        **spec,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "RedoxCredential",
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "spec": {field: value for field, value in fields.items() if value is not None},
    }


def key_secret_manifest(
    content: str,
    name: str = "ehr-redox-key",
    *,
    key: str = "privateKey",
    namespace: str | None = None,
) -> dict[str, Any]:
    """A Secret that holds a private key: a PEM, a JWK or a JWK Set."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "type": "Opaque",
        "stringData": {key: content},
    }
