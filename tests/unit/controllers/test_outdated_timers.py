"""Timers of a workqueue that nobody waits for any more."""

from __future__ import annotations

import asyncio

from redox_operator.controllers.workqueue import Workqueue
from redox_operator.domain.credential import Key
from tests.support.virtual_time import VirtualClock, run

KEYS = [Key("clinic", name) for name in "abc"]


def test_a_key_that_runs_often_before_its_time_leaves_no_growing_heap_behind() -> None:
    async def scenario() -> None:
        ran = list[Key]()

        async def again(key: Key) -> float:
            ran.append(key)
            return 300.0

        queue = Workqueue(VirtualClock(), again, lambda _: 0.0)
        loop = asyncio.create_task(queue.loop())
        for _ in range(1000):
            for key in KEYS:
                queue.add(key)
            await asyncio.sleep(0.1)
        assert len(queue._timers) <= 80
        begun = len(ran)
        await asyncio.sleep(301)
        assert sorted(ran[begun:]) == KEYS, "each timer that counts is still there"
        loop.cancel()

    run(scenario())
