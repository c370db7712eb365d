"""`redox-sandbox redox`: options, the ready line, and the stop at SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path

from .clients import ClientsInvalid
from .server import Address, Sandbox, Settings, host_of, report_to_stderr, running

_EXIT_UNUSABLE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this half."""
    add = parser.add_argument
    add("--clients", required=True, type=Path, metavar="FILE", help="YAML file of clients, re-read")
    add("--data-dir", required=True, type=Path, metavar="D", help="keeps its CA and certificate")
    add("--address", type=_address, default="127.0.0.1:0", metavar="HOST:PORT", help="of Redox")
    add(
        "--admin-address",
        type=_address,
        default="127.0.0.1:0",
        metavar="HOST:PORT",
        help="of faults, log and totals; plain HTTP, without authentication",
    )
    add("--token-lifetime", type=_seconds, default=300, metavar="SECONDS", help="default 300")
    add("--revoke-earlier", action="store_true", help="a new token kills the client's earlier ones")
    add(
        "--rate-limit",
        type=_count,
        default=0,
        metavar="N",
        help="requests of one address in five minutes; more get 429 (default: no limit)",
    )
    add(
        "--host-name",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name in the server certificate; may be repeated",
    )
    add(
        "--public-url",
        type=_public_url,
        metavar="URL",
        help="https://host:port by which clients reach it, when that is not the address",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; 0, or 2 when file, directory or address cannot be used."""
    settings = Settings(
        clients=arguments.clients,
        data_dir=arguments.data_dir,
        address=arguments.address,
        admin_address=arguments.admin_address,
        token_lifetime=arguments.token_lifetime,
        revoke_earlier=arguments.revoke_earlier,
        rate_limit=arguments.rate_limit,
        host_names=tuple(arguments.host_name),
        public_url=arguments.public_url,
    )
    try:
        asyncio.run(_serve(settings))
    except (ClientsInvalid, OSError) as error:
        report_to_stderr(str(error))
        return _EXIT_UNUSABLE
    return 0


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as sandbox:
        print(json.dumps(_ready(sandbox)), flush=True)
        await stop.wait()


def _ready(sandbox: Sandbox) -> dict[str, str | int]:
    return {
        "tokenUrl": sandbox.token_url,
        "fhirBaseUrl": sandbox.fhir_base_url,
        "dataModelUrl": sandbox.data_model_url,
        "caFile": str(sandbox.ca_file.absolute()),
        "adminUrl": sandbox.admin_url,
        "pid": os.getpid(),
    }


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise argparse.ArgumentTypeError("write HOST:PORT, such as 127.0.0.1:8443 or [::1]:0")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def _seconds(text: str) -> int:
    value = _count(text)
    if not value:
        raise argparse.ArgumentTypeError("write a whole number of seconds above 0")
    return value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError("write a whole number")
    return int(text)


def _public_url(text: str) -> str:
    try:
        host_of(text.removesuffix("/"))
    except ValueError:
        raise argparse.ArgumentTypeError("write https://host or https://host:port") from None
    return text.removesuffix("/")
