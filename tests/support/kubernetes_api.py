"""A small synchronous client of the Kubernetes API: paths and JSON, nothing in between."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

Object = dict[str, Any]

REQUEST_SECONDS = 10
RETRY_SECONDS = 15
FIELD_MANAGER = "redox-operator-tests"
PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class APIError(Exception):
    """An answer of the API server that is not a success, as its Status object tells it."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class KubernetesAPI:
    """The API as one user sees it.

        api.get("/api/v1/namespaces/clinic/secrets/ehr-token")
        api.patch("/apis/…/redoxcredentials/ehr", {"spec": {"suspend": True}})
        api.apply(Path("crds/redox-operator.dev_redoxcredentials.yaml"))

    Every call raises APIError when the answer is not a success. A 429 is retried for some
    seconds, as every client must: a new or restarted API server gives it while it warms up.
    """

    def __init__(self, url: str, ca_file: Path, token: str) -> None:
        trusted = ssl.create_default_context(cafile=str(ca_file))
        self._use(url, trusted, {"Authorization": f"Bearer {token}"})

    @classmethod
    def from_kubeconfig(cls, path: Path) -> Self:
        """A client for the current context, by bearer token or client certificate."""
        config = yaml.safe_load(path.read_text())
        context = _named(config, "context", config["current-context"])
        cluster = _named(config, "cluster", context["cluster"])
        user = _named(config, "user", context["user"])
        url = cluster["server"]
        trusted: ssl.SSLContext | None = None
        if url.startswith("https:"):
            authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
            trusted = ssl.create_default_context(cadata=authority)
        if trusted is not None and "client-certificate-data" in user:
            # The ssl module reads certificates from files only.
            with tempfile.NamedTemporaryFile() as file:
                for part in ("client-certificate-data", "client-key-data"):
                    file.write(base64.b64decode(user[part]))
                file.flush()
                trusted.load_cert_chain(file.name)
        token = user.get("token")
        api = cls.__new__(cls)
        api._use(url, trusted, {"Authorization": f"Bearer {token}"} if token else {})
        return api

    def _use(self, url: str, trusted: ssl.SSLContext | None, headers: dict[str, str]) -> None:
        self._http = httpx.Client(
            base_url=url,
            verify=trusted or False,
            headers=headers,
            timeout=REQUEST_SECONDS,
            trust_env=False,
        )
        self._resources: dict[str, dict[str, Object]] = {}

    def get(self, path: str, **query: str | int) -> Object:
        """An object, or the list of a collection's path."""
        return self.request("GET", path, query=query)

    def create(self, path: str, body: Object, **query: str | int) -> Object:
        """POST to the path of a collection or of a subresource such as `token`."""
        return self.request("POST", path, body, query=query)

    def replace(self, path: str, body: Object, **query: str | int) -> Object:
        return self.request("PUT", path, body, query=query)

    def patch(
        self, path: str, body: Object | list[Object], kind: str = "merge", **query: str | int
    ) -> Object:
        """`kind` is one of PATCH_TYPES. The subresource status is a path that ends in /status."""
        return self.request("PATCH", path, body, content_type=PATCH_TYPES[kind], query=query)

    def delete(self, path: str, **query: str | int) -> Object:
        return self.request("DELETE", path, query=query)

    def exists(self, path: str) -> bool:
        try:
            self.get(path)
        except APIError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return False
            raise
        return True

    def apply(self, manifests: Object | str | Path, namespace: str = "default") -> list[Object]:
        """Server-side apply of an object, or of all documents of a YAML text or file.

        `namespace` is for objects that need one and name none.
        """
        if isinstance(manifests, Path):
            manifests = manifests.read_text()
        if isinstance(manifests, str):
            documents = [document for document in yaml.safe_load_all(manifests) if document]
        else:
            documents = [manifests]
        return [
            self.patch(
                self.path_of(document, namespace),
                document,
                "apply",
                fieldManager=FIELD_MANAGER,
                force="true",
            )
            for document in documents
        ]

    def path_of(self, manifest: Object, namespace: str = "default") -> str:
        """Where an object lives, by its apiVersion, kind and metadata."""
        version, metadata = manifest["apiVersion"], manifest["metadata"]
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        resource = self._resource(base, manifest["kind"])
        if resource["namespaced"]:
            base += f"/namespaces/{metadata.get('namespace', namespace)}"
        return f"{base}/{resource['name']}/{metadata['name']}"

    def wait(
        self, path: str, ready: Callable[[Object], bool], what: str, seconds: float = 20
    ) -> Object:
        """Read an object until `ready` says so; `what` tells in the error what was awaited.

        An object that is not there yet is waited for.
        """
        seen: Object | str = "nothing yet"
        for _ in polls(seconds):
            try:
                seen = self.get(path)
            except APIError as error:
                if error.status != httpx.codes.NOT_FOUND:
                    raise
                continue
            if ready(seen):
                return seen
        raise TimeoutError(f"not in {seconds} s: {what}; last seen: {seen}")

    def wait_gone(self, path: str, seconds: float = 20) -> None:
        for _ in polls(seconds):
            if not self.exists(path):
                return
        raise TimeoutError(f"still there after {seconds} s: {path}")

    def request(
        self,
        method: str,
        path: str,
        body: Object | list[Object] | None = None,
        *,
        content_type: str = "application/json",
        query: Mapping[str, str | int] | None = None,
    ) -> Object:
        """One request; the other methods are short forms of it."""
        content = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": content_type}
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            answer = self._http.request(
                method, path, content=content, headers=headers, params=dict(query or {})
            )
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        if answer.is_success:
            parsed: Object = answer.json()
            return parsed
        raise _error(answer)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _resource(self, base: str, kind: str) -> Object:
        """The discovery entry of a kind; read again when it is new, for it may be a CRD's."""
        for _ in polls(5):
            if kind in self._resources.get(base, {}):
                break
            try:
                entries = self.get(base)["resources"]
            except APIError as error:
                if error.status != httpx.codes.NOT_FOUND:
                    raise
                continue
            self._resources[base] = {e["kind"]: e for e in entries if "/" not in e["name"]}
        try:
            return self._resources[base][kind]
        except KeyError:
            raise LookupError(f"the API server has no {kind} in {base}") from None


def polls(seconds: float, pause: float = 0.05) -> Iterator[None]:
    """Iterate until a deadline, at least twice, with a pause in between."""
    deadline = time.monotonic() + seconds
    yield
    while True:
        time.sleep(pause)
        yield
        if time.monotonic() > deadline:
            return


def _named(config: Object, kind: str, name: str) -> Object:
    entries: list[Object] = config[f"{kind}s"]
    found: Object = next(entry for entry in entries if entry["name"] == name)[kind]
    return found


def _error(answer: httpx.Response) -> APIError:
    try:
        status = answer.json()
        return APIError(answer.status_code, status["reason"], status["message"])
    except (ValueError, KeyError, TypeError):
        return APIError(answer.status_code, answer.reason_phrase, answer.text[:500])
