from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

import pytest

from redox_operator.controllers.endpoint_queue import EndpointQueue
from redox_operator.controllers.endpoint_queues import EndpointQueues
from redox_operator.controllers.maintenance import Maintenance
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import BUILT_IN, CANADA, US
from tests.support.fake_world import FakeEndpointsFile
from tests.support.virtual_time import VirtualClock, VirtualTimeLoop, end


class Looked:
    """A `Maintenance` that runs, and what it called."""

    def __init__(self) -> None:
        self.loop = VirtualTimeLoop()
        self.clock = VirtualClock(self.loop)
        self.file = FakeEndpointsFile()

        async def issue(key: Key, queue: EndpointQueue) -> bool:
            return False

        self.endpoints = EndpointQueues(20, self.clock, issue)
        self.endpoints.configure(BUILT_IN)
        self.calls: list[str] = []
        self.maintenance = Maintenance(
            self.clock,
            self.file,
            self.endpoints,
            on_change=self.called("change"),
            on_clock_set=self.called("clock set"),
        )
        self.loop.create_task(self.maintenance.loop())
        self.advance(5)

    def called(self, name: str) -> Callable[[], None]:
        return lambda: self.calls.append(name)

    def advance(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))


@pytest.fixture
def looked() -> Iterator[Looked]:
    made = Looked()
    yield made
    end(made.loop)


def test_where_nothing_happens_nothing_is_called(looked: Looked) -> None:
    looked.advance(600)
    assert looked.calls == []
    assert looked.maintenance.lag == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("step", [-600, -3, 3, 600])
def test_a_wall_clock_that_is_set_is_noticed_once(looked: Looked, step: float) -> None:
    looked.clock.step += step
    looked.advance(30)
    assert looked.calls == ["clock set"]


@pytest.mark.parametrize("step", [-1.5, 1.5])
def test_a_wall_clock_that_is_nudged_is_not_noticed(looked: Looked, step: float) -> None:
    looked.clock.step += step
    looked.advance(30)
    assert looked.calls == []


def test_a_gap_is_noticed_and_remembered(looked: Looked, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        looked.loop.jump(30)
        looked.advance(3)
    assert looked.calls == ["change"]
    assert looked.maintenance.woke_at == pytest.approx(1000 + 5 + 30, abs=1.1)
    assert "stood still for 30 s" in caplog.text


def test_an_event_loop_that_is_late_shows_by_how_much(looked: Looked) -> None:
    looked.loop.jump(4)
    looked.advance(0.5)
    assert looked.maintenance.lag == pytest.approx(3.5, abs=0.6)
    assert looked.calls == []


def test_a_correction_that_moves_is_noticed_once(looked: Looked) -> None:
    queue = looked.endpoints.get("US")
    assert queue is not None
    now = looked.clock.read()
    queue.correction.observe(now.wall + 50, now, now)
    looked.advance(30)
    assert looked.calls == ["change"]


def test_a_correction_that_creeps_is_noticed_when_it_adds_up(looked: Looked) -> None:
    queue = looked.endpoints.get("US")
    assert queue is not None
    for drift in range(12):
        for _ in range(5):
            now = looked.clock.read()
            queue.correction.observe(now.wall + drift, now, now)
        looked.advance(2)
    assert 3 <= len(looked.calls) <= 4


def test_a_file_that_changed_is_taken_within_five_seconds(looked: Looked) -> None:
    looked.file.change(US)
    looked.advance(5.1)
    assert [queue.endpoint.name for queue in looked.endpoints] == ["US"]
    assert looked.calls == ["change"]
    looked.file.change(US, CANADA)
    looked.advance(5.1)
    assert len(looked.calls) == 2


def test_faults_of_the_file_are_logged_once(
    looked: Looked, caplog: pytest.LogCaptureFixture
) -> None:
    faults: Iterator[list[str]] = iter([["no YAML"], ["no YAML"], ["two"], []])

    def reload() -> bool:
        looked.file.faults = next(faults, [])
        return False

    looked.file.reload = reload  # type: ignore[method-assign]
    with caplog.at_level(logging.ERROR):
        looked.advance(30)
    assert [record.getMessage().split(" The last")[0] for record in caplog.records] == [
        "no YAML",
        "two",
    ]
