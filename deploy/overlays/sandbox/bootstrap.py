"""Make what the sandbox in a cluster needs, once; a second run changes nothing.

The Secret `redox-sandbox` gets the sandbox's certificates, a clients file with one client, and the
private key of that client. The ConfigMap `redox-sandbox-ca` gets the CA, for the operator.
"""

from __future__ import annotations

import base64
import json
import tempfile
from http import HTTPStatus
from pathlib import Path

from joserfc.jwk import RSAKey
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from redox_sandbox.redox.certificates import server_context

CLIENT_ID = "sandbox-client"
HOST_NAME = "redox-sandbox.redox-sandbox.svc"
SANDBOX_NAMESPACE, OPERATOR_NAMESPACE = "redox-sandbox", "redox-operator"
SECRET, CA_CONFIG_MAP = "redox-sandbox", "redox-sandbox-ca"
REQUEST_SECONDS = 10


def main() -> None:
    """Create the Secret unless it is there, then hand over the CA that is in it."""
    config.load_config()
    api = client.CoreV1Api()
    try:
        api.create_namespaced_secret(
            SANDBOX_NAMESPACE, new_secret(), _request_timeout=REQUEST_SECONDS
        )
    except ApiException as error:
        if error.status != HTTPStatus.CONFLICT:
            raise
    stored = api.read_namespaced_secret(SECRET, SANDBOX_NAMESPACE, _request_timeout=REQUEST_SECONDS)
    publish_ca(api, base64.b64decode((stored.data or {})["ca.crt"]).decode())


def new_secret() -> client.V1Secret:
    """Certificates, clients file and private key, all new."""
    key = RSAKey.generate_key(2048)
    public = key.as_dict(private=False) | {"kid": key.thumbprint()}
    clients = {"clients": [{"clientId": CLIENT_ID, "jwks": {"keys": [public]}}]}
    return client.V1Secret(
        metadata=client.V1ObjectMeta(name=SECRET, labels={"redox-operator.dev/role": "key"}),
        type="Opaque",
        string_data={
            "clients.yaml": json.dumps(clients, indent=2),
            "privateKey": key.as_pem(private=True).decode(),
            **certificates(),
        },
    )


def certificates() -> dict[str, str]:
    """The files that the sandbox looks for in its data directory."""
    with tempfile.TemporaryDirectory() as directory:
        server_context(Path(directory), [HOST_NAME])
        return {path.name: path.read_text() for path in Path(directory).iterdir()}


def publish_ca(api: client.CoreV1Api, authority: str) -> None:
    """Write the ConfigMap that the operator's pod waits for."""
    config_map = client.V1ConfigMap(
        metadata=client.V1ObjectMeta(name=CA_CONFIG_MAP), data={"ca.crt": authority}
    )
    try:
        api.create_namespaced_config_map(
            OPERATOR_NAMESPACE, config_map, _request_timeout=REQUEST_SECONDS
        )
    except ApiException as error:
        if error.status != HTTPStatus.CONFLICT:
            raise
        api.patch_namespaced_config_map(
            CA_CONFIG_MAP, OPERATOR_NAMESPACE, config_map, _request_timeout=REQUEST_SECONDS
        )


if __name__ == "__main__":
    main()
