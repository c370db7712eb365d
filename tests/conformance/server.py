"""An API server under test, asked with plain HTTP."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

Object = dict[str, Any]

JSON = "application/json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

REQUEST_SECONDS = 15.0
WAIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Status code, decoded body, and the texts of the Warning headers."""

    code: int
    body: Any
    headers: httpx.Headers = field(repr=False)
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class WatchLine:
    """One line of a watch."""

    type: str
    object: Object

    @property
    def brief(self) -> tuple[str, str]:
        """What happened to which object."""
        return self.type, self.object["metadata"].get("name", "")


class Server:
    """One API server; `real` tells which."""

    def __init__(
        self,
        url: str,
        kubeconfig: Path,
        *,
        real: bool,
        token: str = "",
        ca_file: Path | None = None,
    ) -> None:
        self.url = url
        self.kubeconfig = kubeconfig
        self.real = real
        trusted = ssl.create_default_context(cafile=str(ca_file)) if ca_file else False
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            base_url=url,
            verify=trusted,
            headers={"User-Agent": "conformance/1", **headers},
            timeout=REQUEST_SECONDS,
            trust_env=False,
        )

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = JSON,
        *,
        content: str | None = None,
        accept: str = JSON,
    ) -> Answer:
        """One request; a 429 of a server that warms up is retried."""
        if body is not None:
            content = json.dumps(body)
        headers = {"Accept": accept}
        if content is not None:
            headers["Content-Type"] = content_type
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            answer = self._http.request(method, path, content=content, headers=headers)
            if answer.status_code != 429 or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        return Answer(answer.status_code, _decoded(answer), answer.headers, _warnings(answer))

    def get(self, path: str, accept: str = JSON) -> Answer:
        return self.request("GET", path, accept=accept)

    def post(self, path: str, body: Any, content_type: str = JSON, accept: str = JSON) -> Answer:
        return self.request("POST", path, body, content_type, accept=accept)

    def put(self, path: str, body: Any) -> Answer:
        return self.request("PUT", path, body)

    def patch(self, path: str, body: Any, content_type: str = MERGE) -> Answer:
        return self.request("PATCH", path, body, content_type)

    def delete(self, path: str, body: Any = None) -> Answer:
        return self.request("DELETE", path, body)

    def make(self, path: str, body: Any) -> Object:
        """Create an object that a test needs; anything but 201 fails the test."""
        answer = self.post(path, body)
        assert answer.code == 201, answer.body
        created: Object = answer.body
        return created

    def revision(self, path: str) -> str:
        """The resourceVersion of a list."""
        revision: str = self.get(path).body["metadata"]["resourceVersion"]
        return revision

    @contextmanager
    def watching(self, path: str, accept: str = JSON) -> Iterator[Iterator[WatchLine]]:
        """Open a watch; its lines come as the server sends them."""
        with self._http.stream("GET", path, headers={"Accept": accept}) as stream:
            assert stream.status_code == 200, stream.read()
            yield (_line(text) for text in stream.iter_lines())

    def wait(self, path: str, ready: Callable[[Answer], bool]) -> Answer:
        """Get a path until `ready` says so; fail after 20 s."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not ready(answer := self.get(path)):
            assert time.monotonic() < deadline, answer.body
            time.sleep(0.03)
        return answer

    def wait_gone(self, path: str) -> None:
        """Get a path until it is not found."""
        self.wait(path, lambda answer: answer.code == 404)

    def close(self) -> None:
        self._http.close()


def take(lines: Iterator[WatchLine], count: int) -> list[WatchLine]:
    """The next lines of a watch."""
    return [next(lines) for _ in range(count)]


def _line(text: str) -> WatchLine:
    event = json.loads(text)
    return WatchLine(event["type"], event["object"])


def _decoded(answer: httpx.Response) -> Any:
    if answer.headers.get("Content-Type", "").startswith(JSON):
        return answer.json()
    return answer.text


def _warnings(answer: httpx.Response) -> list[str]:
    values = answer.headers.get_list("Warning")
    return [json.loads(value.removeprefix("299 - ")) for value in values]
