"""From the value of a key Secret to checked keys, off the event loop and out of the process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from redox_operator.adapters.client_assertion.answers import Answers, Asked, asked
from redox_operator.adapters.client_assertion.fair_queue import FairQueue
from redox_operator.adapters.client_assertion.messages import Answer, Cause, Fault, Question
from redox_operator.adapters.client_assertion.worker_process import WorkerProcess
from redox_operator.domain.errors import KeyInvalid
from redox_operator.domain.private_key import MAX_CONTENT_BYTES, MAX_KEYS, KeySet, KeySetSummary

CHECK_SECONDS = 3.0
"""For one key. RSA-4096 takes 2.5 ms of a core; one that is throttled stands still for 100 ms."""

IDLE_SECONDS = 600.0
"""Without work for so long, the child ends: keys change seldom, and it holds 25 MiB. Starting it
takes up to a second, which the author of a new credential waits for."""

_TOO_LARGE = (
    f"The private key's value is larger than {MAX_CONTENT_BYTES // 1024} KiB: keep nothing but the "
    f"key in it, or a JWK Set of at most {MAX_KEYS} keys."
)
_NO_ANSWER = Fault(
    "The private key could not be checked, for the operator failed at it: see the operator's log.",
    Cause.MACHINE,
)


@dataclass(slots=True, eq=False)
class _Check:
    """A question under way, for everyone who asks it meanwhile."""

    question: Question
    answer: asyncio.Future[Answer]
    waiting: int = 0
    begun: bool = False
    asked: Asked = field(repr=False, kw_only=True)


class KeyParser:
    """Parses and checks private keys in one child process, which is started when it is needed.

    Namespaces take turns, so that many or slow keys of one do not delay another's. Answers are
    kept by content, key ID and algorithm: keys for a day, faults for ten minutes.
    """

    def __init__(
        self,
        *,
        check_timeout: float = CHECK_SECONDS,
        idle_timeout: float = IDLE_SECONDS,
        command: Sequence[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`check_timeout`: seconds for one key, then the child is killed.

        `command`: the child's command line, if it is not the built-in one. `clock`: monotonic.
        """
        self._worker = WorkerProcess(check_timeout=check_timeout, command=command)
        self._idle_timeout = idle_timeout
        self._answers = Answers(clock)
        self._checks: dict[Asked, _Check] = {}
        self._queue: FairQueue[_Check] = FairQueue()
        self._work = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self.on_settled: Callable[[], None] = lambda: None
        """Called when the child has answered for a key, or was killed over it."""

    def start(self) -> None:
        """Start the child ahead of the first key, in the background."""
        self._ensure_running()

    async def parse(
        self, content: bytes, *, namespace: str, key_id: str | None, algorithm: str | None
    ) -> KeySet:
        """The keys in a Secret's value, in the author's order, each checked.

        `key_id` names a PEM's key, overrides a JWK's `kid` and selects in a JWK Set; `algorithm`
        overrides the default and must fit (RFC 7518 §3.1).

        Raises `KeyInvalid`; its message says what to do and holds nothing of the content.
        """
        question = Question(content, key_id, algorithm, thorough=True)
        del content  # a traceback that shows variables must not show this one
        answer = await self._answer(question, namespace)
        if isinstance(answer, KeySet):
            return answer
        raise KeyInvalid(_message(answer))

    async def inspect(
        self, content: bytes, *, namespace: str, key_id: str | None, algorithm: str | None
    ) -> KeySetSummary:
        """What the keys are called, without the check of RSA numbers and without the material.

        For telling whether a key changed, as after a restart. Raises `KeyInvalid` as `parse` does,
        but for numbers that do not belong together.
        """
        question = Question(content, key_id, algorithm, thorough=False)
        del content
        answer = await self._answer(question, namespace)
        if isinstance(answer, KeySetSummary):
            return answer
        raise KeyInvalid(_message(answer))

    async def close(self) -> None:
        """End the child; whoever still waits is cancelled."""
        for check in self._checks.values():
            check.answer.cancel()
        if self._runner is not None:
            self._runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._runner

    async def _answer(self, question: Question, namespace: str) -> Answer:
        if len(question.content) > MAX_CONTENT_BYTES:
            return Fault(_TOO_LARGE)
        what = asked(question)
        if (known := self._answers.get(what)) is not None:
            return known
        check = self._checks.get(what)
        if check is None:
            future = asyncio.get_running_loop().create_future()
            check = self._checks[what] = _Check(question, future, asked=what)
        if not check.begun:
            # Also when another namespace asked before: this one's turn may come first.
            self._queue.add(namespace, check)
            self._ensure_running()
        check.waiting += 1
        try:
            return await asyncio.shield(check.answer)
        finally:
            check.waiting -= 1

    def _ensure_running(self) -> None:
        self._work.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run(), name="private-key-checks")

    async def _run(self) -> None:
        try:
            await self._worker.start()
            while True:
                await self._wait_for_work()
                while (check := self._queue.take()) is not None:
                    await self._settle(check)
        finally:
            # Nobody waits for a task that has ended, whatever ended it.
            for check in list(self._checks.values()):
                self._finish(check, _NO_ANSWER)
            await self._worker.stop()

    async def _wait_for_work(self) -> None:
        try:
            async with asyncio.timeout(self._idle_timeout):
                await self._work.wait()
        except TimeoutError:
            await self._worker.stop()
            await self._work.wait()
        self._work.clear()

    async def _settle(self, check: _Check) -> None:
        if check.begun:
            return
        check.begun = True
        if not check.waiting:
            self._finish(check, _NO_ANSWER)
            return
        answer = await self._worker.ask(check.question)
        self.on_settled()
        self._answers.put(check.asked, answer)
        self._finish(check, answer)

    def _finish(self, check: _Check, answer: Answer) -> None:
        self._checks.pop(check.asked, None)
        if not check.answer.done():
            check.answer.set_result(answer)


def _message(answer: Answer) -> str:
    return answer.message if isinstance(answer, Fault) else _NO_ANSWER.message
