"""Requests an access token and prints the answer. After `pip install httpx joserfc`:

    CLIENT_ID=… KEY_ID=… PRIVATE_KEY_FILE=private-key.pem python auth_request.py > token.json

CLIENT_ID          the OAuth API key's client ID
PRIVATE_KEY_FILE   the private key: a PEM or a JWK
KEY_ID             the kid under which the public key is registered; the JWK's own when absent
ALGORITHM          RS384 when absent; ES256, ES384 or ES512 for an EC key, by its curve
TOKEN_URL          US when absent. Canada: https://api.ca.redoxengine.com/v2/auth/token
"""

import json
import os
import sys
import time
import uuid
from pathlib import Path

import httpx
from joserfc import jwk, jwt

CLIENT_ID = os.environ["CLIENT_ID"]
ALGORITHM = os.environ.get("ALGORITHM", "RS384")
TOKEN_URL = os.environ.get("TOKEN_URL", "https://api.redoxengine.com/v2/auth/token")

content = Path(os.environ["PRIVATE_KEY_FILE"]).read_text()
document = json.loads(content) if content.lstrip().startswith("{") else content
key = jwk.import_key(document, "EC" if ALGORITHM.startswith("ES") else "RSA")

# Backdated, because Redox refuses what is issued more than 10 s in its future.
issued_at = int(time.time()) - 30
assertion = jwt.encode(
    {"alg": ALGORITHM, "typ": "JWT", "kid": os.environ.get("KEY_ID", key.kid)},
    {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": TOKEN_URL,
        "iat": issued_at,
        "exp": issued_at + 300,
        "jti": str(uuid.uuid4()),
    },
    key,
    algorithms=[ALGORITHM],
)

response = httpx.post(
    TOKEN_URL,
    data={
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    },
    timeout=15,
)
print(response.text)
sys.exit(response.is_error)
