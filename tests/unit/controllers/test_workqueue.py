from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from redox_operator.controllers.workqueue import CRASH_DELAY, SLOTS, Workqueue
from redox_operator.domain.credential import Key
from tests.support.virtual_time import VirtualClock, run

A, B, C = (Key("clinic", name) for name in "abc")


class Runs:
    """Runs of keys as they began, each of which lasts `seconds` and returns `again`."""

    def __init__(self, seconds: float = 0.0, again: float | None = None) -> None:
        self.seconds, self.again = seconds, again
        self.begun: list[tuple[Key, float]] = []
        self.under_way = self.most = 0
        self.before: Callable[[Key], None] = lambda _: None

    async def __call__(self, key: Key) -> float | None:
        self.begun.append((key, round(asyncio.get_running_loop().time() - 1000, 6)))
        self.before(key)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.under_way -= 1
        return self.again

    @property
    def keys(self) -> list[Key]:
        return [key for key, _ in self.begun]

    @property
    def times(self) -> list[float]:
        return [time for _, time in self.begun]


def started(runs: Runs, deadlines: dict[Key, float] | None = None) -> Workqueue:
    urgency = deadlines or {}
    queue = Workqueue(VirtualClock(), runs, lambda key: urgency.get(key, float("inf")))
    queue.task = asyncio.create_task(queue.loop())  # type: ignore[attr-defined]
    return queue


def test_a_standby_takes_and_starts_nothing() -> None:
    async def scenario() -> None:
        runs, leads = Runs(), False
        queue = Workqueue(VirtualClock(), runs, lambda _: 0.0, leads=lambda: leads)
        queue.task = asyncio.create_task(queue.loop())  # type: ignore[attr-defined]
        queue.add(A)
        queue.add(B, 5)
        await asyncio.sleep(10)
        leads = True
        queue.add(C)
        await asyncio.sleep(10)
        assert runs.begun == [(C, 10)]

    run(scenario())


def test_who_stops_leading_starts_nothing_more_and_forgets_what_was_due() -> None:
    async def scenario() -> None:
        runs, leads = Runs(seconds=1, again=1), True
        queue = Workqueue(VirtualClock(), runs, lambda _: 0.0, leads=lambda: leads)
        queue.task = asyncio.create_task(queue.loop())  # type: ignore[attr-defined]
        queue.add(A)
        queue.add(B, 5)
        await asyncio.sleep(0.5)
        leads = False
        await asyncio.sleep(10)
        queue.clear()
        leads = True
        await asyncio.sleep(10)
        assert runs.keys == [A]

    run(scenario())


def test_a_key_that_is_added_runs_at_once() -> None:
    async def scenario() -> None:
        runs = Runs()
        started(runs).add(A)
        await asyncio.sleep(0.001)
        assert runs.begun == [(A, 0)]

    run(scenario())


def test_keys_run_in_the_order_in_which_they_become_due() -> None:
    async def scenario() -> None:
        runs = Runs()
        queue = started(runs)
        queue.add(A, 30)
        queue.add(B, 5)
        queue.add(C, 12)
        await asyncio.sleep(60)
        assert runs.begun == [(B, 5), (C, 12), (A, 30)]

    run(scenario())


def test_of_several_times_a_key_runs_at_the_earliest_and_once() -> None:
    async def scenario() -> None:
        runs = Runs()
        queue = started(runs)
        for delay in (30, 5, 12):
            queue.add(A, delay)
        await asyncio.sleep(60)
        assert runs.begun == [(A, 5)]

    run(scenario())


def test_a_run_takes_the_place_of_a_later_one_that_was_planned() -> None:
    async def scenario() -> None:
        runs = Runs()
        queue = started(runs)
        queue.add(A, 30)
        queue.add(A)
        await asyncio.sleep(60)
        assert runs.begun == [(A, 0)]

    run(scenario())


def test_a_run_says_when_the_next_one_is_due() -> None:
    async def scenario() -> None:
        runs = Runs(again=20)
        started(runs).add(A)
        await asyncio.sleep(50)
        assert runs.times == [0, 20, 40]

    run(scenario())


def test_a_run_that_is_due_at_once_again_does_not_hold_the_loop() -> None:
    async def scenario() -> None:
        runs = Runs(again=0)
        queue = started(runs)
        queue.add(A)
        await asyncio.sleep(1)
        assert len(runs.begun) <= 1001

    run(scenario())


def test_a_key_that_is_added_while_it_runs_runs_again_afterwards() -> None:
    async def scenario() -> None:
        runs = Runs(seconds=2)
        queue = started(runs)
        queue.add(A)
        await asyncio.sleep(1)
        for _ in range(3):
            queue.add(A)
        await asyncio.sleep(10)
        assert runs.times == [0, 2]
        assert runs.most == 1

    run(scenario())


