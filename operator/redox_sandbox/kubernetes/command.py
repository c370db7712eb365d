"""`redox-sandbox kubernetes`: the server as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import os
import signal
import sys
from pathlib import Path

from redox_sandbox.kubernetes.server import parse_address, running


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--address",
        default="127.0.0.1:0",
        help="where to listen, host:port; port 0 takes a free one (default: %(default)s)",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        required=True,
        help="where the kubeconfig is written; it is removed at the end",
    )
    parser.add_argument(
        "--history",
        type=int,
        default=10_000,
        help="changes kept of each resource for watches and paged lists (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="listen on an address that is not loopback; there is no authentication",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    try:
        host, _ = parse_address(arguments.address)
    except ValueError as error:
        print(f"redox-sandbox: --address: {error}", file=sys.stderr)
        return 2
    if not ipaddress.ip_address(host).is_loopback and not arguments.allow_remote:
        print(
            f"redox-sandbox: --address: {host} is not loopback and requests are not authenticated; "
            "pass --allow-remote to listen there nevertheless",
            file=sys.stderr,
        )
        return 2
    try:
        asyncio.run(_serve(arguments))
    except OSError as error:
        print(
            f"redox-sandbox: cannot listen on {arguments.address}: {error.strerror}; "
            "choose another --address or port 0",
            file=sys.stderr,
        )
        return 1
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(
        arguments.address, data_dir=arguments.data_dir, history=arguments.history
    ) as api:
        ready = {"url": api.url, "kubeconfig": str(api.kubeconfig.resolve()), "pid": os.getpid()}
        print(json.dumps(ready), flush=True)
        await stop.wait()
