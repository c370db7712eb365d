"""The Platform API, as far as an operator's credentials meet it: for tokens of user-level keys."""

from __future__ import annotations

import uuid

from aiohttp import web

from .bearer import demand
from .fhir import ENVIRONMENTS
from .tokens import Kind


def routes() -> list[web.RouteDef]:
    """The routes of this API."""
    return [web.get("/platform/v1/organizations/{organization}/environments", _environments)]


async def _environments(request: web.Request) -> web.Response:
    demand(request, Kind.USER_LEVEL)
    organization = request.match_info["organization"]
    environments = [
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{organization}/{flag}")),
            "name": flag,
            "environmentFlag": flag,
            "organization": {"id": organization},
        }
        for flag in ENVIRONMENTS
    ]
    return web.json_response(
        {"meta": {"version": "1.0.0"}, "payload": {"environments": environments}}
    )
