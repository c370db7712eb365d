from __future__ import annotations

import asyncio
from dataclasses import replace

from redox_operator.domain.clock_correction import Reading
from redox_operator.domain.endpoint import US
from tests.support.virtual_time import VirtualClock, run
from tests.unit.controllers.turns import ENDPOINT, INF, Answer, Issues, key, started, wait


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    async def scenario() -> None:
        issues = Issues()
        queue = started(issues)
        for number in range(9):
            wait(queue, key(number))
        await asyncio.sleep(10)
        assert issues.times == [0, 0, 0, 0, 0, 0.5, 1, 1.5, 2]
        assert len(queue) == 0

    run(scenario())


def test_a_rate_of_zero_is_no_limit() -> None:
    async def scenario() -> None:
        issues = Issues()
        queue = started(issues, workers=1000, endpoint=replace(US, requests_per_second=0.0))
        for number in range(500):
            wait(queue, key(number))
        await asyncio.sleep(0.001)
        assert len(issues.begun) == 500

    run(scenario())


def test_no_more_requests_are_under_way_than_there_are_workers() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=10)
        queue = started(issues, workers=3)
        for number in range(5):
            wait(queue, key(number))
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
            wait(queue, key(number), deadline)
        await asyncio.sleep(10)
        assert issues.keys == [key(3), key(4), key(2), key(0), key(1)]

    run(scenario())


def test_a_credential_waits_once_and_not_while_its_request_is_under_way() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=1)
        queue = started(issues)
        wait(queue, key(1), 100)
        wait(queue, key(1), 50)
        await asyncio.sleep(0.5)
        assert key(1) in queue
        wait(queue, key(1), 100)
        await asyncio.sleep(5)
        assert issues.keys == [key(1)]
        assert key(1) not in queue

    run(scenario())


def test_a_credential_that_is_discarded_gets_no_turn() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=1)
        queue = started(issues, workers=1)
        for number in range(3):
            wait(queue, key(number))
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
            wait(queue, key(number))
        await asyncio.sleep(0.1)
        assert len(issues.begun) == 10

    run(scenario())


def test_other_settings_of_the_endpoint_bring_no_second_burst() -> None:
    async def scenario() -> None:
        issues = Issues()
        queue = started(issues)
        for number in range(9):
            wait(queue, key(number))
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
            wait(queue, key(number))
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
        assert not queue.held
        for number in range(9):
            wait(queue, key(number))
        await asyncio.sleep(5)
        assert issues.times == [0, 0, 0, 0, 0, 0.5, 1, 1.5, 2]
        assert queue.correction.now(Reading(500.0, 0.0)) == 500

    run(scenario())


def test_when_the_queue_ends_its_requests_are_dropped() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=1000)
        queue = started(issues)
        wait(queue, key(1))
        await asyncio.sleep(1)
        queue.task.cancel()  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)
        assert issues.under_way == 0

    run(scenario())
