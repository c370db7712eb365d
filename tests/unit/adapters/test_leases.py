"""The Lease as it is read and written, on the in-memory API server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from redox_operator.adapters.cluster import Connection, Leases, connect
from redox_operator.domain.errors import Conflict, NotFound
from redox_operator.domain.lease import DURATION, Lease
from redox_sandbox.kubernetes.server import running

PATH = "/apis/coordination.k8s.io/v1/namespaces/default/leases/operator"


@pytest.fixture
async def connection(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connection]:
    async with running() as api:
        monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig))
        connection = await connect("tests")
        yield connection
        await connection.close()


@pytest.fixture
def leases(connection: Connection) -> Leases:
    return Leases(connection, "default", "operator")


async def test_there_is_no_lease_at_first_and_whoever_asks_creates_it(leases: Leases) -> None:
    assert await leases.read() is None

    written = await leases.write(None, "one")

    assert (written.holder, written.duration_seconds, written.transitions) == ("one", DURATION, 0)
    assert await leases.read() == written


async def test_of_two_who_create_it_one_has_it(leases: Leases) -> None:
    await leases.write(None, "one")

    with pytest.raises(Conflict):
        await leases.write(None, "two")


async def test_a_renewal_is_no_transition_and_keeps_when_it_was_acquired(leases: Leases) -> None:
    first = await leases.write(None, "one")
    second = await leases.write(first, "one")

    assert second.resource_version != first.resource_version
    assert (second.transitions, second.acquire_time) == (0, first.acquire_time)


async def test_another_holder_is_a_transition(leases: Leases) -> None:
    first = await leases.write(None, "one")
    second = await leases.write(first, "two")

    assert (second.holder, second.transitions) == ("two", 1)
    assert second.acquire_time != first.acquire_time


async def test_a_lease_that_is_given_up_belongs_to_whoever_asks_next(leases: Leases) -> None:
    held = await leases.write(None, "one")
    free = await leases.write(held, "")
    taken = await leases.write(free, "two")

    assert (free.holder, free.duration_seconds, free.transitions) == ("", 1, 0)
    assert (taken.holder, taken.duration_seconds, taken.transitions) == ("two", DURATION, 1)


async def test_a_lease_that_changed_since_it_was_seen_is_not_written(leases: Leases) -> None:
    seen = await leases.write(None, "one")
    await leases.write(seen, "two")

    with pytest.raises(Conflict):
        await leases.write(seen, "one")


async def test_what_others_wrote_on_the_lease_stays(leases: Leases, connection: Connection) -> None:
    seen = await leases.write(None, "one")
    patch = {"metadata": {"labels": {"team": "a"}}}
    await connection.request(
        "patch", "leases", PATH, body=patch, content_type="application/merge-patch+json"
    )
    seen = await leases.read() or seen
    await leases.write(seen, "one")

    stored = await connection.request("get", "leases", PATH)
    assert stored["metadata"]["labels"] == {"team": "a"}


async def test_a_lease_that_was_deleted_or_has_no_namespace_is_not_found(
    leases: Leases, connection: Connection
) -> None:
    gone = Lease("1", "one", DURATION, 0)
    with pytest.raises(NotFound):
        await leases.write(gone, "one")
    with pytest.raises(NotFound):
        await Leases(connection, "nowhere", "operator").write(None, "one")


async def test_a_lease_that_somebody_left_empty_is_free(
    leases: Leases, connection: Connection
) -> None:
    body = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "operator"},
    }
    await connection.request("create", "leases", PATH.rpartition("/")[0], body=body)

    lease = await leases.read()

    assert lease is not None
    assert (lease.holder, lease.duration_seconds) == ("", DURATION)
