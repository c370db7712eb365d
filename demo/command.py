"""Options, signals, and the two ways to show a demo."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live

from demo import svg
from demo.errors import DemoError
from demo.progress import changes, is_proved
from demo.session import Session, session
from demo.state import Snapshot
from demo.summary import problems, table, totals
from demo.view import render

ONCE_SECONDS = 90.0
"""A refresh comes after 25 s at the latest, and is in the mounted directory within 5 s more."""
REFRESHES_PER_SECOND = 2
PLAIN_WIDTH = 100
INTERRUPTED = 130


class Demo:
    """One demo, shown on one console."""

    def __init__(self, options: argparse.Namespace, console: Console) -> None:
        self._options = options
        self._console = console
        self._started = time.monotonic()
        self._last: Snapshot | None = None
        self._log: list[str] = []

    async def run(self) -> int:
        """Start, show, end; the exit code."""
        task = asyncio.current_task()
        if task is not None:
            _cancel_on_signals(task)
        options = self._options
        interrupted = False
        try:
            async with session(options.api_server, options.context, self._say) as running:
                try:
                    await (self._show_once(running) if options.once else self._show_live(running))
                finally:
                    self._last, self._log = running.snapshot(), running.logs()
        except asyncio.CancelledError:
            interrupted = True
        except DemoError as error:
            self._say(f"failed: {error}")
            self._print_log(error.log)
            return 1
        if self._last is None or (interrupted and options.once):
            self._say("interrupted; nothing is left behind")
            return INTERRUPTED
        return self._conclude(self._last)

    async def _show_once(self, running: Session) -> None:
        before = running.snapshot()
        while before.elapsed < (self._options.seconds or ONCE_SECONDS) and not is_proved(before):
            await asyncio.sleep(1 / REFRESHES_PER_SECOND)
            running.check()
            after = running.snapshot()
            for line in changes(before, after):
                self._say(line)
            before = after

    async def _show_live(self, running: Session) -> None:
        live = Live(console=self._console, screen=True, auto_refresh=False)
        with contextlib.suppress(OSError), live:
            while True:
                running.check()
                snapshot = running.snapshot()
                live.update(render(snapshot), refresh=True)
                if self._options.seconds and snapshot.elapsed >= self._options.seconds:
                    return
                await asyncio.sleep(1 / REFRESHES_PER_SECOND)

    def _conclude(self, last: Snapshot) -> int:
        if self._options.svg:
            svg.export(last, self._options.svg)
        self._print(table(last))
        self._print(totals(last))
        found = problems(last, renewals=self._options.once)
        for problem in found:
            self._say(f"failed: {problem}")
        if found:
            self._print_log(self._log)
        return 1 if found else 0

    def _say(self, line: str) -> None:
        self._print(f"{time.monotonic() - self._started:5.1f} s  {line}")

    def _print_log(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._print(f"         | {line}")

    def _print(self, what: object) -> None:
        # The terminal may be gone, and the demo still has to be ended.
        with contextlib.suppress(OSError):
            self._console.print(
                what, markup=False, highlight=False, soft_wrap=isinstance(what, str)
            )


def _cancel_on_signals(task: asyncio.Task[object]) -> None:
    ending = False

    def end() -> None:
        nonlocal ending
        # Once: what clears away must not be cut short.
        if not ending:
            ending = True
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup a hang-up is to be ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, end)


def main(words: Sequence[str] | None = None) -> int:
    """Run a demo; the exit code."""
    parser = _parser()
    options = parser.parse_args(words)
    if options.context is not None and options.api_server != "auto":
        parser.error("--context names a cluster: leave --api-server out")
    console = Console()
    if not console.is_terminal:
        if not options.once:
            print("demo: no terminal to show it on: run `make demo ARGS=--once`", file=sys.stderr)
            return 2
        console = Console(width=PLAIN_WIDTH)
    # Keys and tokens lie in its directory as long as it runs.
    os.umask(0o077)
    return asyncio.run(Demo(options, console).run())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description="The main job, live.")
    add = parser.add_argument
    add("--once", action="store_true", help="without a terminal: one renewal of each, a summary")
    add("--context", metavar="NAME", help="run on the cluster of this context of your kubeconfig")
    add(
        "--api-server",
        choices=("auto", "in-memory", "control-plane"),
        default="auto",
        help="which one to start (default: a real control plane when one is built)",
    )
    add("--svg", type=Path, metavar="FILE", help="write the last view as a picture")
    add(
        "--seconds",
        type=float,
        metavar="N",
        help=f"end after N seconds; with --once the deadline (default {ONCE_SECONDS:.0f})",
    )
    return parser
