"""Tokens of the sandbox, and the Secret's keys as the operator writes them."""

from __future__ import annotations

import ssl
import time
import uuid
from dataclasses import replace

import httpx
import yaml
from joserfc import jwt
from joserfc.jwk import RSAKey

from redox_operator.domain.access_token import AccessToken
from redox_operator.domain.credential import parse_credential
from redox_operator.domain.endpoint import US
from redox_operator.domain.rendering import render
from redox_operator.domain.timestamps import format_time
from tests.examples.programs import EXAMPLES
from tests.support.keys import rsa_pem, thumbprint
from tests.support.redox_sandbox import RedoxSandbox

CLIENT_ID = "2c1d0f6e-0000-4000-8000-000000000001"
USER_LEVEL_CLIENT_ID = "2c1d0f6e-0000-4000-8000-000000000002"
KEY_ID = thumbprint(rsa_pem())


def request_token(redox: RedoxSandbox) -> AccessToken:
    """A new token of the client `CLIENT_ID`."""
    now = int(time.time())
    claims = {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": redox.token_url,
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid.uuid4()),
    }
    key = RSAKey.import_key(rsa_pem())
    answer = httpx.post(
        redox.token_url,
        data={
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode(
                {"alg": "RS384", "kid": KEY_ID}, claims, key, algorithms=["RS384"]
            ),
        },
        verify=ssl.create_default_context(cafile=redox.ca_file),
        timeout=10,
        trust_env=False,
    )
    answer.raise_for_status()
    body = answer.json()
    return AccessToken(body["access_token"], now, now + body["expires_in"])


def mounted_data(redox: RedoxSandbox, token: AccessToken) -> dict[str, str]:
    """The data of the Secret that the operator writes for the example's credential."""
    body = yaml.safe_load((EXAMPLES / "pods/credential.yaml").read_text())
    body["metadata"] |= {"namespace": "clinic", "uid": "1"}
    root = redox.token_url.removesuffix("/v2/auth/token")
    endpoint = replace(US, token_url=redox.token_url, fhir_base_url=f"{root}/fhir/R4")
    return dict(render(parse_credential(body), endpoint, token, None).data)


def expiry(token: AccessToken) -> str:
    """`expires_at` as the Secret tells it."""
    return format_time(token.expires_at)
