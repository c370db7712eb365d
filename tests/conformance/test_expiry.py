"""History that is compacted: 410 for watches and lists from before."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.conformance.answers import status
from tests.conformance.conftest import SERVERS, of_control_plane
from tests.conformance.objects import config_map
from tests.conformance.server import Answer, Object, Server
from tests.support.controlplane import ControlPlane
from tests.support.kubernetes_sandbox import KubernetesSandbox


@dataclass(frozen=True, slots=True)
class Past:
    """A server that has forgotten what was before `revision`, and a page that ended there."""

    server: Server
    path: str
    revision: str
    continue_token: str


def live(server: Server) -> Callable[[], Past]:
    """Make some history; the function returned tells of it once it is compacted."""
    namespace = f"expiry-{secrets.token_hex(3)}"
    server.make("/api/v1/namespaces", {"metadata": {"name": namespace}})
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for name in "abcd":
        server.make(path, config_map(name, {"labels": {"x": ""}}))
    page = server.get(f"{path}?labelSelector=x&limit=2").body["metadata"]
    server.delete(f"{path}/c")
    return lambda: Past(server, path, page["resourceVersion"], page["continue"])


@pytest.fixture(scope="module", params=SERVERS)
def past(request: pytest.FixtureRequest) -> Iterator[Past]:
    if request.param == "real":
        # A restart empties the watch cache, which would still answer after a compaction.
        with ControlPlane.start() as cluster:
            compacted = live(of_control_plane(cluster))
            cluster.compact()
            cluster.restart()
            past = compacted()
            past.server.wait(past.path, lambda answer: answer.code == 200)
            yield past
            past.server.close()
    else:
        with KubernetesSandbox.start() as sandbox:
            compacted = live(Server(sandbox.url, sandbox.kubeconfig, real=False))
            sandbox.act("compact")
            past = compacted()
            yield past
            past.server.close()


def message_of(answer: Answer | Object) -> str:
    body = answer.body if isinstance(answer, Answer) else answer
    message: str = body["message"]
    return message


def test_a_watch_from_before_gets_an_error_event(past: Past) -> None:
    query = f"watch=1&timeoutSeconds=5&resourceVersion={past.revision}"

    with past.server.watching(f"{past.path}?{query}") as lines:
        seen = list(lines)

    assert [line.type for line in seen] == ["ERROR"]
    error = seen[0].object
    assert message_of(error).startswith(f"too old resource version: {past.revision} (")
    assert {**error, "message": ""} == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "",
        "reason": "Expired",
        "code": 410,
    }


def test_a_page_from_before_is_410_and_offers_to_go_on(past: Past) -> None:
    query = "labelSelector=x&limit=2"

    answer = past.server.get(f"{past.path}?{query}&continue={past.continue_token}")

    refused = status(answer)
    assert (refused["code"], refused["reason"]) == (410, "Expired")
    assert message_of(answer).startswith(
        "The provided continue parameter is too old to display a consistent list result."
    )
    # What is offered is the rest of the list as it is now, without c.
    token = refused["metadata"]["continue"]
    rest = past.server.get(f"{past.path}?{query}&continue={token}").body["items"]
    assert [item["metadata"]["name"] for item in rest] == ["d"]


def test_a_list_of_exactly_then_is_410(past: Past) -> None:
    query = f"resourceVersion={past.revision}&resourceVersionMatch=Exact"

    refused = status(past.server.get(f"{past.path}?{query}"))

    assert refused == {
        "code": 410,
        "reason": "Expired",
        "message": "The resourceVersion for the provided list is too old.",
    }


def test_a_list_of_then_or_later_is_answered(past: Past) -> None:
    query = f"labelSelector=x&resourceVersion={past.revision}"

    items = past.server.get(f"{past.path}?{query}").body["items"]

    assert [item["metadata"]["name"] for item in items] == ["a", "b", "d"]
