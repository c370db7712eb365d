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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import kopf

from redox_operator.adapters.cluster.secrets import TARGET_SELECTOR
from redox_operator.controllers.watch_requests import WatchRequests
from redox_operator.controllers.watch_state import (
    SECRETS,
    Change,
    WatchFailed,
    WatchState,
    now_in_loop,
)
from redox_operator.domain.credential import GROUP, PLURAL, VERSION

logger = logging.getLogger(__name__)

LOOK_INTERVAL = 1.0
STUCK_AFTER = 15
"""Looks in a row at a thread that gave no heartbeat. They are counted, not timed: while the
process is stopped nobody looks."""
START_TIMEOUT = 30
"""Seconds for every watcher to begin. kopf watches nothing, for ever, where the kind is missing as
it looks."""
END_TIMEOUT = 3.0
"""Seconds for kopf to end by itself."""
RESTART_DELAYS = (1.0, 2.0, 5.0, 10.0, 30.0)
_STOP_TIMEOUT = 1.0


@dataclass(slots=True)
class Watch(WatchState):
    """Watches credentials and, as metadata only, target Secrets."""

    restart_delays: tuple[float, ...] = RESTART_DELAYS
    look_interval: float = LOOK_INTERVAL
    _thread: _Thread | None = None

    async def loop(self) -> None:
        """Keep kopf running, until cancelled.

        Raises `WatchFailed` where that cannot be done, or does not help.
        """
        failures = 0
        while True:
            started = now_in_loop()
            self._stopped_at = self._stopped_at or started
            self._thread = _Thread(self)
            self.begin(started)
            await self._thread.run(self.look)
            now = now_in_loop()
            self.set_alive(False, now)
            self._stopped_at = self._stopped_at or now
            failures = 0 if now - started > 60 else failures + 1
            delay = self.restart_delays[min(failures, len(self.restart_delays) - 1)]
            logger.warning("the watches ended; they begin anew in %.0f s", delay)
            await asyncio.sleep(delay)
            self.on_restart()

    def restart(self) -> None:
        """Begin every watch anew."""
        if self._thread is not None:
            self._thread.stop()


class _Thread:
    """One life of kopf."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._main = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._looks = 0
        """Since the last heartbeat."""
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    async def run(self, look: Callable[[], None]) -> None:
        """Start the thread and wait until it ends, looking every second; cancelling stops it.

        Raises `WatchFailed` where the thread does not end when it is stopped.
        """
        threading.Thread(target=self._run, name="watch", daemon=True).start()
        try:
            while not await self._ends_within(self._watch.look_interval):
                self._looks += 1
                if self._looks < STUCK_AFTER:
                    look()
                elif self._looks == STUCK_AFTER:
                    self._watch.set_alive(False, self._main.time())
                    self.stop()
                elif self._looks > 2 * STUCK_AFTER:
                    logger.error("the thread of the watches stands still, so the process ends")
                    raise WatchFailed("The thread of the watches does not answer.")
        except asyncio.CancelledError:
            self.stop()
            await self._ends_within(_STOP_TIMEOUT)
            raise

    async def _ends_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        return self._ended.is_set()

    def stop(self) -> None:
        """Have kopf end; `run` returns when it has."""
        self._stopping = True
        if self._loop is not None and self._stop is not None:
            # It may have ended meanwhile: then its loop is closed.
            with contextlib.suppress(RuntimeError):
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
        if self._stopping:
            return
        watch = self._watch
        # What exists before kopf begins is left alone when it ends.
        ours = {asyncio.create_task(each) for each in (self._monitor(), self._stop.wait())}
        running = asyncio.create_task(
            kopf.operator(
                registry=self._registry(),
                settings=_settings(watch.label_selector),
                # Else kopf asks for the user's name, and an arbitrary UID has none.
                identity="redox-operator",  # type: ignore[arg-type]  # its type is not public
                standalone=True,
                clusterwide=not watch.namespaces,
                namespaces=watch.namespaces,
                stop_flag=self._stop,
            )
        )
        await asyncio.wait({running, *ours}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({running}, timeout=END_TIMEOUT)
        while not running.done():
            # A watcher may wait for ever for a login that nobody makes any more.
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.wait({running}, timeout=1)
        if not running.cancelled():
            running.result()

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        watch = self._watch
        requests = WatchRequests(
            watch.connection,
            answered=lambda *answer: self._tell(watch.answered, *answer),
            heard=lambda name: self._tell(lambda: watch.signs.heard(name, self._main.time())),
            opened=lambda name: self._tell(watch.opened, name),
            marked=lambda *bookmark: self._tell(watch.marked, *bookmark),
        )

        @kopf.on.login(registry=registry)
        async def login(**_: object) -> kopf.AiohttpSession:
            return kopf.AiohttpSession(
                server=watch.connection.server, aiohttp_session=requests.session()
            )

        @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
        async def credential(event: kopf.RawEvent, **_: object) -> None:
            self._told(PLURAL, event)

        if watch.watch_secrets:

            @kopf.on.event("", "v1", SECRETS, registry=registry)
            async def target(event: kopf.RawEvent, **_: object) -> None:
                self._told(SECRETS, event)

        return registry

    def _told(self, resource: str, event: kopf.RawEvent) -> None:
        change, listed = _change(event), event["type"] is None
        self._tell(lambda: self._watch.told(resource, change, listed=listed))

    async def _monitor(self) -> None:
        """Tell time and again whether all watchers are there, by the names of their tasks.

        Where one is not, kopf ends: it would live on without, or wait for others to end.
        """
        assert self._stop is not None  # noqa: S101 - for the type checker
        kinds = 2 if self._watch.watch_secrets else 1
        wanted = kinds * max(1, len(self._watch.namespaces))
        began = asyncio.get_running_loop().time()
        lived = False
        while True:
            names = [task.get_name() for task in asyncio.all_tasks()]
            watchers = [name for name in names if name.startswith("watcher for ")]
            alive = sum(PLURAL in name or SECRETS in name for name in watchers) >= wanted
            self._tell(self._heartbeat, alive)
            lived = lived or alive
            if not alive and (lived or asyncio.get_running_loop().time() - began > START_TIMEOUT):
                self._stop.set()
            await asyncio.sleep(1 if alive else 0.1)

    def _heartbeat(self, alive: bool) -> None:
        self._looks = 0
        self._watch.set_alive(alive, self._main.time())

    def _tell(self, function: Callable[..., object], *arguments: object) -> None:
        # Where the operator's loop is closed, it is over.
        with contextlib.suppress(RuntimeError):
            self._main.call_soon_threadsafe(function, *arguments)


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
    settings.watching.label_selectors["", "v1", SECRETS] = TARGET_SELECTOR
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
