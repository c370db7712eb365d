"""What happens in the cluster, through kopf: the only module that knows it.

kopf runs in a thread with a loop of its own. It installs signal handlers where it can and cancels
every task that began after it did; here it can do neither to the operator. Only `on.event` is
used: no finalizer, no annotation, no patch ever comes from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import kopf

from redox_operator.adapters.cluster.connection import METADATA, METADATA_LIST
from redox_operator.adapters.cluster.secrets import TARGET_SELECTOR
from redox_operator.domain.credential import GROUP, PLURAL, VERSION

logger = logging.getLogger(__name__)

_RESTART_DELAYS = (1.0, 2.0, 5.0, 10.0, 30.0)
_STOP_TIMEOUT = 1.0
_REFUSALS = frozenset({401, 403, 404})


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
class Change:
    """An object as a watch or list showed it."""

    body: Mapping[str, Any]
    deleted: bool


@dataclass(slots=True)
class Watch:
    """Watches credentials and, as metadata only, target Secrets."""

    connection: ConnectionPort
    namespaces: tuple[str, ...]
    """Empty: the whole cluster."""
    watch_secrets: bool
    label_selector: str | None
    on_credential: Callable[[Change], None]
    on_target: Callable[[Change], None]
    """Both are called in the operator's loop."""
    on_restart: Callable[[], None]
    """Called when the watches began anew: what happened in between is not known."""
    alive: bool = False
    """Whether every watch runs."""
    stopped_at: float | None = None
    """Loop time since when it does not."""
    refused: dict[str, int] = field(default_factory=dict)
    """HTTP status by path of watches and lists that the API server refuses: kopf tries for ever."""
    _thread: _Thread | None = None

    async def loop(self) -> None:
        """Keep kopf running, until cancelled."""
        failures = 0
        while True:
            started = asyncio.get_running_loop().time()
            self.stopped_at = self.stopped_at or started
            self._thread = _Thread(self)
            await self._thread.run()
            self.alive = False
            now = asyncio.get_running_loop().time()
            self.stopped_at = self.stopped_at or now
            failures = 0 if now - started > 60 else failures + 1
            delay = _RESTART_DELAYS[min(failures, len(_RESTART_DELAYS) - 1)]
            logger.warning("the watches ended; they begin anew in %.0f s", delay)
            await asyncio.sleep(delay)
            self.on_restart()

    def restart(self) -> None:
        """Begin every watch anew."""
        if self._thread is not None:
            self._thread.stop()

    def set_alive(self, alive: bool, now: float) -> None:
        """Note whether every watch runs."""
        if alive:
            self.stopped_at = None
        elif self.alive:
            self.stopped_at = now
        self.alive = alive

    def answered(self, path: str, status: int) -> None:
        """Note an answer of the API server to a list or watch."""
        if status in _REFUSALS:
            self.refused[path] = status
        else:
            self.refused.pop(path, None)


class _Thread:
    """One life of kopf."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._main = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    async def run(self) -> None:
        """Start the thread and wait until it ends; cancelling stops it."""
        thread = threading.Thread(target=self._run, name="watch", daemon=True)
        thread.start()
        try:
            await self._ended.wait()
        except asyncio.CancelledError:
            self.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_TIMEOUT):
                    await self._ended.wait()
            raise

    def stop(self) -> None:
        """Have kopf end; `run` returns when it has."""
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    def _run(self) -> None:
        try:
            asyncio.run(self._operate())
        except Exception as error:  # noqa: BLE001 - whatever ends kopf, it begins anew
            logger.warning("the watches failed (%s)", type(error).__name__)
        finally:
            self._tell(self._ended.set)

    async def _operate(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        watch = self._watch
        monitor = asyncio.create_task(self._monitor(), name="watch monitor")
        try:
            await kopf.operator(
                registry=self._registry(),
                settings=_settings(watch.label_selector),
                standalone=True,
                clusterwide=not watch.namespaces,
                namespaces=watch.namespaces,
                stop_flag=self._stop,
            )
        finally:
            monitor.cancel()

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        watch = self._watch

        @kopf.on.login(registry=registry)
        async def login(**_: object) -> kopf.AiohttpSession:
            session = watch.connection.session(self._authenticate, _Response)
            return kopf.AiohttpSession(server=watch.connection.server, aiohttp_session=session)

        @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
        async def credential(event: kopf.RawEvent, **_: object) -> None:
            self._tell(watch.on_credential, _change(event))

        if watch.watch_secrets:

            @kopf.on.event("", "v1", "secrets", registry=registry)
            async def target(event: kopf.RawEvent, **_: object) -> None:
                self._tell(watch.on_target, _change(event))

        return registry

    async def _authenticate(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers.update(await self._watch.connection.authorization())
        if request.url.path.endswith("/secrets"):
            watching = "watch" in request.url.query
            request.headers["Accept"] = METADATA if watching else METADATA_LIST
        response = await handler(request)
        self._tell(self._watch.answered, request.url.path, response.status)
        return response

    async def _monitor(self) -> None:
        """Tell every second whether all watchers are there, by the names of their tasks."""
        kinds = 2 if self._watch.watch_secrets else 1
        wanted = kinds * max(1, len(self._watch.namespaces))
        while True:
            names = [task.get_name() for task in asyncio.all_tasks()]
            watchers = [name for name in names if name.startswith("watcher for ")]
            alive = sum(PLURAL in name or "secrets" in name for name in watchers) >= wanted
            self._tell(lambda alive=alive: self._watch.set_alive(alive, self._main.time()))
            await asyncio.sleep(1)

    def _tell(self, function: Callable[..., object], *arguments: object) -> None:
        try:
            self._main.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            # The operator's loop is closed: it is over.
            return


class _Response(aiohttp.ClientResponse):
    """An empty list of metadata has `items: null`, over which kopf stumbles."""

    async def json(self, **options: Any) -> Any:
        """The body, parsed."""
        parsed = await super().json(**options)
        if isinstance(parsed, dict) and "items" in parsed and parsed["items"] is None:
            parsed["items"] = []
        return parsed


def _change(event: kopf.RawEvent) -> Change:
    body: dict[str, Any] = dict(event["object"])
    body["metadata"] = {
        name: value for name, value in body["metadata"].items() if name != "managedFields"
    }
    return Change(body, event["type"] == "DELETED")


def _settings(label_selector: str | None) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    # Neither CustomResourceDefinitions nor Namespaces may be read.
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.chunk_size = 100
    settings.watching.label_selectors["", "v1", "secrets"] = TARGET_SELECTOR
    if label_selector:
        settings.watching.label_selectors[GROUP, VERSION, PLURAL] = label_selector
    # Workers of a burst live that long together; the default of 5 s costs 10 KiB an object.
    settings.queueing.idle_timeout = 0.2
    # The default gives up after a minute, and with it the process.
    settings.networking.error_backoffs = _EndlessBackoffs()
    settings.networking.request_timeout = 30.0
    settings.networking.connect_timeout = 5.0
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    return settings


class _EndlessBackoffs:
    """1, 2, 5, 10, 10, … seconds."""

    def __iter__(self) -> Iterator[float]:
        yield from (1.0, 2.0, 5.0)
        while True:
            yield 10.0


class _NoDiffBase(kopf.DiffBaseStorage):
    """Nothing is compared with earlier versions, which saves a third of each event's time."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> Any:
        return None

    def store(self, **_: Any) -> None:
        return None


class _NoProgress(kopf.ProgressStorage):
    """No handler's progress is kept on objects."""

    def fetch(self, **_: Any) -> Any:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: Any) -> Any:
        return essence
