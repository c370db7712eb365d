"""Answers about keys, kept by what was asked: a key is checked once, not at every issue."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from redox_operator.adapters.client_assertion.messages import Answer, Cause, Fault, Question
from redox_operator.domain.private_key import KeySet, content_hash

MAX_ANSWERS = 4096
KEY_SECONDS = 24 * 3600.0
FAULT_SECONDS = 600.0
UNCLEAR_FAULT_SECONDS = 60.0
"""The first time: a stall of the machine looks like a key that takes too long."""


class Asked(NamedTuple):
    """What an answer depends on."""

    content_hash: str
    key_id: str | None
    algorithm: str | None
    thorough: bool


def asked(question: Question) -> Asked:
    """What the answer to this question is kept by."""
    return Asked(
        content_hash(question.content), question.key_id, question.algorithm, question.thorough
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Answer
    until: float


class Answers:
    """The most recently used answers, each for its time. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: OrderedDict[Asked, _Kept] = OrderedDict()

    def get(self, what: Asked) -> Answer | None:
        """The answer, if it is known. A thorough one answers the other question too."""
        if (kept := self._get(what)) is not None or what.thorough:
            return kept
        match self._get(what._replace(thorough=True)):
            case KeySet() as keys:
                return keys.summary
            case fault:
                return fault

    def put(self, what: Asked, answer: Answer) -> None:
        """Keep an answer; the least recently used goes when there are too many."""
        if isinstance(answer, Fault) and answer.cause is Cause.MACHINE:
            return
        before = self._kept.pop(what, None)
        self._kept[what] = _Kept(answer, self._clock() + _seconds(answer, before))
        if len(self._kept) > MAX_ANSWERS:
            self._kept.popitem(last=False)

    def _get(self, what: Asked) -> Answer | None:
        kept = self._kept.get(what)
        if kept is None or kept.until <= self._clock():
            return None
        self._kept.move_to_end(what)
        return kept.answer


def _seconds(answer: Answer, before: _Kept | None) -> float:
    if not isinstance(answer, Fault):
        return KEY_SECONDS
    again = before is not None and isinstance(before.answer, Fault)
    return UNCLEAR_FAULT_SECONDS if answer.cause is Cause.UNCLEAR and not again else FAULT_SECONDS
