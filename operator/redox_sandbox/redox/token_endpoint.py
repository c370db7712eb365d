"""`POST /v2/auth/token`: an access token for a client assertion (RFC 6749 §4.4, RFC 7523)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from . import client_assertion, refusal, token_request
from .client_assertion import ClientAssertion
from .clients import Client
from .faults import Rule
from .journal import Entry, Outcome
from .refusal import Refusal, blank
from .state import STATE, State
from .tokens import Kind

PATH = "/v2/auth/token"
ENTRY = web.RequestKey("entry", Entry)
ANSWER = web.RequestKey("answer", Rule)
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def routes() -> list[web.RouteDef]:
    """The routes of this API."""
    return [web.post(PATH, _issue)]


async def _issue(request: web.Request) -> web.Response:
    state, entry = request.app[STATE], request[ENTRY]
    try:
        form = token_request.parse(
            request.headers.get("Content-Type", ""),
            await request.read(),
            authorization="Authorization" in request.headers,
        )
        client = await _authenticate(state, form)
    except Refusal as error:
        known = entry.client_id in state.clients.current().by_id
        state.journal.settle(entry, Outcome.REFUSED, error.reason, known=known)
        return web.json_response(error.body(), status=400, headers=_NO_STORE)
    body = _grant(state, client, form.scope, request.get(ANSWER))
    state.journal.settle(
        entry, Outcome.ISSUED, "fault answer" if ANSWER in request else "", known=True
    )
    return web.json_response(body, headers=_NO_STORE)


async def _authenticate(state: State, form: token_request.TokenRequest) -> Client:
    assertion = client_assertion.read(form.assertion)
    client = state.clients.current().by_id.get(assertion.issuer)
    if client is None:
        raise Refusal(refusal.KEY_NOT_FOUND, "no client of the clients file has this iss")
    if form.client_id not in (None, client.client_id):
        raise Refusal(refusal.KEY_NOT_FOUND, "client_id is not iss (RFC 7521 §4.2)")
    await _verify(state, client, assertion)
    return client


async def _verify(state: State, client: Client, assertion: ClientAssertion) -> None:
    keys = await state.key_sets.keys_of(client)
    # Nothing awaits between here and `spend`: of two equal assertions at once, one is refused.
    now, elapsed = state.clock.now(), state.clock.monotonic()
    verified = client_assertion.verify(
        assertion, keys, audience=state.token_url, now=now, key_set_url=client.jwks_url
    )
    until = elapsed + verified.expires - now
    if not state.replays.spend(client.client_id, verified.jti, until, elapsed):
        raise blank("jti was used before")


def _grant(state: State, client: Client, scope: str, answer: Rule | None) -> dict[str, Any]:
    changes = answer.options if answer else {}
    replaced = changes.get("fields", {})
    given = replaced.get("access_token")
    now = state.clock.monotonic()
    if state.revoke_earlier:
        state.tokens.revoke(client.client_id, now)
    token = state.tokens.issue(
        client.client_id,
        Kind.USER_LEVEL if client.user_level else Kind.API_KEY,
        state.token_lifetime,
        now,
        given if isinstance(given, str) and given else None,
    )
    body = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": state.token_lifetime,
        "scope": scope,
        **replaced,
    }
    return {name: value for name, value in body.items() if name not in changes.get("omit", ())}
