"""A watch over HTTP: one JSON line for each event, in the negotiated form."""

from __future__ import annotations

from aiohttp import web

from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.serving.answers import dump, transform_object
from redox_sandbox.kubernetes.serving.negotiation import Form
from redox_sandbox.kubernetes.watching import Watch, Watches, WatchEvent


async def stream_watch(
    request: web.BaseRequest,
    cluster: Cluster,
    watches: Watches,
    watch: Watch,
    form: Form,
    include: str,
) -> web.StreamResponse:
    """Send the events of a watch until it ends or the client goes."""
    response = web.StreamResponse()
    response.content_type = "application/json"
    response.enable_chunked_encoding()
    watches.add(watch)
    encoder = _Encoder(cluster, watch, form, include)
    try:
        await response.prepare(request)
        while events := await watch.next_events():
            if lines := b"".join(encoder.encode(event) for event in events):
                await response.write(lines)
        await response.write_eof()
    finally:
        watches.discard(watch)
        watch.close()
    return response


class _Encoder:
    def __init__(self, cluster: Cluster, watch: Watch, form: Form, include: str) -> None:
        self._cluster = cluster
        self._resource = watch.resource
        self._form = form
        self._include = include
        self._headers = True

    def encode(self, event: WatchEvent) -> bytes:
        # The real server sends no event when the form is one of lists.
        if self._form.transform == "PartialObjectMetadataList":
            return b""
        obj = event.object if event.type == "ERROR" else self._shown(event.object)
        return dump({"type": event.type, "object": obj}) + b"\n"

    def _shown(self, obj: Object) -> Object:
        strategy = self._resource.strategy
        bare = obj.keys() == {"metadata"} and "name" not in obj["metadata"]
        kind = {"kind": self._resource.kind, "apiVersion": self._resource.api_version}
        encoded = {**kind, **obj} if bare else strategy.encode(self._resource, obj)
        shown = transform_object(
            self._resource,
            encoded,
            self._form,
            self._include,
            self._cluster.clock.now(),
            obj,
            headers=self._headers,
        )
        self._headers = False
        return shown
