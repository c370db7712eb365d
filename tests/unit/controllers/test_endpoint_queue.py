from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from redox_operator.controllers.endpoint_queue import (
    MAX_HOLD,
    PROBE_INTERVAL,
    Answer,
    EndpointQueue,
)
from redox_operator.domain.clock_correction import Reading
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import US
from tests.support.virtual_time import VirtualClock, run

INF = float("inf")
ENDPOINT = replace(US, requests_per_second=2.0, burst=5)


def key(number: int) -> Key:
    return Key("clinic", f"c{number}")


class Issues:
    """Turns that were granted, each of which lasts `seconds` and ends with `answer`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.answer: Callable[[Key], Answer] = lambda _: Answer.GOOD
        self.begun: list[tuple[Key, float]] = []
        self.under_way = self.most = 0

    async def __call__(self, key: Key, queue: EndpointQueue) -> Answer:
        self.begun.append((key, asyncio.get_running_loop().time() - 1000))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
            return self.answer(key)
        finally:
            self.under_way -= 1

    @property
    def keys(self) -> list[Key]:
        return [key for key, _ in self.begun]

    @property
    def times(self) -> list[float]:
        return [round(time, 2) for _, time in self.begun]


def started(issues: Issues, workers: int = 20, endpoint: object = ENDPOINT) -> EndpointQueue:
    queue = EndpointQueue(endpoint, workers, VirtualClock(), issues)  # type: ignore[arg-type]
    queue.task = asyncio.create_task(queue.loop())  # type: ignore[attr-defined]
    return queue


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    async def scenario() -> None:
        issues = Issues()
        queue = started(issues)
        for number in range(9):
            queue.add(key(number), INF)
        await asyncio.sleep(10)
        assert issues.times == [0, 0, 0, 0, 0, 0.5, 1, 1.5, 2]
        assert len(queue) == 0

    run(scenario())


def test_a_rate_of_zero_is_no_limit() -> None:
    async def scenario() -> None:
        issues = Issues()
        queue = started(issues, workers=1000, endpoint=replace(US, requests_per_second=0.0))
        for number in range(500):
            queue.add(key(number), INF)
        await asyncio.sleep(0.001)
        assert len(issues.begun) == 500

    run(scenario())


def test_no_more_requests_are_under_way_than_there_are_workers() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=10)
        queue = started(issues, workers=3)
        for number in range(5):
            queue.add(key(number), INF)
        await asyncio.sleep(15)
        assert issues.times == [0, 0, 0, 10, 10]
        assert issues.most == 3
        assert queue.is_asking(key(3))
        assert not queue.is_asking(key(0))

    run(scenario())


def test_the_nearest_deadline_has_the_next_turn_and_equals_wait_in_line() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=1)
        queue = started(issues, workers=1)
        for number, deadline in enumerate((INF, INF, 300, 100, 200)):
            queue.add(key(number), deadline)
        await asyncio.sleep(10)
        assert issues.keys == [key(3), key(4), key(2), key(0), key(1)]

    run(scenario())


def test_a_credential_waits_once_and_not_while_its_request_is_under_way() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=1)
        queue = started(issues)
        queue.add(key(1), 100)
        queue.add(key(1), 50)
        await asyncio.sleep(0.5)
        assert key(1) in queue
        queue.add(key(1), 100)
        await asyncio.sleep(5)
        assert issues.keys == [key(1)]
        assert key(1) not in queue

    run(scenario())


def test_a_credential_that_is_discarded_gets_no_turn() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=1)
        queue = started(issues, workers=1)
        for number in range(3):
            queue.add(key(number), INF)
        await asyncio.sleep(0.5)
        queue.discard(key(1))
        assert len(queue) == 1
        await asyncio.sleep(5)
        assert issues.keys == [key(0), key(2)]

    run(scenario())


def test_a_permit_that_is_not_used_is_given_back() -> None:
    async def scenario() -> None:
        issues = Issues()
        issues.answer = lambda key: Answer.UNUSED if key.name < "c5" else Answer.GOOD
        queue = started(issues)
        for number in range(10):
            queue.add(key(number), INF)
        await asyncio.sleep(0.1)
        assert len(issues.begun) == 10

    run(scenario())


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
        queue.add(key(1), INF)
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
        queue.add(key(1), INF)
        await asyncio.sleep(100)
        assert issues.times == [60]

    run(scenario())


def test_after_a_hold_one_at_a_time_probes_every_ten_seconds_by_deadline() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=0.5)
        issues.answer = lambda _: Answer.POOR
        queue = started(issues)
        for number in range(4):
            queue.add(key(number), 100 - number)
        queue.hold(None, halve=True)
        await asyncio.sleep(35)
        assert issues.begun == [(key(3), 10), (key(2), 20.5), (key(1), 31)]
        assert queue.held
        assert issues.most == 1

    run(scenario())


def test_a_good_answer_to_a_probe_ends_the_hold() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=0.5)
        queue = started(issues)
        for number in range(3):
            queue.add(key(number), INF)
        queue.hold(None, halve=False)
        await asyncio.sleep(20)
        assert issues.times == [10, 10.5, 10.5]
        assert not queue.held

    run(scenario())


def test_a_good_answer_to_a_request_from_before_the_hold_does_not_end_it() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=2)
        queue = started(issues)
        queue.add(key(0), INF)
        await asyncio.sleep(1)
        queue.hold(60, halve=False)
        queue.add(key(1), INF)
        await asyncio.sleep(50)
        assert queue.held
        assert issues.keys == [key(0)]

    run(scenario())


def test_a_probe_that_sends_nothing_leaves_the_hold_and_the_next_one_probes() -> None:
    async def scenario() -> None:
        issues = Issues()
        issues.answer = lambda key: Answer.UNUSED if key.name == "c0" else Answer.POOR
        queue = started(issues)
        queue.add(key(0), 1)
        queue.add(key(1), 2)
        queue.hold(None, halve=False)
        await asyncio.sleep(15)
        assert issues.begun == [(key(0), 10), (key(1), 10)]
        assert queue.held

    run(scenario())


def test_a_429_halves_the_rate_which_comes_back_by_ten_percent_a_minute() -> None:
    async def scenario() -> None:
        queue = started(Issues())
        queue.hold(None, halve=True)
        assert queue.rate == 1
        await asyncio.sleep(60)
        queue.add(key(1), INF)
        await asyncio.sleep(0.1)
        assert queue.rate == pytest.approx(1.2, abs=0.01)

    run(scenario())


def test_a_poor_answer_alone_holds_nobody() -> None:
    async def scenario() -> None:
        issues = Issues()
        issues.answer = lambda _: Answer.POOR
        queue = started(issues)
        for number in range(3):
            queue.add(key(number), INF)
        await asyncio.sleep(0.1)
        assert len(issues.begun) == 3
        assert not queue.held

    run(scenario())


def test_other_settings_of_the_endpoint_bring_no_second_burst() -> None:
    async def scenario() -> None:
        issues = Issues()
        queue = started(issues)
        for number in range(9):
            queue.add(key(number), INF)
        await asyncio.sleep(0.1)
        queue.configure(replace(ENDPOINT, fhir_base_url="https://fhir.example"))
        await asyncio.sleep(0.1)
        queue.configure(replace(ENDPOINT, burst=50))
        await asyncio.sleep(0.1)
        assert len(issues.begun) == 5

    run(scenario())


def test_another_rate_holds_from_the_next_request_on() -> None:
    async def scenario() -> None:
        issues = Issues()
        queue = started(issues)
        for number in range(15):
            queue.add(key(number), INF)
        await asyncio.sleep(0.1)
        queue.configure(replace(ENDPOINT, requests_per_second=10.0))
        await asyncio.sleep(0.55)
        assert len(issues.begun) == 10

    run(scenario())


def test_an_endpoint_that_moved_is_another_server() -> None:
    async def scenario() -> None:
        issues = Issues()
        queue = started(issues)
        clock = VirtualClock()
        sent = clock.read()
        queue.correction.observe(sent.wall + 100, sent, sent)
        queue.hold(60, halve=True)
        queue.configure(replace(ENDPOINT, token_url="https://other.example/token"))
        queue.add(key(1), INF)
        await asyncio.sleep(0.1)
        assert issues.times == [0]
        assert (queue.held, queue.rate) == (False, 2)
        assert queue.correction.now(Reading(500.0, 0.0)) == 500

    run(scenario())


def test_when_the_queue_ends_its_requests_are_dropped() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=1000)
        queue = started(issues)
        queue.add(key(1), INF)
        await asyncio.sleep(1)
        queue.task.cancel()  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)
        assert issues.under_way == 0

    run(scenario())


def test_a_hold_ends_in_time_though_the_process_stood_still() -> None:
    async def scenario() -> None:
        issues = Issues()
        queue = started(issues)
        queue.hold(200, halve=False)
        queue.add(key(1), INF)
        await asyncio.sleep(1)
        clock = queue._clock
        assert isinstance(clock, VirtualClock)
        clock.suspended += 190
        await asyncio.sleep(15)
        assert issues.times == [pytest.approx(10, abs=1)]

    run(scenario())
