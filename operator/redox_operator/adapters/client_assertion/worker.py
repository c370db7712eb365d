"""The child process: reads questions from stdin, answers on stdout, and ends with its parent.

It holds no state and writes nothing else anywhere. Parsing untrusted keys, and signing with them
for the first time, may hang or crash the library below it, and a set of eight takes 20 ms of a
core: neither may happen in the operator's own process.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from redox_operator.adapters.client_assertion import key_set
from redox_operator.adapters.client_assertion.messages import (
    CHECKING,
    HEADER,
    Answer,
    Fault,
    Question,
    answer_to_message,
    frame,
    question_from_message,
)
from redox_operator.domain.errors import KeyInvalid


def main(seconds: float) -> None:
    """Answer until stdin ends. A single check that takes longer than `seconds` ends the process."""
    # A crash must not leave the keys in a core file.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    questions, answers = sys.stdin.buffer, sys.stdout.buffer

    def checking() -> None:
        # The parent kills a child that takes too long; the timer does it when the parent is gone.
        signal.setitimer(signal.ITIMER_REAL, seconds)
        _send(answers, CHECKING)

    _send(answers, {"ready": True})
    while (question := _receive(questions)) is not None:
        checking()
        answer = answer_to_message(_answer(question, checking))
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(answers, answer)


def _answer(question: Question, checking: Callable[[], None]) -> Answer:
    content, key_id, algorithm = question.content, question.key_id, question.algorithm
    try:
        if question.thorough:
            return key_set.parse(content, key_id=key_id, algorithm=algorithm, checking=checking)
        return key_set.inspect(content, key_id=key_id, algorithm=algorithm)
    except KeyInvalid as fault:
        return Fault(fault.message)


def _receive(stream: BinaryIO) -> Question | None:
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    body = stream.read(HEADER.unpack(header)[0])
    return question_from_message(json.loads(body))


def _send(stream: BinaryIO, message: dict[str, Any]) -> None:
    stream.write(frame(message))
    stream.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]))
