"""Legacy API keys: a token of 24 hours for an API key and its secret, for the Data Model only."""

from __future__ import annotations

import hmac
import json
import uuid
from datetime import UTC, datetime

from aiohttp import web

from .state import STATE, State
from .tokens import Kind

LIFETIME_SECONDS = 24 * 3600
_REFRESH_TOKENS = web.AppKey("refresh_tokens", dict[str, str])


def add_to(app: web.Application) -> None:
    """Serve this API. Refresh tokens are one per API key of the clients file."""
    app[_REFRESH_TOKENS] = {}
    app.add_routes(
        [web.post("/auth/authenticate", _authenticate), web.post("/auth/refreshToken", _refresh)]
    )


async def _authenticate(request: web.Request) -> web.Response:
    api_key, secret = await _fields(request, "secret")
    state = request.app[STATE]
    expected = state.clients.current().legacy_secrets.get(api_key)
    if expected is None:
        raise web.HTTPUnauthorized(text="This source is not authorized.")
    if not _equal(expected, secret):
        raise web.HTTPUnauthorized(text="Invalid source secret")
    refresh_token = request.app[_REFRESH_TOKENS].setdefault(api_key, str(uuid.uuid4()))
    return _answer(state, api_key, refresh_token)


async def _refresh(request: web.Request) -> web.Response:
    api_key, refresh_token = await _fields(request, "refreshToken")
    state = request.app[STATE]
    expected = request.app[_REFRESH_TOKENS].get(api_key)
    if api_key not in state.clients.current().legacy_secrets or expected is None:
        raise web.HTTPUnauthorized(text="This source is not authorized.")
    if not _equal(expected, refresh_token):
        raise web.HTTPUnauthorized(text="Invalid refresh token")
    return _answer(state, api_key, refresh_token)


async def _fields(request: web.Request, second: str) -> tuple[str, str]:
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        body = None
    if request.content_type == "application/json" and isinstance(body, dict):
        values = body.get("apiKey"), body.get(second)
        if isinstance(values[0], str) and isinstance(values[1], str):
            return values[0], values[1]
    raise web.HTTPBadRequest(text=f"Send JSON with the texts apiKey and {second}.")


def _answer(state: State, api_key: str, refresh_token: str) -> web.Response:
    now = state.clock.monotonic()
    token = state.tokens.issue(api_key, Kind.LEGACY, LIFETIME_SECONDS, now, str(uuid.uuid4()))
    expires = datetime.fromtimestamp(state.clock.now() + LIFETIME_SECONDS, UTC)
    text = expires.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return web.json_response(
        {"accessToken": token, "expires": text, "refreshToken": refresh_token},
        headers={"Cache-Control": "no-store"},
    )


def _equal(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
