from __future__ import annotations

import asyncio

import pytest

from redox_operator.domain.breaker import MAX_HOLD, PROBE_INTERVAL
from tests.support.virtual_time import VirtualClock, run
from tests.unit.controllers.turns import Answer, Issues, key, started, wait


@pytest.mark.parametrize(
    ("seconds", "pause"),
    [
        pytest.param(None, PROBE_INTERVAL, id="for 10 s where the endpoint does not say how long"),
        pytest.param(42.0, 42.0, id="for as long as the endpoint says"),
        pytest.param(0.0, 1.0, id="for at least a second"),
        pytest.param(86400.0, MAX_HOLD, id="for no more than five minutes"),
    ],
)
def test_a_hold_lasts(seconds: float | None, pause: float) -> None:
    async def scenario() -> None:
        issues = Issues()
        queue = started(issues)
        queue.hold(seconds, halve=False)
        wait(queue, key(1))
        await asyncio.sleep(MAX_HOLD + 20)
        assert issues.times == [pause]
        assert not queue.held

    run(scenario())


def test_a_shorter_hold_does_not_shorten_a_longer_one() -> None:
    async def scenario() -> None:
        issues = Issues()
        queue = started(issues)
        queue.hold(60, halve=False)
        queue.hold(5, halve=False)
        wait(queue, key(1))
        await asyncio.sleep(100)
        assert issues.times == [60]

    run(scenario())


def test_after_a_hold_one_at_a_time_probes_every_ten_seconds_by_deadline() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=0.5)
        issues.answer = lambda _: Answer.POOR
        queue = started(issues)
        for number in range(4):
            wait(queue, key(number), 100 - number)
        queue.hold(None, halve=True)
        await asyncio.sleep(35)
        assert issues.begun == [(key(3), 10), (key(2), 20), (key(1), 30)]
        assert queue.held
        assert issues.most == 1

    run(scenario())


def test_a_good_answer_to_a_probe_ends_the_hold() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=0.5)
        queue = started(issues)
        for number in range(3):
            wait(queue, key(number))
        queue.hold(None, halve=False)
        await asyncio.sleep(20)
        assert issues.times == [10, 10.5, 10.5]
        assert not queue.held

    run(scenario())


def test_a_good_answer_to_a_request_from_before_the_hold_does_not_end_it() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=2)
        queue = started(issues)
        wait(queue, key(0))
        await asyncio.sleep(1)
        queue.hold(60, halve=False)
        wait(queue, key(1))
        await asyncio.sleep(50)
        assert queue.held
        assert issues.keys == [key(0)]

    run(scenario())


def test_a_probe_that_sends_nothing_leaves_the_hold_and_the_next_one_probes() -> None:
    async def scenario() -> None:
        issues = Issues()
        issues.answer = lambda key: Answer.UNUSED if key.name == "c0" else Answer.POOR
        queue = started(issues)
        wait(queue, key(0), 1)
        wait(queue, key(1), 2)
        queue.hold(None, halve=False)
        await asyncio.sleep(15)
        assert issues.begun == [(key(0), 10), (key(1), 10)]
        assert queue.held

    run(scenario())


def test_a_429_halves_the_rate_which_comes_back_by_ten_percent_a_minute() -> None:
    async def scenario() -> None:
        issues = Issues()
        queue = started(issues)
        queue.hold(None, halve=True)
        for number in range(200):
            wait(queue, key(number))
        await asyncio.sleep(10.5)
        sent = len(issues.begun)
        await asyncio.sleep(10)
        assert 10 <= len(issues.begun) - sent <= 11
        await asyncio.sleep(40)
        sent = len(issues.begun)
        await asyncio.sleep(10)
        assert 12 <= len(issues.begun) - sent <= 13

    run(scenario())


def test_a_poor_answer_alone_holds_nobody() -> None:
    async def scenario() -> None:
        issues = Issues()
        issues.answer = lambda _: Answer.POOR
        queue = started(issues)
        for number in range(3):
            wait(queue, key(number))
        await asyncio.sleep(0.1)
        assert len(issues.begun) == 3
        assert not queue.held

    run(scenario())


def test_a_hold_ends_in_time_though_the_process_stood_still() -> None:
    async def scenario() -> None:
        issues = Issues()
        queue = started(issues)
        queue.hold(200, halve=False)
        wait(queue, key(1))
        await asyncio.sleep(1)
        clock = queue._clock
        assert isinstance(clock, VirtualClock)
        clock.suspended += 190
        await asyncio.sleep(15)
        assert issues.times == [pytest.approx(10, abs=1)]

    run(scenario())
