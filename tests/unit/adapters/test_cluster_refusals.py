"""What an API server's refusals of a Secret become: by its own answers where it gives them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from kubernetes.aio import client

from redox_operator.adapters.cluster import Secrets
from redox_operator.adapters.cluster.connection import Connection
from redox_operator.domain.errors import (
    ClusterUnavailable,
    Conflict,
    NamespaceGone,
    NotFound,
    QuotaExceeded,
    RedoxOperatorError,
    TargetImmutable,
    TargetTooLarge,
    WriteDenied,
)
from redox_operator.domain.rendering import Rendered, render
from redox_sandbox.kubernetes.faults import Fault
from redox_sandbox.kubernetes.server import Api, running
from tests.support import builders

MERGE = {"Content-Type": "application/merge-patch+json"}
NAMESPACES = "/api/v1/namespaces"
SECRETS = f"{NAMESPACES}/clinic/secrets"
SECRET = f"{SECRETS}/ehr-token"
CREDENTIAL = builders.credential()
assert CREDENTIAL.key.namespace == "clinic"
assert CREDENTIAL.target.secret_name == "ehr-token"


@dataclass
class World:
    """An API server with the namespace, and the adapter that is tested."""

    api: Api
    http: httpx.AsyncClient
    secrets: Secrets

    async def post(self, path: str, body: dict[str, Any]) -> None:
        (await self.http.post(path, json=body)).raise_for_status()

    async def change(self, path: str, patch: dict[str, Any]) -> None:
        (await self.http.patch(path, json=patch, headers=MERGE)).raise_for_status()

    async def create(self) -> None:
        await self.secrets.create_target(CREDENTIAL, rendered())

    async def patch(self) -> None:
        """Write a newer token into the target as it is."""
        read = await self.secrets.read_target(CREDENTIAL)
        assert read is not None
        await self.secrets.patch_target(CREDENTIAL, rendered("newer"), read.target)


def rendered(value: str = "token") -> Rendered:
    token = builders.token(value=value)
    return render(CREDENTIAL, builders.endpoint(), token, "v1:input")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running() as api, httpx.AsyncClient(base_url=api.url, trust_env=False) as http:
        connection = Connection(client.Configuration(host=api.url), "redox-operator/test")
        made = World(api, http, Secrets(connection))
        await made.post(NAMESPACES, {"metadata": {"name": "clinic"}})
        try:
            yield made
        finally:
            await connection.close()


async def is_immutable(world: World) -> None:
    await world.create()
    await world.change(SECRET, {"immutable": True})


async def has_gone(world: World) -> None:
    (await world.http.delete(f"{NAMESPACES}/clinic")).raise_for_status()


async def is_going(world: World) -> None:
    finalizers = {"metadata": {"finalizers": ["example.com/wait"]}}
    await world.post(
        f"{NAMESPACES}/clinic/configmaps", {"metadata": {"name": "c"} | finalizers["metadata"]}
    )
    (await world.http.delete(f"{NAMESPACES}/clinic")).raise_for_status()


async def exists(world: World) -> None:
    await world.create()


def answers(code: int, message: str = "", **more: Any) -> Any:
    async def disturb(world: World) -> None:
        verbs = ("create", "patch")
        world.api.faults.add(Fault("status", verbs=verbs, code=code, message=message, **more))

    return disturb


def answers_patch(code: int, message: str = "") -> Any:
    async def disturb(world: World) -> None:
        await world.create()
        world.api.faults.add(Fault("status", verbs=("patch",), code=code, message=message))

    return disturb


QUOTA = 'secrets "ehr-token" is forbidden: exceeded quota: q, requested: secrets=1'
NO_QUOTA = 'secrets "ehr-token" is forbidden: status unknown for quota: q, resources: secrets'
WEBHOOK = 'admission webhook "policy.example.com" denied the request: no tokens here'
FAILED_WEBHOOK = 'Internal error occurred: failed calling webhook "policy.example.com"'


@pytest.mark.parametrize(
    ("disturb", "error", "says"),
    [
        pytest.param(exists, Conflict, "409", id="one is there already"),
        pytest.param(is_going, NamespaceGone, "is being deleted", id="the namespace is going"),
        pytest.param(has_gone, NamespaceGone, "does not exist", id="the namespace is gone"),
        pytest.param(answers(403, QUOTA), QuotaExceeded, "Raise it", id="a quota is used up"),
        pytest.param(answers(403, NO_QUOTA), QuotaExceeded, "Quota", id="a quota not counted yet"),
        pytest.param(answers(403, "no"), WriteDenied, "service account", id="RBAC"),
        pytest.param(answers(403, WEBHOOK), WriteDenied, "webhook", id="a webhook denies it"),
        pytest.param(answers(400, WEBHOOK), WriteDenied, "webhook", id="a webhook answers 400"),
        pytest.param(answers(422, WEBHOOK), WriteDenied, "webhook", id="a webhook answers 422"),
        pytest.param(answers(413), TargetTooLarge, "too large", id="413"),
        pytest.param(answers(429), ClusterUnavailable, "429", id="too many requests"),
        pytest.param(answers(500, FAILED_WEBHOOK), ClusterUnavailable, "500", id="a webhook fails"),
        pytest.param(answers(503), ClusterUnavailable, "503", id="the API server is not well"),
        pytest.param(answers(504), ClusterUnavailable, "504", id="the API server is too slow"),
        pytest.param(answers(401), ClusterUnavailable, "401", id="the account's token is refused"),
    ],
)
async def test_creating_a_target_fails(
    world: World, disturb: Any, error: type[RedoxOperatorError], says: str
) -> None:
    await disturb(world)
    with pytest.raises(error, match=says) as raised:
        await world.create()
    assert type(raised.value) is error
    assert "no tokens here" not in str(raised.value), "texts of an answer are not shown"


@pytest.mark.parametrize(
    ("disturb", "error", "says"),
    [
        pytest.param(is_immutable, TargetImmutable, "Delete it", id="it is immutable"),
        pytest.param(answers_patch(404), NotFound, "404", id="it is gone"),
        pytest.param(answers_patch(409), Conflict, "409", id="it changed"),
        pytest.param(answers_patch(403), WriteDenied, "service account", id="RBAC"),
        pytest.param(answers_patch(422, WEBHOOK), WriteDenied, "webhook", id="a webhook"),
        pytest.param(answers_patch(413), TargetTooLarge, "too large", id="413"),
    ],
)
async def test_changing_a_target_fails(
    world: World, disturb: Any, error: type[RedoxOperatorError], says: str
) -> None:
    await disturb(world)
    with pytest.raises(error, match=says) as raised:
        await world.patch()
    assert type(raised.value) is error


async def test_a_target_that_others_filled_up_is_too_large(world: World) -> None:
    await world.create()
    filler = {"filler": "x" * (1024 * 1024 - 4096)}
    await world.change(SECRET, {"stringData": filler})
    read = await world.secrets.read_target(CREDENTIAL)
    assert read is not None
    assert read.access_token is None
    huge = rendered("x" * 30_000)
    with pytest.raises(TargetTooLarge):
        await world.secrets.patch_target(CREDENTIAL, huge, read.target)


async def test_a_label_that_kubernetes_refuses_is_no_matter_of_immutability(world: World) -> None:
    body = rendered()
    body.labels["bad label"] = "x"  # type: ignore[index]  # as no schema would let through
    with pytest.raises(WriteDenied, match="labels and annotations") as raised:
        await world.secrets.create_target(CREDENTIAL, body)
    assert type(raised.value) is WriteDenied


async def test_a_write_of_which_no_answer_comes_has_an_unknown_outcome(world: World) -> None:
    world.api.faults.add(Fault("reset", verbs=("create",), times=1, after=True))
    with pytest.raises(ClusterUnavailable):
        await world.create()
    read = await world.secrets.read_target(CREDENTIAL)
    assert read is not None
    assert read.access_token == "token"
