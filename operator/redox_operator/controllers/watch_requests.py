"""The requests of the watches: authenticated, for metadata only where Secrets are asked for, and
noted with what comes in answer.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from redox_operator.adapters.cluster.connection import METADATA, METADATA_LIST
from redox_operator.controllers.watch_signs import watch_name

_ERROR_EVENT = b'{"type":"ERROR"'
_BOOKMARK = re.compile(rb'^{"type":"BOOKMARK".*?"resourceVersion":"(\d+)"', re.MULTILINE)
_FAILED = 500
"""Noted for an ERROR event, whatever its code: the list that follows tells more."""


class ConnectionPort(Protocol):
    """The API server's address, and sessions that authenticate."""

    @property
    def server(self) -> str: ...
    async def authorization(self) -> dict[str, str]: ...
    def session(
        self,
        middleware: aiohttp.ClientMiddlewareType,
        response_class: type[aiohttp.ClientResponse],
    ) -> aiohttp.ClientSession: ...


@dataclass(frozen=True, slots=True)
class WatchRequests:
    """Makes the session of one life of the watches."""

    connection: ConnectionPort
    answered: Callable[[str, int], None]
    """Called with a watch's name and an HTTP status; 0: there was no answer."""
    heard: Callable[[str], None]
    """Called when something came on an open watch."""
    opened: Callable[[str], None]
    """Called with a watch's name when it is open."""
    marked: Callable[[str, str], None]
    """Called with a watch's name and the revision of a bookmark."""

    def session(self) -> aiohttp.ClientSession:
        """A session in the running loop; the caller closes it."""
        return self.connection.session(self._send, ListResponse)

    async def _send(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers.update(await self.connection.authorization())
        watch, watching = _watch_of(request.url.path), "watch" in request.url.query
        if request.url.path.endswith("/secrets"):
            request.headers["Accept"] = METADATA if watching else METADATA_LIST
        try:
            response = await handler(request)
        except (aiohttp.ClientError, TimeoutError, OSError):
            self.answered(watch, 0)
            raise
        self.answered(watch, response.status)
        if watching and response.status < 300:
            self.opened(watch)
            response.content = _Stream(response.content, watch, self)  # type: ignore[assignment]
        return response


def _watch_of(path: str) -> str:
    parts = path.strip("/").split("/")
    return watch_name(parts[-1], parts[-2] if parts[-3:-2] == ["namespaces"] else None)


class ListResponse(aiohttp.ClientResponse):
    """An empty list of metadata has `items: null`, over which kopf stumbles."""

    async def json(self, **options: Any) -> Any:
        """The body, parsed."""
        parsed = await super().json(**options)
        if isinstance(parsed, dict) and "items" in parsed and parsed["items"] is None:
            parsed["items"] = []
        return parsed


@dataclass(frozen=True, slots=True)
class _Stream:
    """The content of an open watch; whatever comes is a sign of life, bookmarks among it."""

    content: aiohttp.StreamReader
    watch: str
    requests: WatchRequests

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        async for data in self.content.iter_chunked(size):
            if data.startswith(_ERROR_EVENT) or b"\n" + _ERROR_EVENT in data:
                # What comes next is the list; its answer tells that the trouble is over.
                self.requests.answered(self.watch, _FAILED)
            else:
                self.requests.heard(self.watch)
            for bookmark in _BOOKMARK.finditer(data):
                self.requests.marked(self.watch, bookmark[1].decode())
            yield data

    def __getattr__(self, name: str) -> Any:
        return getattr(self.content, name)
