"""Leases: what leader election rests on."""

from __future__ import annotations

import pytest

from tests.conformance.answers import Cause, bad_value, invalid, modified, settled, status
from tests.conformance.server import Object, Server

NOW = "2026-01-01T00:00:00.123456Z"
GROUP = "coordination.k8s.io"


@pytest.fixture
def leases(namespace: str) -> str:
    return f"/apis/{GROUP}/v1/namespaces/{namespace}/leases"


def lease(name: str = "l", version: str | None = None, **spec: object) -> Object:
    metadata = {"name": name, **({"resourceVersion": version} if version else {})}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": NOW, **spec},
    }


def test_a_lease_is_stored_as_it_came(server: Server, namespace: str, leases: str) -> None:
    body = lease(acquireTime=NOW, leaseTransitions=0)

    created = server.post(leases, body)

    assert created.code == 201
    expected = {**body, "metadata": {"name": "l", "namespace": namespace}}
    assert settled(created.body) == expected


def test_only_one_of_two_renewals_wins(server: Server, leases: str) -> None:
    version = server.make(leases, lease())["metadata"]["resourceVersion"]

    first = server.put(f"{leases}/l", lease(version=version, holderIdentity="one"))
    second = server.put(f"{leases}/l", lease(version=version, holderIdentity="two"))

    assert (first.code, first.body["spec"]["holderIdentity"]) == (200, "one")
    assert status(second) == modified("leases", "l", GROUP)


def test_a_patch_takes_a_lease_as_it_was_seen_and_keeps_what_others_wrote(
    server: Server, leases: str
) -> None:
    labelled = lease()
    labelled["metadata"]["labels"] = {"team": "a"}
    version = server.make(leases, labelled)["metadata"]["resourceVersion"]

    def taken_by(holder: str) -> Object:
        return {"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": holder}}

    first = server.patch(f"{leases}/l", taken_by("one"))
    second = server.patch(f"{leases}/l", taken_by(""))

    assert first.code == 200
    assert first.body["metadata"]["labels"] == {"team": "a"}
    assert first.body["spec"] == {**labelled["spec"], "holderIdentity": "one"}
    assert status(second) == modified("leases", "l", GROUP)


def test_a_lease_that_nobody_holds_keeps_an_empty_holder(server: Server, leases: str) -> None:
    server.make(leases, lease())

    released = server.patch(f"{leases}/l", {"spec": {"holderIdentity": ""}})

    assert released.body["spec"]["holderIdentity"] == ""


def test_a_put_creates_a_lease(server: Server, leases: str) -> None:
    assert server.put(f"{leases}/l", lease()).code == 201


def test_a_put_needs_the_version_of_a_lease_that_is_there(server: Server, leases: str) -> None:
    server.make(leases, lease())

    answer = server.put(f"{leases}/l", lease())

    cause = bad_value("metadata.resourceVersion", "0", "must be specified for an update")
    assert status(answer) == invalid("leases", "l", cause, group=GROUP)


@pytest.mark.parametrize(
    ("spec", "causes"),
    [
        pytest.param(
            {"leaseDurationSeconds": 0},
            [bad_value("spec.leaseDurationSeconds", "0", "must be greater than 0")],
            id="no duration",
        ),
        pytest.param(
            {"leaseTransitions": -1},
            [bad_value("spec.leaseTransitions", "-1", "must be greater than or equal to 0")],
            id="a negative number of transitions",
        ),
    ],
)
def test_a_lease_that_breaks_a_rule_is_422(
    server: Server, leases: str, spec: Object, causes: list[Cause]
) -> None:
    answer = server.post(leases, lease(**spec))

    assert status(answer) == invalid("Lease", "l", *causes, group=GROUP)


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00Z", "now"])
def test_times_have_microseconds(server: Server, leases: str, time: str) -> None:
    answer = server.post(leases, lease(renewTime=time))

    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    assert answer.body["message"].startswith(
        f'Lease in version "v1" cannot be handled as a Lease: parsing time "{time}" as '
        '"2006-01-02T15:04:05.000000Z07:00"'
    )
