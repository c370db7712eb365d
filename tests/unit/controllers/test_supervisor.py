from __future__ import annotations

import asyncio
import logging

import pytest

from redox_operator.controllers.supervisor import Supervisor
from tests.support.virtual_time import run


async def forever() -> None:
    await asyncio.sleep(1_000_000)


async def ends(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def fails(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise ValueError(str(seconds) * 5)


def test_a_task_that_fails_is_named_and_its_error_is_not_quoted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        supervisor = Supervisor()
        supervisor.start("steady", forever())
        supervisor.start("weak", fails(7))
        assert supervisor.dead() == []
        assert await supervisor.wait() == "weak"
        assert supervisor.dead() == ["weak ended"]
        await supervisor.stop()

    with caplog.at_level(logging.ERROR):
        run(scenario())
    assert "weak ended: ValueError" in caplog.text
    assert "77777" not in caplog.text


def test_a_task_that_ends_without_an_error_is_named_too(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        supervisor = Supervisor()
        supervisor.start("short", ends(1))
        assert await supervisor.wait() == "short"

    with caplog.at_level(logging.ERROR):
        run(scenario())
    assert "short ended: by itself" in caplog.text


def test_stopping_ends_all_tasks_or_those_that_are_named() -> None:
    async def scenario() -> None:
        supervisor = Supervisor()
        for name in ("a", "b", "c"):
            supervisor.start(name, forever())
        await supervisor.stop("b")
        assert supervisor.dead() == ["b ended"]
        await supervisor.stop()
        assert len(supervisor.dead()) == 3

    run(scenario())
