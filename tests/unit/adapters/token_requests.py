"""A token endpoint for one test: an answer, and what was asked."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import httpx

from redox_operator.adapters.token_endpoint import TokenEndpointClient
from redox_operator.domain.access_token import TokenResponse
from redox_operator.domain.endpoint import Endpoint

ENDPOINT = Endpoint(
    name="Test",
    token_url="https://redox.example/v2/auth/token",
    audience="https://redox.example/v2/auth/token",
)
SENT_AT = 1_700_000_000.75
SENT_AT_DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
"""Of the same second."""

TOKEN = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 300}


class App:
    """Answers every request alike; for `httpx.MockTransport`."""

    def __init__(
        self,
        status: int = 200,
        body: Any = TOKEN,
        headers: dict[str, str] | None = None,
        reason: str = "",
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers or {}
        self.reason = reason
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return httpx.Response(
            self.status,
            headers=self.headers,
            stream=httpx.ByteStream(body),
            extensions={"reason_phrase": self.reason.encode()},
        )

    @property
    def form(self) -> dict[str, list[str]]:
        """Of the last request."""
        return parse_qs(
            self.requests[-1].content.decode(), strict_parsing=True, keep_blank_values=True
        )


def client(app: App, **arguments: Any) -> TokenEndpointClient:
    return TokenEndpointClient(
        **{
            "user_agent": "redox-operator/test",
            "max_lifetime_seconds": 86400,
            "transport": httpx.MockTransport(app),
        }
        | arguments
    )


async def request(
    app: App,
    *,
    endpoint: Endpoint = ENDPOINT,
    assertion: str = "a.b.c",
    scopes: tuple[str, ...] = (),
    sent_at: float = SENT_AT,
    **arguments: Any,
) -> TokenResponse:
    """One request by a client of its own."""
    requests = client(app, **arguments)
    try:
        return await requests.request_token(endpoint, assertion, scopes=scopes, sent_at=sent_at)
    finally:
        await requests.close()
