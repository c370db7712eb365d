"""The admin address: faults, log, totals, revocation and settings, over plain HTTP.

PUT    /faults          a list of rules (see `faults`); GET shows them, DELETE ends them
GET    /requests        counts and the log of token requests; DELETE forgets log and totals
GET    /stats           totals by client, outcome and path; live tokens; repeated jti
POST   /tokens/revoke   {"clientId": …} kills the live tokens of a client
PUT    /settings        {"tokenLifetime": seconds, "revokeEarlier": bool, "rateLimit": n}
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from .faults import FaultInvalid
from .state import STATE, State

MAX_LIFETIME_SECONDS = 10 * 365 * 86400


def build(state: State) -> web.Application:
    """The admin application over the same state."""
    app = web.Application(middlewares=[_refuse_browsers])
    app[STATE] = state
    app.add_routes(
        [
            web.get("/faults", _get_faults),
            web.put("/faults", _put_faults),
            web.delete("/faults", _delete_faults),
            web.get("/requests", _get_requests),
            web.delete("/requests", _delete_requests),
            web.get("/stats", _get_stats),
            web.post("/tokens/revoke", _revoke),
            web.get("/settings", _get_settings),
            web.put("/settings", _put_settings),
        ]
    )
    return app


@web.middleware
async def _refuse_browsers(request: web.Request, handler: Handler) -> web.StreamResponse:
    # A web page of anyone can reach loopback through the browser of a developer.
    if "Origin" in request.headers:
        raise web.HTTPForbidden(text="The admin address is not for web pages.")
    return await handler(request)


async def _get_faults(request: web.Request) -> web.Response:
    return web.json_response(request.app[STATE].faults.describe())


async def _put_faults(request: web.Request) -> web.Response:
    state = request.app[STATE]
    try:
        state.faults.set(await _body(request))
    except FaultInvalid as error:
        raise _bad_request(str(error)) from None
    state.clock.shift = state.faults.clock_shift
    return await _get_faults(request)


async def _delete_faults(request: web.Request) -> web.Response:
    state = request.app[STATE]
    state.faults.clear()
    state.clock.shift = 0.0
    return web.Response(status=204)


async def _get_requests(request: web.Request) -> web.Response:
    return web.json_response(request.app[STATE].journal.requests())


async def _delete_requests(request: web.Request) -> web.Response:
    request.app[STATE].journal.clear()
    return web.Response(status=204)


async def _get_stats(request: web.Request) -> web.Response:
    state = request.app[STATE]
    live = state.tokens.live(state.clock.monotonic())
    return web.json_response({**state.journal.stats(), "liveTokens": live})


async def _revoke(request: web.Request) -> web.Response:
    body = await _body(request)
    client_id = body.get("clientId") if isinstance(body, dict) else None
    if not isinstance(client_id, str):
        raise _bad_request('send {"clientId": "…"}')
    state = request.app[STATE]
    return web.json_response({"revoked": state.tokens.revoke(client_id, state.clock.monotonic())})


async def _get_settings(request: web.Request) -> web.Response:
    state = request.app[STATE]
    return web.json_response(
        {
            "tokenLifetime": state.token_lifetime,
            "revokeEarlier": state.revoke_earlier,
            "rateLimit": state.rate_limit.limit,
        }
    )


async def _put_settings(request: web.Request) -> web.Response:
    body = await _body(request)
    if not isinstance(body, dict):
        raise _bad_request('send an object such as {"tokenLifetime": 300}')
    for name, value in body.items():
        if not _is_valid(name, value):
            raise _bad_request(
                "known are tokenLifetime (seconds, above 0), revokeEarlier (true or false)"
                " and rateLimit (requests in five minutes; 0 means no limit)"
            )
    _apply(request.app[STATE], body)
    return await _get_settings(request)


def _is_valid(name: str, value: object) -> bool:
    if name == "revokeEarlier":
        return isinstance(value, bool)
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    limits = {"tokenLifetime": (1, MAX_LIFETIME_SECONDS), "rateLimit": (0, 10**9)}
    low, high = limits.get(name, (0, -1))
    return low <= value <= high


def _apply(state: State, settings: dict[str, Any]) -> None:
    state.token_lifetime = settings.get("tokenLifetime", state.token_lifetime)
    state.revoke_earlier = settings.get("revokeEarlier", state.revoke_earlier)
    state.rate_limit.limit = settings.get("rateLimit", state.rate_limit.limit)


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError):
        raise _bad_request("send JSON") from None


def _bad_request(sentence: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": sentence}), content_type="application/json")
