"""Attempts that join one that hangs, so that slowness does not become an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from redox_operator.domain.worker_slots import SLOW_AFTER

IN_FLIGHT = 3
"""Attempts of one credential at most."""

Attempt = Callable[[], Coroutine[Any, Any, bool]]
"""Makes an attempt; whether its outcome settles the matter, so that no other one is waited for."""
Ask = Callable[[], asyncio.Future[None] | None]
"""Asks for a permit to join; None: not now."""


async def first_settled(attempt: Attempt, ask: Ask, give_back: Callable[[], None]) -> None:
    """Make an attempt, and others beside it while none is answered, until one settles the matter.

    The others are dropped then. It ends as well when every attempt has ended. `give_back` is
    called for a permit that was granted and is not used.
    """
    attempts = {asyncio.create_task(attempt())}
    permit: asyncio.Future[None] | None = None
    loop = asyncio.get_running_loop()
    last = loop.time()
    try:
        while attempts:
            waits_to_join = permit is None and len(attempts) < IN_FLIGHT
            timeout = max(0.0, last + SLOW_AFTER - loop.time()) if waits_to_join else None
            awaited: set[asyncio.Future[Any]] = {*attempts, *(() if permit is None else (permit,))}
            done, _ = await asyncio.wait(
                awaited, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            ended = {task for task in attempts if task in done}
            attempts -= ended
            outcomes = [task.result() for task in ended]
            if any(outcomes):
                return
            if permit is not None and permit in done:
                permit, last = None, loop.time()
                attempts.add(asyncio.create_task(attempt()))
            elif not done:
                permit, last = ask(), loop.time()
    finally:
        if permit is not None and not permit.cancel():
            give_back()
        await _drop(attempts)


async def _drop(attempts: set[asyncio.Task[bool]]) -> None:
    for task in attempts:
        task.cancel()
    await asyncio.gather(*attempts, return_exceptions=True)
