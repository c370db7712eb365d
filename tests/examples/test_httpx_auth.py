"""docs/examples/consumers/httpx_auth.py: the mounted token in an httpx client."""

from __future__ import annotations

import importlib.util
import ssl
from collections.abc import Callable

import httpx
import pytest

from tests.examples.access_tokens import mounted_data, request_token
from tests.examples.mounted_secret import MountedSecret
from tests.examples.programs import EXAMPLES
from tests.support.redox_sandbox import RedoxSandbox


@pytest.fixture
def auth(mount: MountedSecret) -> httpx.Auth:
    """The example's class, for the mounted directory."""
    file = EXAMPLES / "consumers/httpx_auth.py"
    spec = importlib.util.spec_from_file_location("httpx_auth", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: httpx.Auth = module.MountedToken(mount.path)
    return made


def answering(status: Callable[[str], int], seen: list[str]) -> httpx.MockTransport:
    """A server that notes each Authorization header and answers with its status."""

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(status(seen[-1]))

    return httpx.MockTransport(handle)


async def test_each_request_reads_the_token_anew(
    redox: RedoxSandbox, mount: MountedSecret, auth: httpx.Auth
) -> None:
    trusted = ssl.create_default_context(cafile=redox.ca_file)
    url = f"{redox.fhir_base_url}/Patient/example-1"

    async with httpx.AsyncClient(auth=auth, verify=trusted, trust_env=False) as client:
        mount.write(mounted_data(redox, request_token(redox)))
        first = await client.get(url)
        redox.revoke(redox.requests()[-1]["clientId"])
        mount.write(mounted_data(redox, request_token(redox)))
        second = await client.get(url)

    assert [first.status_code, second.status_code] == [200, 200]
    assert redox.stats()["resourceCalls"]["fhir"] == {"ok": 2}


def test_a_401_is_tried_once_more_when_the_token_changed_meanwhile(
    mount: MountedSecret, auth: httpx.Auth
) -> None:
    seen: list[str] = []
    mount.write({"authorization": "Bearer old"})

    def status(authorization: str) -> int:
        mount.write({"authorization": f"Bearer new-{len(seen)}"})
        return 401

    with httpx.Client(auth=auth, transport=answering(status, seen)) as client:
        response = client.get("https://redox.example/Patient")

    assert response.status_code == 401
    assert seen == ["Bearer old", "Bearer new-1"]


def test_a_401_is_final_when_the_token_is_still_the_same(
    mount: MountedSecret, auth: httpx.Auth
) -> None:
    seen: list[str] = []
    mount.write({"authorization": "Bearer same"})

    with httpx.Client(auth=auth, transport=answering(lambda _: 401, seen)) as client:
        response = client.get("https://redox.example/Patient")

    assert response.status_code == 401
    assert seen == ["Bearer same"]
