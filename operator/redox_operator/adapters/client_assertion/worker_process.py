"""The operator's end of the child process: starts it, asks it, kills it when it takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redox_operator.adapters.client_assertion.messages import (
    CHECKING,
    HEADER,
    MAX_FRAME_BYTES,
    Answer,
    Cause,
    Fault,
    Question,
    answer_from_message,
    frame,
    question_to_message,
)
from redox_operator.domain.private_key import MAX_KEYS

_START_SECONDS = 10.0
"""For what does not depend on the key: to start, and to take a question."""

_WORKER = "redox_operator.adapters.client_assertion.worker"

_NO_MESSAGE = (OSError, EOFError, ValueError, RecursionError)
"""No process or pipe (and `TimeoutError`, an `OSError`), its end, and bytes that are no message."""

_TOO_LONG = Fault(
    "The private key could not be checked in time: if this stays, the key is damaged or unusual; "
    "generate another.",
    Cause.UNCLEAR,
)
_CRASHED = Fault(
    "The private key could not be checked, for checking it ended the process that does it: if this "
    "stays, generate another key.",
    Cause.UNCLEAR,
)
_NOT_STARTED = Fault(
    "The private key could not be checked, for the process that does it did not start: look at the "
    "operator's memory and process limits.",
    Cause.MACHINE,
)


class WorkerProcess:
    """At most one child. One question at a time: the caller waits for an answer before the next."""

    def __init__(self, *, check_timeout: float, command: Sequence[str] | None = None) -> None:
        """`check_timeout`: seconds for one key. `command`: what to run instead of the worker."""
        self._check_timeout = check_timeout
        # One second more, so that a child that the parent watches is killed by the parent.
        self._command = command or (
            *(sys.executable, "-P", "-s", "-m", _WORKER),
            str(check_timeout + 1),
        )
        # Nothing of the operator's own environment; only where its packages are.
        path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
        self._environment = {"PYTHONPATH": path}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the child ahead of the first question, which starts it anew where that failed."""
        if self._process is None and await self._start() is None:
            await self.stop()

    async def ask(self, question: Question) -> Answer:
        """The child's answer, or the `Fault` that there is none."""
        process = self._process
        if process is not None and not await self._hand_over(process, question):
            # It ended, or stalled, while nothing was asked of it: no fault of this key.
            await self.stop()
            process = None
        if process is None:
            process = await self._start()
            if process is None or not await self._hand_over(process, question):
                await self.stop()
                return _NOT_STARTED
        try:
            return await self._receive_answer(process, question)
        except TimeoutError:
            answer = _TOO_LONG
        except _NO_MESSAGE:
            answer = _CRASHED
        await self.stop()
        return answer

    async def stop(self) -> None:
        """Kill the child, if there is one, and reap it."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        # Reads what it had still sent, so that nothing is left open.
        await process.communicate()

    async def _start(self) -> asyncio.subprocess.Process | None:
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # What a library might print about a key is for nobody.
                stderr=asyncio.subprocess.DEVNULL,
                env=self._environment,
                cwd="/",
                # Ctrl-C in a terminal reaches the operator, which ends the child.
                start_new_session=True,
            )
            async with asyncio.timeout(_START_SECONDS):
                await _receive(self._process)
        except _NO_MESSAGE:
            return None
        return self._process

    async def _hand_over(self, process: asyncio.subprocess.Process, question: Question) -> bool:
        """Whether the child has the question: from then on, what happens is about the key."""
        assert process.stdin is not None  # noqa: S101 - given as PIPE
        try:
            async with asyncio.timeout(_START_SECONDS):
                process.stdin.write(frame(question_to_message(question)))
                await process.stdin.drain()
                return await _receive(process) == CHECKING
        except _NO_MESSAGE:
            return False

    async def _receive_answer(
        self, process: asyncio.subprocess.Process, question: Question
    ) -> Answer:
        for _ in range(MAX_KEYS + 1):
            async with asyncio.timeout(self._check_timeout):
                message = await _receive(process)
            if message != CHECKING:
                return answer_from_message(message, question)
        raise ValueError


async def _receive(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 - given as PIPE
    (size,) = HEADER.unpack(await process.stdout.readexactly(HEADER.size))
    if size > MAX_FRAME_BYTES:
        raise ValueError
    message = json.loads(await process.stdout.readexactly(size))
    if not isinstance(message, dict):
        raise ValueError  # noqa: TRY004 - a fault of the message, not of the caller
    return message
