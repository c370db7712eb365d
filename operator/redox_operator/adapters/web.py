"""`/healthz` and `/readyz` on one address, `/metrics` on another; nothing else is served."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web

from redox_operator.domain.errors import ConfigurationError

Check = Callable[[], Sequence[str]]
"""What is wrong, a line each; nothing where all is well."""


class WebServer:
    """One address."""

    def __init__(self, name: str, host: str, port: int) -> None:
        self._name, self._host, self._port = name, host, port
        self._app = web.Application()
        self._runner: web.AppRunner | None = None

    def add_check(self, path: str, check: Check) -> None:
        """Answer 200 `ok`, or 503 with what is wrong."""

        async def handle(_: web.Request) -> web.Response:
            faults = check()
            text = "\n".join(faults) or "ok"
            return web.Response(status=503 if faults else 200, text=text + "\n")

        self._app.router.add_get(path, handle)

    def add_text(self, path: str, content_type: str, text: Callable[[], bytes]) -> None:
        """Answer with this text."""

        async def handle(_: web.Request) -> web.Response:
            return web.Response(body=text(), headers={"Content-Type": content_type})

        self._app.router.add_get(path, handle)

    async def start(self) -> int:
        """Listen; the port. Raises `ConfigurationError` where the address cannot be had."""
        runner = self._runner = web.AppRunner(
            self._app, access_log=None, handle_signals=False, shutdown_timeout=1.0
        )
        await runner.setup()
        site = web.TCPSite(runner, self._host or None, self._port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigurationError(
                [f"{self._name}: cannot listen on {self._host}:{self._port} ({error.strerror})."]
            ) from error
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
