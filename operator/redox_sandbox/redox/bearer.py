"""Who may call a resource: the Bearer token of a request (RFC 6750 §2.1)."""

from __future__ import annotations

from aiohttp import web

from .state import STATE
from .tokens import Grant, Kind, Standing

UNAUTHORIZED = "Authentication failed. Refresh or regenerate your access token and try again."

_WRONG_KIND = {
    Kind.API_KEY: "This token was issued to an API key; this API needs a user-level API key.",
    Kind.USER_LEVEL: "This token was issued to a user-level API key; this API needs an API key.",
    Kind.LEGACY: "This token was issued to a legacy API key; this API needs an OAuth API key.",
}


class Denied(Exception):
    """A call that is not allowed: a status of 401 or 403, a sentence, and a word for the totals."""

    def __init__(self, status: int, sentence: str, outcome: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.outcome = outcome

    @property
    def headers(self) -> dict[str, str]:
        """`WWW-Authenticate` (RFC 6750 §3), with an error only when a token came."""
        if self.status != 401:
            return {}
        plain = self.outcome == "no-token"
        return {"WWW-Authenticate": "Bearer" if plain else 'Bearer error="invalid_token"'}


def presented(request: web.Request) -> tuple[Standing, Grant | None] | None:
    """What the request's Bearer token is worth; None when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        return None
    state = request.app[STATE]
    return state.tokens.look_up(token, state.clock.monotonic())


def demand(request: web.Request, *kinds: Kind) -> Grant:
    """The grant of a live token of one of these kinds. Raises `Denied`."""
    found = presented(request)
    if found is None:
        raise Denied(401, UNAUTHORIZED, "no-token")
    standing, grant = found
    if standing is not Standing.LIVE or grant is None:
        raise Denied(401, UNAUTHORIZED, standing)
    if grant.kind not in kinds:
        raise Denied(403, _WRONG_KIND[grant.kind], "wrong-kind")
    return grant
