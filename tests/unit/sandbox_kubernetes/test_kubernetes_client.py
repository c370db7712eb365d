"""The `kubernetes` client works against the in-memory API, from its kubeconfig."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException

from redox_sandbox.kubernetes.server import Api, running


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running() as api:
        yield api


@pytest.fixture
async def core(api: Api) -> AsyncIterator[client.CoreV1Api]:
    configuration = client.Configuration()
    await config.load_kube_config(str(api.kubeconfig), client_configuration=configuration)
    async with client.ApiClient(configuration) as connection:
        yield client.CoreV1Api(connection)


async def test_a_secret_is_created_patched_listed_and_deleted(core: client.CoreV1Api) -> None:
    body = client.V1Secret(
        metadata=client.V1ObjectMeta(name="s", labels={"a": "b"}), string_data={"key": "value"}
    )

    created = await core.create_namespaced_secret("default", body, field_manager="tests")
    patched = await core.patch_namespaced_secret(
        "s",
        "default",
        {"metadata": {"resourceVersion": created.metadata.resource_version}, "data": {"k": "dg=="}},
        _content_type="application/merge-patch+json",
    )
    listed = await core.list_namespaced_secret("default", label_selector="a=b")
    await core.delete_namespaced_secret("s", "default")

    assert created.type == "Opaque"
    assert patched.data == {"key": "dmFsdWU=", "k": "dg=="}
    assert [item.metadata.name for item in listed.items] == ["s"]
    assert (await core.list_namespaced_secret("default")).items == []


async def test_an_old_version_is_a_conflict(core: client.CoreV1Api) -> None:
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="c"), data={"key": "value"})
    await core.create_namespaced_config_map("default", body)

    with pytest.raises(ApiException) as caught:
        await core.patch_namespaced_config_map(
            "c",
            "default",
            {"metadata": {"resourceVersion": "1"}},
            _content_type="application/merge-patch+json",
        )

    assert (caught.value.status, caught.value.reason) == (409, "Conflict")
