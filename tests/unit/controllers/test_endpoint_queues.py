from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from redox_operator.controllers.endpoint_queue import EndpointQueue
from redox_operator.controllers.endpoint_queues import EndpointQueues
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import CANADA, US, AllowedNamespaces
from redox_operator.domain.lanes import Lane
from tests.support.virtual_time import VirtualClock, run

EHR = Key("clinic", "ehr")
SANDBOX = replace(US, name="Sandbox", token_url="https://sandbox.example/token", burst=1)


class Issues:
    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.keys: list[Key] = []
        self.dropped: list[Key] = []

    async def __call__(self, key: Key, queue: EndpointQueue) -> bool:
        self.keys.append(key)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.dropped.append(key)
            raise
        return True


def started(issues: Issues, leads: Callable[[], bool] = lambda: True) -> EndpointQueues:
    queues = EndpointQueues(20, VirtualClock(), issues, leads=leads)
    queues.configure((US, CANADA))
    queues.task = asyncio.create_task(queues.loop())  # type: ignore[attr-defined]
    return queues


def add(queues: EndpointQueues, name: str, key: Key = EHR) -> None:
    queue = queues.get(name)
    assert queue is not None
    queue.add(key, Lane.FIRST, float("inf"))


def test_each_configured_endpoint_has_a_queue_of_its_own() -> None:
    async def scenario() -> None:
        issues = Issues()
        queues = started(issues)
        assert [queue.endpoint.name for queue in queues] == ["US", "Canada"]
        add(queues, "US", Key("clinic", "a"))
        add(queues, "Canada", Key("clinic", "b"))
        await asyncio.sleep(0.1)
        assert {key.name for key in issues.keys} == {"a", "b"}

    run(scenario())


def test_an_endpoint_that_is_added_is_served() -> None:
    async def scenario() -> None:
        issues = Issues()
        queues = started(issues)
        await asyncio.sleep(1)
        queues.configure((US, CANADA, SANDBOX))
        add(queues, "Sandbox")
        await asyncio.sleep(0.1)
        assert issues.keys == [EHR]

    run(scenario())


def test_a_changed_endpoint_keeps_its_queue_and_those_who_wait_in_it() -> None:
    async def scenario() -> None:
        issues = Issues()
        queues = started(issues)
        queue = queues.get("US")
        assert queue is not None
        queue.hold(5, halve=False)
        add(queues, "US")
        queues.configure((replace(US, assertion_type="client-authentication+jwt"), CANADA))
        assert queues.get("US") is queue
        assert queue.endpoint.assertion_type == "client-authentication+jwt"
        await asyncio.sleep(6)
        assert issues.keys == [EHR]

    run(scenario())


def test_an_endpoint_that_is_removed_takes_its_requests_with_it() -> None:
    async def scenario() -> None:
        issues = Issues(seconds=10)
        queues = started(issues)
        add(queues, "US")
        await asyncio.sleep(1)
        queues.configure((CANADA,))
        await asyncio.sleep(0.1)
        assert issues.dropped == [EHR]
        assert queues.get("US") is None

    run(scenario())


def test_who_waited_for_a_removed_endpoint_can_wait_for_it_when_it_returns() -> None:
    async def scenario() -> None:
        issues = Issues()
        queues = started(issues)
        queue = queues.get("US")
        assert queue is not None
        queue.hold(60, halve=False)
        add(queues, "US")
        queues.configure((CANADA,))
        await asyncio.sleep(1)
        queues.configure((US, CANADA))
        add(queues, "US")
        await asyncio.sleep(0.1)
        assert issues.keys == [EHR]

    run(scenario())


def test_an_endpoint_that_returns_before_the_loop_turned_has_a_queue_that_runs() -> None:
    async def scenario() -> None:
        issues = Issues()
        queues = started(issues)
        await asyncio.sleep(1)
        queues.configure((CANADA,))
        queues.configure((US, CANADA))
        add(queues, "US")
        await asyncio.sleep(0.1)
        assert issues.keys == [EHR]

    run(scenario())


def test_a_discarded_credential_waits_nowhere() -> None:
    async def scenario() -> None:
        issues = Issues()
        queues = started(issues)
        for queue in queues:
            queue.hold(5, halve=False)
            queue.add(EHR, Lane.FIRST, 0)
        queues.discard(EHR)
        await asyncio.sleep(10)
        assert issues.keys == []

    run(scenario())


def test_only_the_endpoints_that_a_namespace_may_use_are_named_to_it() -> None:
    async def scenario() -> None:
        queues = started(Issues())
        queues.configure((US, replace(SANDBOX, allowed_namespaces=AllowedNamespaces())))
        assert queues.names("clinic") == ("US",)
        allowed = AllowedNamespaces(frozenset({"clinic"}))
        queues.configure((US, replace(SANDBOX, allowed_namespaces=allowed)))
        assert queues.names("clinic") == ("US", "Sandbox")

    run(scenario())


def test_a_queue_that_fails_ends_all_of_them_so_that_the_process_ends() -> None:
    async def scenario() -> None:
        leads = [True]
        queues = started(Issues(), leads=leads.pop)
        add(queues, "US", Key("clinic", "a"))
        await asyncio.sleep(1)
        add(queues, "US", Key("clinic", "b"))
        task = queues.task  # type: ignore[attr-defined]
        with pytest.raises(IndexError):
            await task


def test_who_does_not_lead_sends_nothing_until_it_does() -> None:
    async def scenario() -> None:
        issues, leads = Issues(), [False]
        queues = started(issues, leads=lambda: leads[0])
        add(queues, "US")
        add(queues, "Canada", Key("clinic", "ca"))
        await asyncio.sleep(30)
        assert issues.keys == []
        leads[0] = True
        queues.wake()
        await asyncio.sleep(0.1)
        assert len(issues.keys) == 2

    run(scenario())

    run(scenario())
