"""The sandbox on its sockets, on the running event loop."""

from __future__ import annotations

import ipaddress
import random
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from . import admin, app
from .certificates import server_context
from .clients_file import ClientsFile
from .clock import Clock
from .faults import Faults
from .key_sets import KeySets
from .rate_limit import RateLimit
from .state import State

ORGANIZATION = "redox-fhir-sandbox"
ENVIRONMENT = "Development"
# Hanging answers are cut off this long after the stop; together it stays below one second.
_SHUTDOWN_SECONDS = 0.2


def report_to_stderr(sentence: str) -> None:
    """Say one sentence to whoever started the sandbox."""
    print(f"redox-sandbox: {sentence}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. Host "" means all interfaces, port 0 a free one."""

    host: str
    port: int


LOOPBACK = Address("127.0.0.1", 0)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the sandbox runs. `clock`, `draw` and `report` are for tests."""

    clients: Path
    data_dir: Path
    address: Address = LOOPBACK
    admin_address: Address = LOOPBACK
    token_lifetime: int = 300
    revoke_earlier: bool = False
    rate_limit: int = 0
    host_names: tuple[str, ...] = ()
    public_url: str | None = None
    clock: Clock = field(default_factory=Clock)
    draw: Callable[[], float] = random.random
    report: Callable[[str], None] = report_to_stderr


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox: its addresses, and its state for tests in the same process."""

    token_url: str
    fhir_base_url: str
    data_model_url: str
    ca_file: Path
    admin_url: str
    state: State


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Sandbox]:
    """Serve until the block ends.

    Raises `ClientsInvalid` for a faulty clients file and OSError for an address or data directory
    that cannot be used.
    """
    state = State(
        clock=settings.clock,
        clients=ClientsFile(settings.clients, settings.report),
        key_sets=KeySets(settings.clock, settings.report),
        faults=Faults(settings.draw),
        rate_limit=RateLimit(settings.rate_limit),
        token_lifetime=settings.token_lifetime,
        revoke_earlier=settings.revoke_earlier,
    )
    context, ca_file = server_context(settings.data_dir, _names(settings))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(state.key_sets.close)
        listener = stack.enter_context(_listen(settings.address))
        admin_listener = stack.enter_context(_listen(settings.admin_address))
        state.base_url = settings.public_url or _url("https", settings.address.host, listener)
        await _serve(stack, app.build(state), listener, context)
        await _serve(stack, admin.build(state), admin_listener, None)
        yield Sandbox(
            token_url=state.token_url,
            fhir_base_url=f"{state.base_url}/fhir/R4/{ORGANIZATION}/{ENVIRONMENT}",
            data_model_url=f"{state.base_url}/endpoint",
            ca_file=ca_file,
            admin_url=_url("http", settings.admin_address.host, admin_listener),
            state=state,
        )


async def _serve(
    stack: AsyncExitStack,
    application: web.Application,
    listener: socket.socket,
    context: ssl.SSLContext | None,
) -> None:
    runner = web.AppRunner(
        application,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener, ssl_context=context, backlog=1024).start()


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=1024)
    except OSError as error:
        where = f"{address.host}:{address.port}"
        raise OSError(error.errno, f"cannot listen on {where}: {error.strerror}") from None


def _url(scheme: str, host: str, listener: socket.socket) -> str:
    name = _reachable(host)
    return f"{scheme}://{f'[{name}]' if ':' in name else name}:{listener.getsockname()[1]}"


def _reachable(host: str) -> str:
    """The host by which a listener is reached from the same machine."""
    if not host:
        return "127.0.0.1"
    try:
        unspecified = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host
    if not unspecified:
        return host
    return "::1" if ":" in host else "127.0.0.1"


def _names(settings: Settings) -> set[str]:
    names = {*settings.host_names, _reachable(settings.address.host)}
    if settings.public_url:
        names.add(host_of(settings.public_url))
    return names


def host_of(url: str) -> str:
    """The host of an `https://host[:port]` URL. Raises ValueError when it is anything else."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path or parts.query or parts.fragment:
        raise ValueError("write https://host or https://host:port")
    if parts.port == 0:  # reading it raises ValueError when it is no port
        raise ValueError("write a port above 0")
    return parts.hostname
