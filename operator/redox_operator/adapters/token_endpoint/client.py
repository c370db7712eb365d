"""The client of token endpoints."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from urllib.parse import urlencode

import httpx

from redox_operator.adapters.token_endpoint.answer import Answer, read_answer
from redox_operator.adapters.token_endpoint.connections import Connections
from redox_operator.adapters.token_endpoint.no_answer import ca_bundle_unreadable, no_answer
from redox_operator.adapters.token_endpoint.refusal import read_refusal
from redox_operator.adapters.token_endpoint.success import read_success
from redox_operator.adapters.token_endpoint.timeouts import Timeouts
from redox_operator.domain.access_token import TokenResponse
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.errors import EndpointUnavailable, TokenRequestError

GRANT_TYPE = "client_credentials"
CLIENT_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""RFC 7523 §2.2."""

_OK = 200


class TokenEndpointClient:
    """Sends token requests, each once: what comes back is a token or a `TokenRequestError`.

    Never repeats a request, because an assertion is good for one, and never follows a redirect,
    because it is good for one address. Messages hold nothing of the answer but its status and a
    registered `error` code.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        max_lifetime_seconds: float,
        timeouts: Timeouts | None = None,
        trust_env: bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`trust_env`: whether HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR count.

        `transport`: what sends instead of the network, for tests.
        """
        self._timeouts = timeouts or Timeouts()
        self._max_lifetime_seconds = max_lifetime_seconds
        self._connections = Connections(
            user_agent=user_agent,
            timeouts=self._timeouts,
            transport=transport,
            trust_env=trust_env,
        )
        # At DEBUG they write headers and reason phrases, which are text of the answer.
        for library in ("httpx", "httpcore"):
            logging.getLogger(library).setLevel(logging.WARNING)

    async def request_token(
        self, endpoint: Endpoint, assertion: str, *, scopes: Sequence[str], sent_at: float
    ) -> TokenResponse:
        """Exchange an assertion for a token (RFC 6749 §4.4.2, RFC 7523 §2.2).

        `sent_at`: now, in seconds since the epoch by the corrected clock; the token's lifetime
        counts from there. Raises `EndpointUnavailable`, `RateLimited`, `ResponseInvalid`,
        `LifetimeTooLong` or `ClientRejected`.
        """
        form = _form(assertion, scopes)
        del assertion  # a traceback that shows variables must not show this one
        answer = await self._exchange(endpoint, form, sent_at)
        del form
        outcome = self._read(answer, scopes, sent_at) if isinstance(answer, Answer) else answer
        if isinstance(outcome, TokenRequestError):
            raise outcome
        return outcome

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()

    async def _exchange(
        self, endpoint: Endpoint, form: bytes, sent_at: float
    ) -> Answer | EndpointUnavailable:
        status: int | None = None
        try:
            using_client = self._connections.use(endpoint)
        except OSError as error:
            return ca_bundle_unreadable(endpoint, error)
        try:
            async with (
                asyncio.timeout(self._timeouts.total),
                using_client as client,
                client.stream("POST", endpoint.token_url, content=form) as response,
            ):
                status = response.status_code
                return await read_answer(response, now=sent_at)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            return no_answer(error, endpoint, self._timeouts, status=status)

    def _read(
        self, answer: Answer, scopes: Sequence[str], sent_at: float
    ) -> TokenResponse | TokenRequestError:
        if answer.status != _OK:
            return read_refusal(answer)
        return read_success(
            answer,
            scopes=scopes,
            sent_at=sent_at,
            max_lifetime_seconds=self._max_lifetime_seconds,
        )


def _form(assertion: str, scopes: Sequence[str]) -> bytes:
    fields = {
        "grant_type": GRANT_TYPE,
        "client_assertion_type": CLIENT_ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    if scopes:
        fields["scope"] = " ".join(scopes)
    return urlencode(fields).encode()
