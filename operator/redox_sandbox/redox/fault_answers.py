"""What the faults look like on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct

from aiohttp import web

from .faults import Rule
from .state import STATE

REDIRECT_PATH = "/redirected"
_JSON = "application/json"
_TRUNCATED = b'{"access_token":"' + b"x" * 2048


async def play(request: web.Request, rule: Rule) -> web.StreamResponse | None:
    """The faulty answer; None when the rule only delays or changes the normal one."""
    match rule.fault:
        case "status":
            return _status(rule)
        case "hang":
            # Ends when the client leaves or the sandbox stops: both cancel this.
            await asyncio.Event().wait()
        case "reset":
            return _reset(request)
        case "garbage":
            return web.Response(text="<html><body>not JSON</body></html>", content_type="text/html")
        case "truncated":
            return await _truncated(request)
        case "slow":
            await asyncio.sleep(max(0.0, rule.options["seconds"]))
        case "oversized":
            return await _oversized(request)
        case "redirect":
            url = rule.options.get("location", request.app[STATE].base_url + REDIRECT_PATH)
            return web.Response(status=rule.options.get("status", 307), headers={"Location": url})
        case _:
            pass
    return None


async def redirected(request: web.Request) -> web.Response:
    """Where the fault `redirect` points by default: counts who followed."""
    request.app[STATE].journal.redirects_followed += 1
    return web.Response(status=404, text="A redirect of the token endpoint was followed.")


def _status(rule: Rule) -> web.Response:
    body, headers = rule.options.get("body", ""), rule.options.get("headers", {})
    text = body if isinstance(body, str) else json.dumps(body)
    kind = "text/plain" if isinstance(body, str) else _JSON
    return web.Response(
        status=rule.options["status"],
        body=text.encode(),
        headers={"Content-Type": kind, **headers},
    )


def _reset(request: web.Request) -> web.Response:
    transport = request.transport
    if transport is not None:
        connection: socket.socket = transport.get_extra_info("socket")
        # Lingering for zero seconds makes the closing a RST instead of a FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def _truncated(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": _JSON})
    response.content_length = 2 * len(_TRUNCATED)
    response.force_close()
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        await response.write(_TRUNCATED)
    return response


async def _oversized(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": _JSON})
    response.enable_chunked_encoding()
    # Ends when the client has had enough.
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        await response.write(b'{"access_token":"')
        while True:
            await response.write(b"x" * 65536)
            # A client that reads quickly never makes `write` wait; others are served meanwhile.
            await asyncio.sleep(0.001)
    return response
