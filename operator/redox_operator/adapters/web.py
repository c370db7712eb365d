"""`/healthz` and `/readyz` on one address, `/metrics` on another; nothing else is served.

Each address has a thread with a loop of its own, so that an operator whose event loop stands still
is answered for, too. Checks and texts are made in the operator's loop, which is asked for them.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from aiohttp import web

from redox_operator.domain.errors import ConfigurationError

Check = Callable[[], Sequence[str]]
"""What is wrong, a line each; nothing where all is well."""

ANSWER_TIMEOUT = 1.0
"""Seconds that the operator's loop has for a check; probes wait for three."""
TEXT_TIMEOUT = 5.0
"""The same for a text: the metrics of thousands of credentials."""
STILL_AFTER = 30
"""Heartbeats, one a second, that the operator's loop may miss."""
_BEAT = 1.0
_STOP_TIMEOUT = 2.0

_T = TypeVar("_T")


class WebServer:
    """One address."""

    def __init__(self, name: str, host: str, port: int, *, still_after: int = STILL_AFTER) -> None:
        self._name, self._host, self._port = name, host, port
        self._still_after = still_after
        self._app = web.Application()
        self._missed = 0
        """Heartbeats in a row. They are counted, not timed: while the process is stopped, or the
        machine suspended, nobody counts."""
        self._main: asyncio.AbstractEventLoop | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._ended: concurrent.futures.Future[None] = concurrent.futures.Future()

    def add_check(self, path: str, check: Check, *, at_first: Sequence[str] = ()) -> None:
        """Answer 200 `ok`, or 503 with what is wrong.

        `at_first`: what counts as wrong while the operator's loop is too busy for the first look.
        """
        known = at_first

        async def handle(_: web.Request) -> web.Response:
            nonlocal known
            try:
                faults = known = await self._ask(check, ANSWER_TIMEOUT)
            except TimeoutError:
                # A loop that is only busy is as well as it was a moment ago.
                faults = ["the event loop stands still"] if self._stands_still() else known
            text = "\n".join(faults) or "ok"
            return web.Response(status=503 if faults else 200, text=text + "\n")

        self._app.router.add_get(path, handle)

    def add_text(self, path: str, content_type: str, text: Callable[[], bytes]) -> None:
        """Answer with this text, or 503 where the operator's loop does not make it in time."""

        async def handle(_: web.Request) -> web.Response:
            try:
                body = await self._ask(text, TEXT_TIMEOUT)
            except TimeoutError:
                return web.Response(status=503, text="the event loop does not answer\n")
            return web.Response(body=body, headers={"Content-Type": content_type})

        self._app.router.add_get(path, handle)

    async def start(self) -> int:
        """Listen; the port. Raises `ConfigurationError` where the address cannot be had."""
        self._main = asyncio.get_running_loop()
        started: concurrent.futures.Future[int] = concurrent.futures.Future()
        threading.Thread(target=self._run, args=(started,), name=self._name, daemon=True).start()
        return await asyncio.wrap_future(started)

    async def stop(self) -> None:
        """Stop listening."""
        if self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        await asyncio.wait((asyncio.wrap_future(self._ended),), timeout=_STOP_TIMEOUT)

    def _run(self, started: concurrent.futures.Future[int]) -> None:
        try:
            asyncio.run(self._serve(started))
        except OSError as error:
            fault = f"{self._name}: cannot listen on {self._host}:{self._port} ({error.strerror})."
            _fail(started, ConfigurationError([fault]))
        except Exception as error:  # noqa: BLE001 - raised again by `start`, which waits for it
            _fail(started, error)
        finally:
            self._ended.set_result(None)

    async def _serve(self, started: concurrent.futures.Future[int]) -> None:
        runner = web.AppRunner(
            self._app, access_log=None, handle_signals=False, shutdown_timeout=_STOP_TIMEOUT / 2
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host or None, self._port).start()
            self._loop = asyncio.get_running_loop()
            started.set_result(int(runner.addresses[0][1]))
            while not self._stop.is_set():
                self._missed += 1
                self._in_main(self._beat)
                try:
                    async with asyncio.timeout(_BEAT):
                        await self._stop.wait()
                except TimeoutError:
                    continue
        finally:
            await runner.cleanup()

    def _beat(self) -> None:
        self._missed = 0

    def _stands_still(self) -> bool:
        return self._missed >= self._still_after

    async def _ask(self, function: Callable[[], _T], timeout: float) -> _T:
        """The function's result, from the operator's loop. Raises `TimeoutError`."""
        if self._stands_still():
            raise TimeoutError
        asked: concurrent.futures.Future[_T] = concurrent.futures.Future()

        def answer() -> None:
            if not asked.set_running_or_notify_cancel():
                return
            try:
                asked.set_result(function())
            except Exception as error:  # noqa: BLE001 - raised again where it was asked for
                asked.set_exception(error)

        self._in_main(answer)
        async with asyncio.timeout(timeout):
            return await asyncio.wrap_future(asked)

    def _in_main(self, function: Callable[[], None]) -> None:
        assert self._main is not None  # noqa: S101 - for the type checker
        try:
            self._main.call_soon_threadsafe(function)
        except RuntimeError:
            # The operator's loop is closed: it is over, and nobody answers.
            return


def _fail(started: concurrent.futures.Future[int], error: Exception) -> None:
    if not started.done():
        started.set_exception(error)
