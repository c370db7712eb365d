"""Permits to send another request beside one that hangs."""

from __future__ import annotations

import asyncio

from redox_operator.controllers.endpoint_queue import EndpointQueue
from redox_operator.domain.credential import Key
from redox_operator.domain.lanes import Lane
from tests.support.virtual_time import run
from tests.unit.controllers.turns import INF, Answer, Issues, key, started, wait


class Joining(Issues):
    """Turns that ask to be joined after five seconds, and end after a hundred."""

    def __init__(self, *, joins: int = 1, seconds: float = 100.0) -> None:
        super().__init__(seconds)
        self.joins = joins
        self.joined: list[tuple[Key, float]] = []
        self.refused = 0
        self.uses_permits = True

    async def __call__(self, key: Key, queue: EndpointQueue) -> bool:
        turn = asyncio.create_task(super().__call__(key, queue))
        for _ in range(self.joins):
            await asyncio.sleep(5)
            permit = queue.ask_to_join(key)
            if permit is None:
                self.refused += 1
                continue
            await permit
            if self.uses_permits:
                self.joined.append((key, round(asyncio.get_running_loop().time() - 1000, 2)))
            else:
                queue.give_back(key)
        return await turn


def test_a_request_that_joins_takes_a_permit_of_the_rate_before_those_who_wait() -> None:
    async def scenario() -> None:
        issues = Joining()
        queue = started(issues)
        for number in range(40):
            wait(queue, key(number), 1000)
        await asyncio.sleep(6.1)
        assert [time for _, time in issues.joined] == [5, 5.5, 6]
        assert {waiting for waiting, _ in issues.joined} < set(issues.keys[:5])
        assert issues.times[-1] == 4.5

    run(scenario())


def test_first_issues_have_their_share_beside_those_who_join() -> None:
    async def scenario() -> None:
        issues = Joining(joins=20)
        queue = started(issues)
        for number in range(10):
            wait(queue, key(number), 1000)
        await asyncio.sleep(4.9)
        for number in range(50):
            wait(queue, key(number, "new"))
        await asyncio.sleep(10)
        first = [waiting for waiting, begun in issues.begun if waiting.namespace == "new"]
        assert len(first) >= 0.2 * 2 * 10 - 1
        assert len(issues.joined) >= 10

    run(scenario())


def test_a_rejected_credential_is_not_joined() -> None:
    async def scenario() -> None:
        issues = Joining()
        queue = started(issues)
        queue.add(key(1), Lane.REJECTED, INF)
        await asyncio.sleep(6)
        assert issues.refused == 1

    run(scenario())


def test_a_permit_that_is_given_back_is_anothers() -> None:
    async def scenario() -> None:
        issues = Joining()
        issues.uses_permits = False
        queue = started(issues)
        for number in range(20):
            wait(queue, key(number), 1000)
        await asyncio.sleep(7.1)
        assert len(issues.begun) == 5 + 2 * 7

    run(scenario())


def test_nobody_joins_while_the_endpoint_is_held_and_others_can_probe() -> None:
    async def scenario() -> None:
        issues = Joining()
        queue = started(issues)
        wait(queue, key(1), 1000)
        await asyncio.sleep(1)
        queue.hold(None, halve=False)
        for number in range(2, 4):
            wait(queue, key(number), 1000)
        await asyncio.sleep(22)
        assert issues.joined == []
        assert issues.begun[1:] == [(key(2), 11), (key(3), 21)]

    run(scenario())


def test_who_hangs_alone_is_joined_by_a_probe() -> None:
    async def scenario() -> None:
        issues = Joining()
        queue = started(issues)
        wait(queue, key(1), 1000)
        await asyncio.sleep(1)
        queue.hold(None, halve=False)
        await asyncio.sleep(20)
        assert issues.joined == [(key(1), 11)]

    run(scenario())


def test_a_turn_has_three_attempts_while_others_wait_for_a_worker() -> None:
    async def scenario() -> None:
        issues = Joining(joins=6)
        queue = started(issues, workers=2)
        for number in range(3):
            wait(queue, key(number), 1000)
        await asyncio.sleep(31)
        assert [waiting for waiting, _ in issues.joined].count(key(0)) == 2
        assert issues.refused > 0

    run(scenario())


def test_a_turn_alone_has_as_many_attempts_as_it_needs() -> None:
    async def scenario() -> None:
        issues = Joining(joins=6)
        queue = started(issues, workers=1)
        wait(queue, key(0), 1000)
        await asyncio.sleep(31)
        assert len(issues.joined) == 6

    run(scenario())


def test_requests_that_hang_leave_workers_to_other_namespaces() -> None:
    async def scenario() -> None:
        issues = Joining()
        queue = started(issues, workers=4)
        for number in range(9):
            wait(queue, key(number, "hangs"), 1000)
        await asyncio.sleep(4)
        wait(queue, key(1, "other"), 2000)
        await asyncio.sleep(4)
        assert len(issues.begun) == 5
        assert issues.begun[-1][0] == key(1, "other")

    run(scenario())


def test_a_credential_that_is_discarded_while_it_hangs_is_joined_no_more() -> None:
    async def scenario() -> None:
        issues = Joining(seconds=7)
        issues.answer = lambda _: Answer.POOR
        queue = started(issues)
        wait(queue, key(1), 1000)
        await asyncio.sleep(20)
        assert len(issues.joined) == 1
        assert key(1) not in queue

    run(scenario())
