"""`redox-operator run`: settings → adapters → controllers."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import secrets
import signal
import socket
import sys
from importlib.metadata import version

from redox_operator import logs
from redox_operator.adapters.client_assertion.key_parser import KeyParser
from redox_operator.adapters.client_assertion.signing import new_jti, sign
from redox_operator.adapters.cluster import (
    Connection,
    Credentials,
    Events,
    Leases,
    Secrets,
    connect,
)
from redox_operator.adapters.endpoints_file import EndpointsFile
from redox_operator.adapters.metrics import Metrics
from redox_operator.adapters.token_endpoint import TokenEndpointClient
from redox_operator.adapters.web import WebServer
from redox_operator.controllers.clock import SystemClock
from redox_operator.controllers.operator import Operator, Options, World
from redox_operator.domain.errors import ConfigurationError
from redox_operator.settings import Settings, add_arguments, parse_settings

CONFIGURATION_FAULT = 2
SWITCH_INTERVAL = 0.0005
"""Seconds after which the watch's thread gives way. By default it may keep the main loop waiting
for 5 ms at each of the ten steps of a refresh."""
COLLECTION = (20_000, 20, 50)
"""Objects and rounds between garbage collections: records live as long as the process, and by
default all of them are looked through at every burst."""


def main() -> None:
    """The console script."""
    parser = argparse.ArgumentParser(prog="redox-operator", description=__doc__)
    parser.add_argument("--version", action="version", version=version("redox-operator"))
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the operator")
    add_arguments(run)
    arguments = parser.parse_args()
    sys.exit(_run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    try:
        settings = parse_settings(vars(arguments))
        logs.configure(settings.log_format, settings.log_level)
        with asyncio.Runner() as runner:
            code = runner.run(operate(settings))
            logging.shutdown()
            # A name lookup that hangs cannot be cancelled, and leaving would wait for its thread.
            os._exit(code)
    except ConfigurationError as error:
        for fault in error.faults:
            print(f"redox-operator: {fault}", file=sys.stderr)
        return CONFIGURATION_FAULT


async def operate(settings: Settings) -> int:
    """Run the operator until SIGTERM or SIGINT; the exit code."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.set_threshold(*COLLECTION)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    release = version("redox-operator")
    agent = f"redox-operator/{release}"
    endpoints_file = EndpointsFile(settings.endpoints_file)
    endpoints_file.load()
    connection = await connect(agent)
    # Of its own: a renewal must not wait behind requests that hang.
    lease_connection = await connect(agent)
    margins = settings.margins
    metrics = Metrics(
        release,
        {
            "propagation": margins.propagation,
            "safety": margins.safety,
            "retry_budget": margins.retry_budget,
        },
    )
    key_parser = KeyParser()
    key_parser.start()
    token_endpoint = TokenEndpointClient(
        user_agent=agent, max_lifetime_seconds=settings.max_lifetime_seconds
    )
    operator = Operator(
        World(
            clock=SystemClock(),
            connection=connection,
            secrets=Secrets(connection, require_key_label=settings.require_key_label),
            credentials=Credentials(connection, settings.watch_label_selector),
            events=Events(connection, socket.gethostname()),
            key_parser=key_parser,
            sign=sign,
            new_jti=new_jti,
            token_endpoint=token_endpoint,
            endpoints_file=endpoints_file,
            metrics=metrics,
            leases=_leases(settings, lease_connection),
        ),
        Options(
            namespaces=settings.namespaces,
            watch_secrets=settings.watch_secrets,
            label_selector=settings.watch_label_selector,
            margins=margins,
            max_lifetime_seconds=settings.max_lifetime_seconds,
            workers=settings.workers,
            identity=f"{socket.gethostname()}_{secrets.token_hex(4)}",
        ),
    )

    def on_request(verb: str, resource: str, code: str) -> None:
        metrics.kubernetes_request(verb, resource, code)
        operator.health.note_request(verb, code)

    connection.on_request = lease_connection.on_request = on_request
    metrics.follow(operator.overview.snapshot)
    servers = _servers(settings, operator, metrics)
    try:
        for server in servers:
            await server.start()
        return await operator.run(stop)
    finally:
        for server in servers:
            await server.stop()
        await token_endpoint.close()
        await key_parser.close()
        await connection.close()
        await lease_connection.close()


def _leases(settings: Settings, connection: Connection) -> Leases | None:
    if not settings.leader_election or settings.lease_namespace is None:
        return None
    return Leases(connection, settings.lease_namespace, settings.lease_name)


def _servers(settings: Settings, operator: Operator, metrics: Metrics) -> tuple[WebServer, ...]:
    health = WebServer("HEALTH_ADDRESS", settings.health_address.host, settings.health_address.port)
    health.add_check("/healthz", operator.health.liveness)
    health.add_check(
        "/readyz", operator.health.readiness, at_first=("readiness was not looked at yet",)
    )
    exposition = WebServer(
        "METRICS_ADDRESS", settings.metrics_address.host, settings.metrics_address.port
    )
    exposition.add_text("/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics.exposition)
    return health, exposition


if __name__ == "__main__":
    main()
