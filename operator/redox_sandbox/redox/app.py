"""The public application: routes, and what happens around every request."""

from __future__ import annotations

import asyncio
import base64
import json
from email.utils import formatdate
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from . import data_model, fault_answers, fhir, legacy, platform_api, token_endpoint
from .bearer import Denied, presented
from .journal import Outcome
from .state import STATE, State
from .token_endpoint import ANSWER, ENTRY
from .token_request import read_form

MAX_BODY_BYTES = 256 * 1024
_PATHS = {"fhir": "fhir", "endpoint": "data-model", "platform": "platform", "auth": "legacy"}


def build(state: State) -> web.Application:
    """The application that plays Redox."""
    app = web.Application(middlewares=[_record, _limit, _fault], client_max_size=MAX_BODY_BYTES)
    app[STATE] = state
    for part in (token_endpoint, fhir, data_model, platform_api):
        app.add_routes(part.routes())
    legacy.add_to(app)
    app.router.add_route("*", fault_answers.REDIRECT_PATH, fault_answers.redirected)
    app.on_response_prepare.append(_set_headers)
    return app


async def _set_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Date"] = formatdate(request.app[STATE].clock.now(), usegmt=True)
    response.headers["Server"] = "redox-sandbox"


@web.middleware
async def _record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log token requests, count resource calls, and give a refused one the form of its API."""
    path = _path(request)
    if path == "token":
        return await _record_token_request(request, handler)
    journal = request.app[STATE].journal
    try:
        response = await handler(request)
    except Denied as error:
        journal.count_resource_call(path, error.outcome)
        if path == "fhir":
            return fhir.denied(error)
        return web.Response(status=error.status, text=error.sentence, headers=error.headers)
    except web.HTTPException as error:
        if path != "fhir":
            raise
        response = fhir.not_served(error.status)
    if path not in ("other", "legacy"):
        journal.count_resource_call(path, "ok" if response.status < 400 else str(response.status))
    return response


async def _record_token_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    state = request.app[STATE]
    claims, header = _sight(await request.read())
    entry = request[ENTRY] = state.journal.open(
        state.clock.true_now(),
        state.clock.monotonic(),
        client_id=_text(claims, "iss"),
        key_id=_text(header, "kid"),
        jti=_text(claims, "jti"),
    )
    try:
        return await handler(request)
    except asyncio.CancelledError:
        state.journal.settle(entry, Outcome.ABANDONED, "the client left", known=False)
        raise


@web.middleware
async def _limit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 429 above the limit; Redox documents the header and no body."""
    state = request.app[STATE]
    limit = state.rate_limit
    if limit.admit(request.remote or "", state.clock.monotonic()):
        return await handler(request)
    _settle(request, Outcome.LIMITED, "rate limit")
    return web.Response(status=429, headers={"X-RateLimit-Limit": str(limit.limit)})


@web.middleware
async def _fault(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the first rule that holds play its fault."""
    rule = request.app[STATE].faults.choose(_path(request), _client_id(request))
    if rule is not None:
        if rule.fault == "answer":
            request[ANSWER] = rule
        elif rule.fault != "slow":
            _settle(request, Outcome.FAULT, rule.fault)
        response = await fault_answers.play(request, rule)
        if response is not None:
            return response
    return await handler(request)


def _settle(request: web.Request, outcome: Outcome, reason: str) -> None:
    entry = request.get(ENTRY)
    if entry is not None:
        state = request.app[STATE]
        known = entry.client_id in state.clients.current().by_id
        state.journal.settle(entry, outcome, reason, known=known)


def _path(request: web.Request) -> str:
    if request.path == token_endpoint.PATH:
        return "token" if request.method == "POST" else "other"
    return _PATHS.get(request.path.split("/")[1], "other")


def _client_id(request: web.Request) -> str | None:
    if ENTRY in request:
        return request[ENTRY].client_id
    found = presented(request)
    grant = found[1] if found else None
    return grant.client_id if grant else None


def _sight(body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Claims and header of the assertion in a body, unchecked: for the log and the faults."""
    assertion = ((read_form(body) or {}).get("client_assertion") or [""])[0]
    header, _, rest = assertion.partition(".")
    return _decode(rest.partition(".")[0]), _decode(header)


def _decode(segment: str) -> dict[str, Any]:
    try:
        content = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _text(members: dict[str, Any], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) else None
