"""A namespace, its credentials and their clients: what most tests of the whole operator need."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, ClassVar

from tests.support.keys import client_entry, jwk, jwk_set, rsa_pem
from tests.support.kubernetes_api import KubernetesAPI, Object
from tests.support.manifests import credential_manifest, key_secret_manifest
from tests.support.redox_sandbox import RedoxSandbox

GROUP = "redox-operator.dev"


class Bench:
    """Creates, reads and waits, in one namespace."""

    _clients: ClassVar[dict[str, dict[str, Any]]] = {}

    def __init__(
        self,
        admin: KubernetesAPI,
        redox: RedoxSandbox,
        namespace: str,
        labels: dict[str, str] | None = None,
    ) -> None:
        self.admin, self.redox, self.namespace = admin, redox, namespace
        self.labels = labels or {}
        """Labels of all credentials that are created here."""
        admin.create("/api/v1/namespaces", {"metadata": {"name": namespace}})

    def close(self) -> None:
        """Remove the namespace, without waiting; Redox answers normally again."""
        self.redox.clear_faults()
        path = f"/api/v1/namespaces/{self.namespace}"
        if self.admin.exists(path):
            self.admin.delete(path)

    def client(self, name: str, *keys: str | dict[str, Any]) -> str:
        """Register a client with these keys; its client ID."""
        client_id = f"{self.namespace}-{name}"
        self._clients[client_id] = client_entry(client_id, *keys)
        self.redox.set_clients(self._clients.values())
        return client_id

    def key_secret(self, name: str, content: str | dict[str, Any], **more: Any) -> None:
        """Create or replace the key Secret `<name>-redox-key`."""
        text = content if isinstance(content, str) else json.dumps(content)
        manifest = key_secret_manifest(text, f"{name}-redox-key", **more)
        self.admin.apply(manifest, namespace=self.namespace)

    def credential(
        self, name: str = "ehr", key: str | dict[str, Any] | None = None, **spec: Any
    ) -> Object:
        """A credential that works, unless `spec` says otherwise: client, key Secret and object."""
        key = rsa_pem() if key is None else key
        members = key["keys"] if isinstance(key, dict) and "keys" in key else [key]
        client_id = self.client(name, *members)
        self.key_secret(name, key)
        return self.create(name, **{"clientId": client_id, **spec})

    def create(self, name: str = "ehr", **spec: Any) -> Object:
        """Only the RedoxCredential."""
        manifest = credential_manifest(name, **{"endpoint": "Sandbox", **spec})
        manifest["metadata"]["labels"] = self.labels
        return self.admin.create(self.credentials, manifest)

    def edit(self, name: str, **spec: Any) -> Object:
        """Merge into the spec."""
        return self.admin.patch(f"{self.credentials}/{name}", {"spec": spec})

    def annotate(self, name: str, value: str) -> Object:
        """Ask for a fresh token."""
        patch = {"metadata": {"annotations": {f"{GROUP}/refresh": value}}}
        return self.admin.patch(f"{self.credentials}/{name}", patch)

    @property
    def credentials(self) -> str:
        """Path of the namespace's credentials."""
        return f"/apis/{GROUP}/v1alpha1/namespaces/{self.namespace}/redoxcredentials"

    def secret_path(self, name: str) -> str:
        """Path of a Secret."""
        return f"/api/v1/namespaces/{self.namespace}/secrets/{name}"

    def secret(self, name: str = "ehr-token") -> Object:
        """The Secret as it is."""
        return self.admin.get(self.secret_path(name))

    def token(self, name: str = "ehr-token") -> str:
        """The access token in it."""
        return decoded(self.secret(name))["access_token"]

    def wait_secret(
        self, name: str = "ehr-token", *, other_than: str | None = None, seconds: float = 20
    ) -> dict[str, str]:
        """Wait for a token, another than the given one; all data, decoded."""

        def ready(secret: Object) -> bool:
            return decoded(secret).get("access_token") not in (None, other_than)

        seen = self.admin.wait(self.secret_path(name), ready, "a token", seconds)
        return decoded(seen)

    def condition(self, name: str, kind: str) -> Object:
        """One condition as it is; empty where there is none."""
        status = self.admin.get(f"{self.credentials}/{name}").get("status", {})
        return condition(status, kind)

    def wait_status(
        self, name: str, ready: Callable[[Object], bool], what: str, seconds: float = 20
    ) -> Object:
        """Wait until the status is as wanted; the status."""
        path = f"{self.credentials}/{name}"
        seen = self.admin.wait(path, lambda body: ready(body.get("status", {})), what, seconds)
        status: Object = seen["status"]
        return status

    def wait_condition(
        self, name: str, kind: str, status: str, reason: str, seconds: float = 20
    ) -> Object:
        """Wait for a condition; the condition."""

        def ready(seen: Object) -> bool:
            found = condition(seen, kind)
            return (found.get("status"), found.get("reason")) == (status, reason)

        wanted = f"{kind}={status} {reason} on {name}"
        return condition(self.wait_status(name, ready, wanted, seconds), kind)

    def requests(self, name: str = "ehr") -> list[dict[str, Any]]:
        """Token requests of a client of this namespace."""
        return self.redox.requests(f"{self.namespace}-{name}")


def decoded(secret: Object) -> dict[str, str]:
    """The data of a Secret as text."""
    data = secret.get("data") or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def condition(status: Object, kind: str) -> Object:
    """The condition of this type in a status."""
    found: list[Object] = [c for c in status.get("conditions", ()) if c["type"] == kind]
    return found[0] if found else {}


def rotation(number: int = 1) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A JWK Set of two keys, the newer first, and both keys."""
    newer, older = jwk(kid="newer", number=number), jwk(kid="older", number=number + 1)
    return jwk_set([newer, older]), newer, older