def test_a_time_that_is_set_while_a_key_runs_is_kept() -> None:
    async def scenario() -> None:
        runs = Runs(seconds=2, again=60)
        queue = started(runs)
        queue.add(A)
        await asyncio.sleep(1)
        queue.add(A, 5)
        await asyncio.sleep(20)
        assert runs.times == [0, 6]

    run(scenario())


def test_the_most_urgent_key_runs_first() -> None:
    async def scenario() -> None:
        runs = Runs(seconds=1)
        queue = started(runs, {A: 300, B: 100, C: 200})
        for number in range(SLOTS):
            queue.add(Key("other", str(number)))
        await asyncio.sleep(0.5)
        for key in (A, B, C):
            queue.add(key)
        await asyncio.sleep(1)
        assert runs.keys[SLOTS:] == [B, C, A]

    run(scenario())


def test_no_more_keys_run_at_once_than_there_are_slots() -> None:
    async def scenario() -> None:
        runs = Runs(seconds=1)
        queue = started(runs)
        for number in range(100):
            queue.add(Key("clinic", str(number)))
        await asyncio.sleep(10)
        assert (len(runs.begun), runs.most) == (100, SLOTS)

    run(scenario())


def test_a_key_that_is_discarded_runs_no_more() -> None:
    async def scenario() -> None:
        runs = Runs(seconds=2)
        queue = started(runs)
        queue.add(A)
        queue.add(B, 5)
        await asyncio.sleep(1)
        queue.add(A)
        queue.discard(A)
        queue.discard(B)
        await asyncio.sleep(20)
        assert runs.keys == [A]

    run(scenario())


def test_a_key_that_is_added_after_it_was_discarded_runs_once() -> None:
    async def scenario() -> None:
        runs = Runs()
        queue = started(runs)
        queue.add(A)
        queue.discard(A)
        queue.add(A)
        await asyncio.sleep(1)
        assert runs.keys == [A]

    run(scenario())


def test_a_run_that_crashes_is_repeated_later_and_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def crash(key: Key) -> None:
        if key == A:
            raise ValueError(key.name * 5)

    async def scenario() -> None:
        runs = Runs()
        runs.before = crash
        queue = started(runs)
        queue.add(A)
        queue.add(B)
        await asyncio.sleep(CRASH_DELAY + 1)
        assert runs.begun == [(A, 0), (B, 0), (A, CRASH_DELAY)]
        assert queue.crashed == {A}

    with caplog.at_level(logging.ERROR):
        run(scenario())
    assert "ValueError" in caplog.text
    assert "aaaaa" not in caplog.text


def test_a_key_that_recovers_from_a_crash_is_not_counted_as_crashed() -> None:
    async def scenario() -> None:
        runs = Runs()
        queue = started(runs)
        queue.crashed.add(A)
        queue.add(A)
        await asyncio.sleep(1)
        assert not queue.crashed

    run(scenario())


def test_the_queue_tells_how_long_the_oldest_key_waits_or_runs() -> None:
    async def scenario() -> None:
        runs = Runs(seconds=7)
        queue = started(runs)
        assert queue.oldest_wait() == 0
        queue.add(A)
        await asyncio.sleep(3)
        assert (queue.oldest_wait(), len(queue)) == (3, 1)
        await asyncio.sleep(10)
        assert (queue.oldest_wait(), len(queue)) == (0, 0)

    run(scenario())


def test_the_loop_turns_at_least_every_ten_seconds() -> None:
    async def scenario() -> None:
        queue = started(Runs())
        queue.add(A, 10_000)
        for _ in range(50):
            await asyncio.sleep(3)
            assert asyncio.get_running_loop().time() - queue.turned_at <= 10

    run(scenario())


def test_draining_waits_for_what_runs_and_starts_nothing_more() -> None:
    async def scenario() -> None:
        runs = Runs(seconds=2, again=1)
        queue = started(runs)
        queue.add(A)
        await asyncio.sleep(1)
        queue.add(A)
        begun = asyncio.get_running_loop().time()
        await queue.drain(3)
        assert asyncio.get_running_loop().time() - begun == pytest.approx(1)
        queue.add(B)
        await asyncio.sleep(20)
        assert runs.keys == [A]

    run(scenario())


def test_draining_gives_up_on_a_run_that_does_not_end() -> None:
    async def scenario() -> None:
        runs = Runs(seconds=1000)
        queue = started(runs)
        queue.add(A)
        await asyncio.sleep(1)
        await queue.drain(3)
        await asyncio.sleep(0.01)
        assert (asyncio.get_running_loop().time(), runs.under_way) == (pytest.approx(1004.01), 0)

    run(scenario())
