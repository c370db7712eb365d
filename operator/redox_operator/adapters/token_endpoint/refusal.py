"""An answer other than 200: which error it is, and a sentence of ours about it.

Redox answers `invalid_request` also where RFC 6749 §5.2 has `invalid_client`, so the code alone
decides nothing: its documented descriptions are matched exactly, and nothing of the answer's text
is ever shown.
"""

from __future__ import annotations

import re

from redox_operator.adapters.token_endpoint.answer import Answer
from redox_operator.adapters.token_endpoint.json_object import read_object
from redox_operator.domain.errors import (
    ClientRejected,
    EndpointUnavailable,
    RateLimited,
    ResponseInvalid,
    TokenRequestError,
)

PUBLIC_KEY_NOT_FOUND = "Public key not found, check client_id, kid and Redox dashboard settings"
"""Redox's words when client ID and key ID lead to no public key."""

_CLOCK = "it accepts none whose iat is older than 5 minutes, so check the clock of this node first"
_ALTERED = (
    "it did not see the request as it was sent: look for a proxy that changes requests; if there "
    "is none, report this as a defect of the operator."
)

_DESCRIPTIONS = {
    PUBLIC_KEY_NOT_FOUND: (
        "it has no public key for this client ID and key ID: publish the public key (in the Redox "
        "dashboard, or at the JWKS URL named there), and check spec.clientId and status.keyId."
    ),
    "JWT header kid property is required": _ALTERED,
    "Missing client assertion": _ALTERED,
    "Missing client assertion type": _ALTERED,
    "Invalid client assertion type": _ALTERED,
    "Missing grant_type parameter": _ALTERED,
    "The grant_type parameter should equal 'client_credentials'": _ALTERED,
    "x-www-form-urlencoded content-type required": _ALTERED,
}

_UNEXPECTED_CLAIM = re.compile(r"Unexpected ([a-z]{3}) claim value")
_CLIENT_ID = "it does not accept the assertion's issuer: check spec.clientId."
_CLAIMS = {
    "alg": "it does not accept the assertion's algorithm: check spec.algorithm; Redox takes RS384 "
    "and ES384.",
    "aud": "it does not accept the assertion's audience: check spec.endpoint, and the audience of "
    "that endpoint in the operator's configuration.",
    "exp": "it does not accept the assertion's lifetime: check the clock of this node, and "
    "assertionLifetimeSeconds of the endpoint in the operator's configuration.",
    "iat": f"it does not accept when the assertion was made: {_CLOCK}.",
    "iss": _CLIENT_ID,
    "jti": "it does not accept the assertion's jti, perhaps because it saw it before: look for a "
    "proxy that repeats requests.",
    "kid": "it does not accept the assertion's key ID: check spec.privateKey.keyId.",
    "sub": _CLIENT_ID,
    "typ": "it does not accept the assertion's type: check assertionType of the endpoint in the "
    "operator's configuration.",
}

_CODES = {
    "invalid_request": (
        f"it does not accept the assertion, and does not say why: {_CLOCK}, then spec.algorithm, "
        "spec.endpoint and the audience of that endpoint."
    ),
    "invalid_client": (
        "it does not accept the client or its assertion: check spec.clientId and status.keyId, "
        "that the public key is published there, and the clock of this node."
    ),
    "invalid_grant": (
        "it does not accept the assertion: check spec.clientId, spec.endpoint and the clock of "
        "this node."
    ),
    "unauthorized_client": (
        "this client may not get tokens this way: use the client ID of an OAuth API key; a legacy "
        "key gets its tokens elsewhere."
    ),
    "unsupported_grant_type": (
        "it issues no tokens for client credentials: check spec.endpoint, and the tokenUrl of that "
        "endpoint in the operator's configuration."
    ),
    "invalid_scope": (
        "it does not grant the scopes that were asked for: correct spec.scopes; for Redox, leave "
        "them out."
    ),
}
"""RFC 6749 §5.2."""

_WRONG_ADDRESS = (
    "there is no token endpoint at this address: check spec.endpoint, and the tokenUrl of that "
    "endpoint in the operator's configuration."
)
_STATUSES = {
    401: _CODES["invalid_client"],
    403: "the request was refused, perhaps before it reached the token endpoint: check firewall, "
    "proxy and the list of allowed addresses, then spec.clientId.",
    404: _WRONG_ADDRESS,
    405: _WRONG_ADDRESS,
    407: "a proxy wants credentials: correct HTTPS_PROXY or NO_PROXY of the operator.",
    410: _WRONG_ADDRESS,
    413: _ALTERED,
    415: _ALTERED,
}
_OTHER_STATUS = (
    "the request was refused without a reason: check spec.clientId and spec.endpoint, the public "
    "key's registration, and the clock of this node."
)

_REQUEST_TIMEOUT, _TOO_EARLY, _TOO_MANY_REQUESTS = 408, 425, 429


def read_refusal(answer: Answer) -> TokenRequestError:
    """The error to raise for an answer whose status is not 200."""
    status, date = answer.status, answer.date
    if status == _TOO_MANY_REQUESTS:
        return RateLimited(
            "The token endpoint answered 429, too many requests: the operator slows down and tries "
            "again by itself; if this stays, look for what else calls it from the same address.",
            status=status,
            date=date,
            retry_after=answer.retry_after,
            limit=answer.rate_limit,
        )
    if status in (_REQUEST_TIMEOUT, _TOO_EARLY) or 500 <= status <= 599:
        return EndpointUnavailable(
            f"The token endpoint answered {status}, so it cannot serve at the moment: another "
            "attempt follows by itself; if this stays, look at the endpoint's status page.",
            status=status,
            date=date,
            retry_after=answer.retry_after,
        )
    if 400 <= status <= 499:
        return _rejected(answer)
    if 300 <= status <= 399:
        return ResponseInvalid(
            f"The token endpoint answered {status}, a redirect, which an assertion must not "
            "follow: write the final address as tokenUrl of the endpoint.",
            status=status,
            date=date,
        )
    return ResponseInvalid(
        f"The token endpoint answered {status}, where a token comes with 200: check the tokenUrl "
        "of the endpoint in the operator's configuration.",
        status=status,
        date=date,
    )


def _rejected(answer: Answer) -> ClientRejected:
    members = read_object(answer.body) or {}
    code = _known(members.get("error"))
    description = members.get("error_description")
    text = description.strip() if isinstance(description, str) else ""
    sentence = (
        _DESCRIPTIONS.get(text)
        or _claim_sentence(text)
        or (_CODES[code] if code else None)
        or _STATUSES.get(answer.status, _OTHER_STATUS)
    )
    return ClientRejected(
        f"The token endpoint answered {answer.status}{f' ({code})' if code else ''}: {sentence}",
        status=answer.status,
        date=answer.date,
        code=code,
        public_key_not_found=text == PUBLIC_KEY_NOT_FOUND,
    )


def _known(code: object) -> str | None:
    return code if isinstance(code, str) and code in _CODES else None


def _claim_sentence(description: str) -> str | None:
    match = _UNEXPECTED_CLAIM.fullmatch(description)
    return _CLAIMS.get(match[1]) if match else None
