"""Attempts that join one that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from redox_operator.controllers.joining import first_settled
from tests.support.virtual_time import run


class Attempts:
    """Attempts, each with seconds until its outcome; `ask` grants a permit after `pause`."""

    def __init__(self, *outcomes: tuple[float, bool], pause: float = 0.0) -> None:
        self._outcomes = list(outcomes)
        self._pause = pause
        self.begun: list[float] = []
        self.dropped = self.given_back = self.cancelled = 0
        self.under_way = self.most = 0
        self.permits = True

    async def attempt(self) -> bool:
        self.begun.append(round(asyncio.get_running_loop().time() - 1000, 2))
        seconds, settles = self._outcomes.pop(0)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.dropped += 1
            raise
        finally:
            self.under_way -= 1
        return settles

    def ask(self) -> asyncio.Future[None] | None:
        if not self.permits:
            return None
        loop = asyncio.get_running_loop()
        permit = loop.create_future()
        loop.call_later(self._pause, self._grant, permit)
        return permit

    def _grant(self, permit: asyncio.Future[None]) -> None:
        if permit.cancelled():
            self.cancelled += 1
        else:
            permit.set_result(None)

    def give_back(self) -> None:
        self.given_back += 1


def ended(attempts: Attempts) -> float:
    """When it ended."""

    async def scenario() -> float:
        await first_settled(attempts.attempt, attempts.ask, attempts.give_back)
        end = asyncio.get_running_loop().time() - 1000
        await asyncio.sleep(100)
        assert attempts.under_way == 0
        return round(end, 2)

    return run(scenario())


@pytest.mark.parametrize(
    ("outcomes", "begun", "end"),
    [
        pytest.param([(1, True)], [0], 1, id="one that is answered soon stays alone"),
        pytest.param([(1, False)], [0], 1, id="one that fails soon stays alone, too"),
        pytest.param([(9, True), (15, False)], [0, 5], 9, id="the first answer may be the first's"),
        pytest.param([(15, False), (1, True)], [0, 5], 6, id="or that of one that joined"),
        pytest.param(
            [(15, False), (0.1, False), (1, True)],
            [0, 5, 10],
            11,
            id="one that fails leaves the others, and another joins",
        ),
        pytest.param(
            [(8, False), (9, False), (2, False)], [0, 5, 10], 14, id="until all have failed"
        ),
        pytest.param(
            [(15, False), (15, False), (15, False), (15, False), (1, True)],
            [0, 5, 10, 15, 20],
            21,
            id="while all hang, another follows every five seconds",
        ),
    ],
)
def test_attempts_begin_and_end(
    outcomes: list[tuple[float, bool]], begun: list[float], end: float
) -> None:
    attempts = Attempts(*outcomes)
    assert ended(attempts) == end
    assert attempts.begun == begun
    assert attempts.most <= 3


def test_the_others_are_dropped_when_one_settles_the_matter() -> None:
    attempts = Attempts((15, False), (15, False), (1, True))
    assert ended(attempts) == 11
    assert attempts.dropped == 2


def test_a_permit_that_comes_late_is_waited_for() -> None:
    attempts = Attempts((15, False), (1, True), pause=4)
    assert ended(attempts) == 10
    assert attempts.begun == [0, 9]


def test_a_permit_that_is_not_needed_any_more_is_not_asked_for_any_more() -> None:
    attempts = Attempts((7, True), pause=4)
    assert ended(attempts) == 7
    assert (attempts.cancelled, attempts.given_back) == (1, 0)


def test_a_permit_that_comes_with_the_answer_is_given_back() -> None:
    attempts = Attempts((7, True), pause=2)
    assert ended(attempts) == 7
    assert attempts.begun == [0]
    assert attempts.given_back == 1


def test_without_a_permit_the_first_attempt_goes_on() -> None:
    attempts = Attempts((15, False))
    attempts.permits = False
    assert ended(attempts) == 15


def test_what_is_cancelled_drops_all_attempts() -> None:
    attempts = Attempts((100, True), (100, True))

    async def scenario() -> None:
        task = asyncio.create_task(
            first_settled(attempts.attempt, attempts.ask, attempts.give_back)
        )
        await asyncio.sleep(7)
        task.cancel()
        await asyncio.wait((task,))
        assert attempts.dropped == 2

    run(scenario())


def test_an_unexpected_error_ends_all_attempts_and_is_raised() -> None:
    begun: list[Callable[[], Coroutine[Any, Any, bool]]] = []
    attempts = Attempts((100, True))

    async def attempt() -> bool:
        if begun:
            raise LookupError("unexpected")
        begun.append(attempts.attempt)
        return await attempts.attempt()

    async def scenario() -> None:
        with pytest.raises(LookupError):
            await first_settled(attempt, attempts.ask, attempts.give_back)
        assert attempts.dropped == 1

    run(scenario())
