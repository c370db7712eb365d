"""One request on a resource: read its parameters, do it, answer in the negotiated form."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from redox_sandbox.kubernetes.clock import sleep
from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.deleting import delete, parse_delete_options
from redox_sandbox.kubernetes.errors import (
    StatusError,
    method_not_allowed,
    no_such_resource,
    not_found,
)
from redox_sandbox.kubernetes.faults import Faults
from redox_sandbox.kubernetes.patching import APPLY_PATCH, accepted_types, patch
from redox_sandbox.kubernetes.reading import get, list_objects
from redox_sandbox.kubernetes.resources import Resource
from redox_sandbox.kubernetes.serving import parameters
from redox_sandbox.kubernetes.serving.answers import (
    answer,
    include_object,
    transform_object,
    transform_page,
)
from redox_sandbox.kubernetes.serving.bodies import (
    media_type,
    parse_object,
    parse_optional,
    parse_patch,
    read_body,
)
from redox_sandbox.kubernetes.serving.negotiation import negotiate
from redox_sandbox.kubernetes.serving.paths import RequestInfo
from redox_sandbox.kubernetes.serving.streams import stream_watch
from redox_sandbox.kubernetes.watching import Watch, Watches
from redox_sandbox.kubernetes.writing import Written, create, update

# So long the real server waits for a revision before it answers 504.
REVISION_WAIT = 3.0


class Operations:
    """The verbs of the API over one cluster."""

    def __init__(self, cluster: Cluster, watches: Watches, faults: Faults) -> None:
        self._cluster = cluster
        self._watches = watches
        self._faults = faults

    async def handle(self, request: web.BaseRequest, info: RequestInfo) -> web.StreamResponse:
        """Carry out a request.

        Raises:
            StatusError: it failed.
        """
        resource = self._resource(info)
        match info.verb:
            case "get":
                return await self._get(request, resource, info)
            case "list":
                return await self._list(request, resource, info)
            case "watch":
                return await self.watch(request, info, lambda: None)
            case "create" | "update" | "patch":
                return await self._write(request, resource, info)
            case _:
                return await self._delete(request, resource, info)

    def _resource(self, info: RequestInfo) -> Resource:
        resource = self._cluster.resources.find(info.group, info.version, info.plural)
        if resource is None:
            raise no_such_resource()
        if info.subresource and info.subresource not in resource.subresources:
            if resource.strategy.custom:
                raise not_found(resource.group, resource.plural, info.name)
            raise no_such_resource()
        if info.namespace is not None and not resource.namespaced:
            raise no_such_resource()
        named = info.verb in ("get", "update", "patch", "delete")
        in_place = info.namespace is not None or not resource.namespaced
        if not in_place and info.name:
            raise no_such_resource()
        if info.verb not in resource.verbs or named != bool(info.name):
            raise method_not_allowed()
        if not in_place and info.verb not in ("list", "watch"):
            raise method_not_allowed()
        return resource

    async def _get(
        self, request: web.BaseRequest, resource: Resource, info: RequestInfo
    ) -> web.Response:
        form = negotiate(request.headers.get("Accept", ""))
        revision = parameters.revision_of(request.query)
        await self._reach(revision)
        frozen = self._faults.frozen_at(resource.storage)
        include = include_object(request.query.get("includeObject", ""))
        obj = get(
            self._cluster, resource, info.namespace, info.name, revision=revision, frozen=frozen
        )
        encoded = resource.strategy.encode(resource, obj)
        now = self._cluster.clock.now()
        return answer(200, transform_object(resource, encoded, form, include, now, obj), form)

    async def _list(
        self, request: web.BaseRequest, resource: Resource, info: RequestInfo
    ) -> web.Response:
        form = negotiate(request.headers.get("Accept", ""))
        include = include_object(request.query.get("includeObject", ""))
        options = parameters.list_options(resource, request.query, watch=False)
        await self._reach(options.revision)
        frozen = self._faults.frozen_at(resource.storage)
        page = list_objects(self._cluster, resource, info.namespace, options, frozen=frozen)
        now = self._cluster.clock.now()
        return answer(200, transform_page(resource, page, form, include, now), form)

    async def watch(
        self,
        request: web.BaseRequest,
        info: RequestInfo,
        opened: Callable[[], None],
        *,
        stalled: bool = False,
    ) -> web.StreamResponse:
        """Open a watch and stream it; `stalled` opens one that sends nothing.

        Raises:
            StatusError: it could not be opened; else `opened` has been called.
        """
        resource = self._resource(info)
        form = negotiate(request.headers.get("Accept", ""))
        include = include_object(request.query.get("includeObject", ""))
        options = parameters.list_options(resource, request.query, watch=True)
        watch = Watch(self._cluster, resource, info.namespace, options)
        if stalled:
            watch.stall()
        opened()
        return await stream_watch(request, self._cluster, self._watches, watch, form, include)

    async def _write(
        self, request: web.BaseRequest, resource: Resource, info: RequestInfo
    ) -> web.Response:
        form = negotiate(request.headers.get("Accept", ""))
        include = include_object(request.query.get("includeObject", ""))
        content = await read_body(request)
        written = self._written(request, resource, info, content)
        encoded = resource.strategy.encode(resource, written.object)
        now = self._cluster.clock.now()
        shown = transform_object(resource, encoded, form, include, now, written.object)
        return answer(written.code, shown, form, written.warnings)

    def _written(
        self, request: web.BaseRequest, resource: Resource, info: RequestInfo, content: bytes
    ) -> Written:
        media = media_type(request)
        options = parameters.write_options(
            request.query,
            info.verb,
            request.headers.get("User-Agent", ""),
            subresource=info.subresource,
            apply=media == APPLY_PATCH,
        )
        if info.verb != "patch":
            body = parse_object(resource.kind, media, content)
            if info.verb == "create":
                return create(self._cluster, resource, info.namespace, body, options)
            return update(self._cluster, resource, info.namespace, info.name, body, options)
        if media not in accepted_types(resource) and not resource.strategy.custom:
            raise StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
        document = parse_patch(media, content)
        return patch(self._cluster, resource, info.namespace, info.name, media, document, options)

    async def _delete(
        self, request: web.BaseRequest, resource: Resource, info: RequestInfo
    ) -> web.Response:
        form = negotiate(request.headers.get("Accept", ""))
        body = parse_optional(await read_body(request))
        options = parse_delete_options(body, dict(request.query))
        if info.verb == "delete":
            return answer(
                200, delete(self._cluster, resource, info.namespace, info.name, options), form
            )
        selection = parameters.list_options(resource, request.query, watch=False)
        page = list_objects(self._cluster, resource, info.namespace, selection)
        for obj in page.objects:
            metadata = obj["metadata"]
            delete(self._cluster, resource, metadata.get("namespace"), metadata["name"], options)
        now = self._cluster.clock.now()
        return answer(200, transform_page(resource, page, form, "Metadata", now), form)

    async def _reach(self, revision: int | None) -> None:
        if revision and revision > self._cluster.store.revision:
            await sleep(self._cluster.clock, REVISION_WAIT)
