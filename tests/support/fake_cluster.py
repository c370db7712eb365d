"""An API server in memory, behind the requests that the cluster adapters send.

It stands where `Connection` stands, so the adapters themselves turn its answers into targets and
errors: what the controllers see is what they see of a real API server. Watches are told of
changes as `delivery` says: late, twice, never, in another order.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from redox_operator.domain.errors import ClusterError, Conflict, Forbidden, Invalid, NotFound
from redox_operator.domain.target import ROLE_LABEL, ROLE_TARGET
from tests.support.cluster_faults import Fault, Request, unavailable
from tests.support.merge_patch import merged
from tests.support.virtual_time import VirtualClock

SECRETS, CREDENTIALS, EVENTS = "secrets", "redoxcredentials", "events"

Object = dict[str, Any]


class Watcher(Protocol):
    """What is told of changes."""

    def notice(self, resource: str, body: Object, *, deleted: bool) -> None:
        """An object is now so, or was so when it was deleted."""


@dataclass(slots=True)
class FakeCluster:
    """Secrets, RedoxCredentials and their watches. It never fails unless told to."""

    clock: VirtualClock
    latency: float = 0.004
    """Seconds of a request; half of them pass before it takes effect."""
    collects_garbage_after: float = 1.0
    log: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    delivery: Callable[[], Sequence[float]] = lambda: (0.01,)
    """Delays in seconds with which a change is told: none, it is lost; two, it comes twice."""
    watchers: list[Watcher] = field(default_factory=list)
    terminating: set[str] = field(default_factory=set)
    """Namespaces that are being deleted."""
    on_request: Callable[[str, str, str], None] = lambda _verb, _resource, _code: None
    before_change: Callable[[str, Object | None, Object | None], None] = lambda *_: None
    """Called with resource, old and new object at each change, for tests that watch all along."""
    revision: int = 100
    _objects: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    _uids: int = 0

    # What the adapters call.

    @property
    def server(self) -> str:
        """Unused: nothing goes over a network."""
        return "https://cluster.example"

    async def request(
        self,
        verb: str,
        resource: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        **_: Any,
    ) -> Object:
        """Answer as the API server would; raises a `ClusterError`."""
        namespace, name = place_in(path)
        request = Request(self.clock.boot, verb, resource, namespace, name)
        self.log.append(request)
        code = "200"
        await asyncio.sleep(self.latency / 2)
        try:
            fault = next((fault for fault in self.faults if fault.matches(request)), None)
            if fault is not None:
                fault.times -= 1
                await asyncio.sleep(fault.delay)
                if not fault.lost:
                    raise fault.error()
            answer = self._answer(request, query or {}, _copy(body))
            await asyncio.sleep(self.latency / 2)
            if fault is not None:
                raise fault.error()
        except ClusterError as error:
            code = "error" if error.status is None else str(error.status)
            raise
        finally:
            self.on_request(verb, resource, code)
        return answer

    # What a person, or another program, does.

    def create(self, resource: str, namespace: str, name: str, **body: Any) -> Object:
        """Create an object; another of that name must not exist."""
        self._uids += 1
        metadata = {
            **body.pop("metadata", {}),
            "namespace": namespace,
            "name": name,
            "uid": f"uid-{self._uids}",
        }
        if resource == CREDENTIALS:
            metadata["generation"] = 1
            body.setdefault("status", {"observedGeneration": -1})
        assert (resource, namespace, name) not in self._objects
        return self._store(resource, {"metadata": metadata, **body})

    def change(self, resource: str, namespace: str, name: str, patch: Mapping[str, Any]) -> Object:
        """Apply a merge patch; a change of a credential's spec is a new generation."""
        before = self._objects[resource, namespace, name]
        after = merged(before, _copy(patch))
        if resource == CREDENTIALS and before["spec"] != after["spec"]:
            after["metadata"]["generation"] = before["metadata"]["generation"] + 1
        return self._store(resource, after)

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Delete an object; its dependents follow."""
        gone = self._objects.pop((resource, namespace, name))
        self.before_change(resource, gone, None)
        self.revision += 1
        last = _copy(gone)
        last["metadata"]["resourceVersion"] = str(self.revision)
        self._tell(resource, last, deleted=True)
        self._collect_later()

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        """The object as it is."""
        found = self._objects.get((resource, namespace, name))
        return None if found is None else _copy(found)

    def objects(self, resource: str) -> Iterator[Object]:
        """All objects of a resource."""
        return (_copy(body) for (kind, _, _), body in self._objects.items() if kind == resource)

    def fail(
        self,
        error: Callable[[], ClusterError] = unavailable,
        *,
        verb: str | None = None,
        resource: str | None = None,
        **more: Any,
    ) -> Fault:
        """Let requests fail from now on, until `heal` or for a number of `times`."""
        fault = Fault(error, verb, resource, **more)
        self.faults.append(fault)
        return fault

    def heal(self) -> None:
        """Let nothing fail any more."""
        self.faults.clear()

    def snapshot(self) -> tuple[int, dict[tuple[str, str, str], Object]]:
        """A backup of everything."""
        return self.revision, _copy(self._objects)

    def restore(self, backup: tuple[int, dict[tuple[str, str, str], Object]]) -> None:
        """Go back to a backup, as a restored etcd does: no watch is told."""
        self.revision, self._objects = backup[0], _copy(backup[1])

    def writes(self, since: float = 0.0) -> list[Request]:
        """The requests that may have changed something, from a moment of the boot clock on."""
        return [each for each in self.log if each.is_write and each.at >= since]

    # How it works.

    def _answer(self, request: Request, query: dict[str, str], body: Any) -> Object:
        namespace, name = request.namespace, request.name
        match request.verb, request.resource:
            case "list", resource:
                return self._list(resource, namespace, query)
            case "create", "events":
                return {}
            case "create", "secrets":
                return self._create_secret(str(namespace), body)
            case "get", "secrets":
                return _copy(self._find(SECRETS, namespace, name))
            case "patch", "secrets":
                return self._patch_secret(self._find(SECRETS, namespace, name), body)
            case "patch", "redoxcredentials/status":
                return self._patch_status(self._find(CREDENTIALS, namespace, name), body)
        raise AssertionError(request)

    def _find(self, resource: str, namespace: str | None, name: str | None) -> Object:
        found = self._objects.get((resource, str(namespace), str(name)))
        if found is None:
            raise NotFound("The API server answered 404.", status=404)
        return found

    def _list(self, resource: str, namespace: str | None, query: dict[str, str]) -> Object:
        items = [
            body
            for body in self.objects(resource)
            if namespace in (None, body["metadata"]["namespace"])
            and ("labelSelector" not in query or is_target(body))
        ]
        return {"metadata": {"resourceVersion": str(self.revision)}, "items": items}

    def _create_secret(self, namespace: str, body: Object) -> Object:
        if namespace in self.terminating:
            raise Forbidden("The API server answered 403.", terminating=True)
        name = body["metadata"]["name"]
        if (SECRETS, namespace, name) in self._objects:
            raise Conflict("The API server answered 409.", status=409)
        created = self.create(SECRETS, namespace, name, **body)
        self._collect_later()
        return created

    def _patch_secret(self, before: Object, patch: Object) -> Object:
        wanted = patch["metadata"].get("resourceVersion", before["metadata"]["resourceVersion"])
        if wanted != before["metadata"]["resourceVersion"]:
            raise Conflict("The API server answered 409.", status=409)
        after = merged(before, patch)
        if before.get("immutable") and after["data"] != before["data"]:
            raise Invalid("The API server answered 422.", status=422, immutable=True)
        return self._store(SECRETS, after)

    def _patch_status(self, before: Object, patch: Object) -> Object:
        if patch["metadata"]["uid"] != before["metadata"]["uid"]:
            raise Conflict("The API server answered 409.", status=409)
        after = {**before, "status": merged(before.get("status"), patch["status"])}
        return self._store(CREDENTIALS, after)

    def _store(self, resource: str, body: Object) -> Object:
        metadata = body["metadata"]
        place = (resource, metadata["namespace"], metadata["name"])
        before = self._objects.get(place)
        if before == body:
            return _copy(before)
        self.revision += 1
        after = _copy(body)
        after["metadata"]["resourceVersion"] = str(self.revision)
        self.before_change(resource, before, after)
        self._objects[place] = after
        if resource == SECRETS and before is not None and is_target(before) > is_target(after):
            # A watch by label sees it go.
            labels = before["metadata"]["labels"]
            gone = {**after, "metadata": {**after["metadata"], "labels": labels}}
            self._tell(resource, gone, deleted=True)
        else:
            self._tell(resource, after, deleted=False)
        return _copy(after)

    def _tell(self, resource: str, body: Object, *, deleted: bool) -> None:
        for watcher in self.watchers:
            watcher.notice(resource, _copy(body), deleted=deleted)

    def _collect_later(self) -> None:
        self.clock.loop.call_later(self.collects_garbage_after, self._collect_garbage)

    def _collect_garbage(self) -> None:
        living = {body["metadata"]["uid"] for body in self._objects.values()}
        for place, body in list(self._objects.items()):
            owners = body["metadata"].get("ownerReferences") or ()
            if owners and all(owner["uid"] not in living for owner in owners):
                self.delete(*place)


def is_target(body: Object) -> bool:
    """Whether a Secret carries the label by which targets are watched and listed."""
    return (body["metadata"].get("labels") or {}).get(ROLE_LABEL) == ROLE_TARGET


def decoded(secret: Object) -> dict[str, str]:
    """The data of a Secret as text."""
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def encoded(data: Mapping[str, str]) -> dict[str, str]:
    """Text as the data of a Secret."""
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def place_in(path: str) -> tuple[str | None, str | None]:
    """Namespace and name in a path of the API."""
    parts = path.strip("/").split("/")
    if "namespaces" not in parts:
        return None, None
    rest = parts[parts.index("namespaces") + 1 :]
    return rest[0], rest[2] if len(rest) > 2 else None


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_copy(each) for each in value]
    return value
