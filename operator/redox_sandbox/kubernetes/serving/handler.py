"""Every request passes here: discovery, the admin path, faults, the log, then the operation."""

from __future__ import annotations

import asyncio

from aiohttp import web

from redox_sandbox.kubernetes import discovery, openapi
from redox_sandbox.kubernetes.clock import rfc3339, sleep
from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.errors import StatusError
from redox_sandbox.kubernetes.faults import Fault, Faults
from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.request_log import LoggedRequest, RequestLog
from redox_sandbox.kubernetes.serving.admin import PREFIX, Admin
from redox_sandbox.kubernetes.serving.answers import answer, failure
from redox_sandbox.kubernetes.serving.negotiation import negotiate
from redox_sandbox.kubernetes.serving.operations import Operations
from redox_sandbox.kubernetes.serving.parameters import is_watch
from redox_sandbox.kubernetes.serving.paths import RequestInfo, parse_path
from redox_sandbox.kubernetes.watching import Watches

_HEALTH = ("/healthz", "/readyz", "/livez")


class Handler:
    """The request handler of the HTTP server."""

    def __init__(
        self, cluster: Cluster, watches: Watches, faults: Faults, requests: RequestLog
    ) -> None:
        self._cluster = cluster
        self._faults = faults
        self._requests = requests
        self._operations = Operations(cluster, watches, faults)
        self._admin = Admin(faults, requests)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            if request.path.startswith(PREFIX):
                return await self._admin.handle(request)
            watch = request.method == "GET" and is_watch(request.query)
            info = parse_path(request.method, request.path, watch=watch)
            if info is None:
                return self._discover(request)
        except StatusError as error:
            return failure(error)
        agent = request.headers.get("User-Agent", "")
        fault = self._faults.take(info, agent)
        if info.verb == "watch" and (fault is None or fault.action == "stall"):
            return await self._watch(request, info, agent, stalled=fault is not None)
        if fault is not None and fault.action == "hang":
            self._log(info, agent, 0)
        response = await self._meet(request, info, fault)
        self._log(info, agent, response.status if response is not None else 0)
        return response if response is not None else await self._cut(request)

    async def _watch(
        self, request: web.BaseRequest, info: RequestInfo, agent: str, *, stalled: bool
    ) -> web.StreamResponse:
        """Answer a watch; it is logged when it begins, as its end may be far."""

        def opened() -> None:
            self._log(info, agent, 200)

        try:
            return await self._operations.watch(request, info, opened, stalled=stalled)
        except StatusError as error:
            self._log(info, agent, error.code)
            return failure(error)

    async def _meet(
        self, request: web.BaseRequest, info: RequestInfo, fault: Fault | None
    ) -> web.StreamResponse | None:
        if fault is None:
            return await self._answer(request, info)
        done = await self._answer(request, info) if fault.after else None
        match fault.action:
            case "status":
                return failure(fault.error())
            case "hang":
                await asyncio.Event().wait()
            case "slow":
                await sleep(self._cluster.clock, fault.seconds)
                return done or await self._answer(request, info)
            case "reset" | "stall":
                pass
        return None

    async def _answer(self, request: web.BaseRequest, info: RequestInfo) -> web.StreamResponse:
        try:
            return await self._operations.handle(request, info)
        except StatusError as error:
            return failure(error)

    async def _cut(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    def _log(self, info: RequestInfo, agent: str, code: int) -> None:
        self._requests.add(
            LoggedRequest(
                time=rfc3339(self._cluster.clock.now()),
                verb=info.verb,
                group=info.group,
                resource=info.plural,
                subresource=info.subresource,
                namespace=info.namespace or "",
                name=info.name,
                user_agent=agent,
                code=code,
            )
        )

    def _discover(self, request: web.BaseRequest) -> web.Response:
        body = self._document(request)
        if body is None:
            return web.Response(status=404, text="404 page not found\n")
        if isinstance(body, str):
            return web.Response(text=body)
        return answer(200, body, negotiate(request.headers.get("Accept", ""), transforms=False))

    def _document(self, request: web.BaseRequest) -> Object | str | None:
        resources = self._cluster.resources
        parts = [part for part in request.path.split("/") if part]
        if request.method != "GET":
            return None
        if request.path.rstrip("/") in _HEALTH:
            return "ok"
        match parts:
            case ["version"]:
                return discovery.VERSION
            case ["api"]:
                return discovery.core_versions(request.host)
            case ["api", version]:
                return discovery.resource_list(resources, "", version)
            case ["apis"]:
                return discovery.group_list(resources)
            case ["apis", group]:
                return discovery.group(resources, group)
            case ["apis", group, version]:
                return discovery.resource_list(resources, group, version)
            case ["openapi", "v3"]:
                return openapi.index(resources)
            case ["openapi", "v3", "api", version]:
                return openapi.document(resources, "", version)
            case ["openapi", "v3", "apis", group, version]:
                return openapi.document(resources, group, version)
            case _:
                return None
