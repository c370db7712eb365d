from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from redox_operator.controllers.endpoint_queue import EndpointQueue
from redox_operator.controllers.endpoint_queues import EndpointQueues
from redox_operator.controllers.observation import Observation
from redox_operator.controllers.records import Record, Records
from redox_operator.controllers.watch_state import Change
from redox_operator.controllers.workqueue import Workqueue
from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import US
from redox_operator.domain.lanes import Lane
from tests.support.builders import credential_body, target
from tests.support.virtual_time import VirtualClock, VirtualTimeLoop

EHR = Key("clinic", "ehr")


class Watched:
    """An `Observation` whose queue only collects keys."""

    def __init__(self) -> None:
        self.loop = VirtualTimeLoop()
        clock = VirtualClock(self.loop)

        async def run(key: Key) -> None:
            raise AssertionError(key)

        async def issue(key: Key, queue: EndpointQueue) -> bool:
            raise AssertionError(key)

        self.queue = Workqueue(clock, run, lambda _: 0.0)
        self.endpoints = EndpointQueues(20, clock, issue)
        self.endpoints.configure((US,))
        self.observation = Observation(Records(), self.queue, self.endpoints, clock)

    def credential(self, version: int, *, deleted: bool = False, **changes: Any) -> None:
        body = credential_body(**changes)
        body["metadata"]["resourceVersion"] = str(version)
        self.observation.credential(Change(body, deleted))

    def secret(self, version: int, *, deleted: bool = False, uid: str = "secret") -> None:
        metadata = {"namespace": "clinic", "name": "ehr-token", "uid": uid}
        metadata["resourceVersion"] = str(version)
        self.observation.target(Change({"metadata": metadata}, deleted))

    def due(self) -> bool:
        """Whether something became due since the last time."""
        was = len(self.queue) > 0
        self.queue.discard(EHR)
        return was

    @property
    def record(self) -> Record:
        record = self.observation.records.get(EHR)
        assert record is not None
        return record


@pytest.fixture
def watched() -> Any:
    made = Watched()
    yield made
    made.loop.close()


@pytest.fixture
def served(watched: Watched) -> Watched:
    """The credential is known, and its target was seen at version 20."""
    watched.credential(1)
    watched.due()
    watched.record.target = replace(target(), uid="secret", resource_version="20")
    watched.record.target_known = True
    return watched


def test_a_new_credential_is_due(watched: Watched) -> None:
    watched.credential(1)
    assert watched.due()


def test_a_change_of_status_makes_nothing_due(served: Watched) -> None:
    served.credential(2, status={"keyId": "k1"})
    assert not served.due()
    assert served.record.status == {"keyId": "k1"}


def test_a_deleted_credential_is_forgotten_everywhere(served: Watched) -> None:
    queue = served.endpoints.get("US")
    assert queue is not None
    queue.add(EHR, Lane.REFRESH, 0)
    served.queue.add(EHR)
    served.credential(2, deleted=True)
    assert served.observation.records.get(EHR) is None
    assert (len(served.queue), EHR in queue) == (0, False)


def test_what_a_late_event_tells_of_a_deleted_credential_is_not_believed(served: Watched) -> None:
    served.credential(3, deleted=True)
    served.credential(2)
    assert served.observation.records.get(EHR) is None


def test_the_deletion_of_a_forerunner_does_not_touch_its_successor(served: Watched) -> None:
    served.credential(5, uid="another")
    served.credential(4, deleted=True)
    assert served.record.uid == "another"


def test_a_target_version_that_the_operator_did_not_write_is_read(served: Watched) -> None:
    served.secret(21)
    assert served.due()
    assert served.record.target_version == "21"


@pytest.mark.parametrize("version", [19, 20])
def test_a_target_version_that_is_known_makes_nothing_due(served: Watched, version: int) -> None:
    served.secret(version)
    assert not served.due()


def test_a_target_version_that_was_told_before_makes_nothing_due_again(served: Watched) -> None:
    served.secret(22)
    served.due()
    served.secret(22)
    served.secret(21)
    assert not served.due()


def test_a_deleted_target_is_missing_at_once(served: Watched) -> None:
    served.secret(21, deleted=True)
    assert served.due()
    record = served.record
    assert (record.target, record.target_known, record.target_deletions) == (None, True, 1)


def test_the_deletion_of_another_secret_of_that_name_is_no_news(served: Watched) -> None:
    served.secret(19, deleted=True, uid="before")
    assert not served.due()
    assert served.record.target is not None


def test_a_secret_that_is_no_target_is_ignored(watched: Watched) -> None:
    watched.secret(5)
    assert not watched.due()


def test_everything_can_be_made_due(served: Watched) -> None:
    served.observation.everything()
    assert served.due()
