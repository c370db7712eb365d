"""GET of one object, and LIST with selectors, pages and revisions."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.errors import (
    LIST_EXPIRED,
    bad_request,
    expired,
    not_found,
    too_large_revision,
)
from redox_sandbox.kubernetes.history import CompactedError, Snapshot
from redox_sandbox.kubernetes.objects import Object, key_of
from redox_sandbox.kubernetes.resources import Resource
from redox_sandbox.kubernetes.selectors import Selector

_INCONSISTENT = -1


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a list or watch asks for; `revision` is None when it does not matter."""

    labels: Selector = field(default_factory=Selector)
    fields: Selector = field(default_factory=Selector)
    limit: int = 0
    continue_token: str = ""
    revision: int | None = None
    match: str = ""
    timeout: int | None = None
    bookmarks: bool = False
    initial_events: bool = False


@dataclass(slots=True)
class Page:
    """Stored objects in key order, the revision they are from, and where the next page starts."""

    objects: list[Object]
    revision: int
    continue_token: str = ""
    remaining: int | None = None

    def metadata(self) -> Object:
        """Return the list's metadata."""
        metadata: Object = {"resourceVersion": str(self.revision)}
        if self.continue_token:
            metadata["continue"] = self.continue_token
        if self.remaining is not None:
            metadata["remainingItemCount"] = self.remaining
        return metadata


def get(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    name: str,
    *,
    revision: int | None = None,
    frozen: int | None = None,
) -> Object:
    """Return a stored object, at least as new as a revision; `frozen` reads an older state.

    Raises:
        StatusError: 404, there is none; 504, the revision is still to come.
    """
    if revision and revision > cluster.store.revision:
        raise too_large_revision(revision, cluster.store.revision)
    if frozen is None:
        return cluster.find(resource, namespace, name)
    snapshot = cluster.store.snapshot(resource.storage, frozen)
    try:
        return snapshot.objects[key_of(namespace, name)]
    except KeyError:
        raise not_found(resource.group, resource.plural, name) from None


def list_objects(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    options: ListOptions,
    *,
    frozen: int | None = None,
) -> Page:
    """List the objects of a resource, in one namespace or in all.

    Raises:
        StatusError: 400, bad continue token; 410, compacted revision; 504, revision to come.
    """
    prefix = f"{namespace}/" if namespace is not None else ""
    revision = cluster.store.revision if frozen is None else frozen
    after = ""
    if options.continue_token:
        if options.revision:
            raise bad_request("specifying resource version is not allowed when using continue")
        token_revision, start = _decode(options.continue_token)
        after = prefix.rstrip("/") + start
        if token_revision != _INCONSISTENT:
            revision = token_revision
    elif options.revision:
        if options.revision > cluster.store.revision:
            raise too_large_revision(options.revision, cluster.store.revision)
        exact = options.match == "Exact" or (options.limit and not options.match)
        revision = options.revision if exact else revision
    snapshot = _snapshot(cluster, resource, revision, after.removeprefix(prefix.rstrip("/")))
    # A list at resourceVersion=0 comes from the watch cache, which does not page.
    limit = 0 if options.revision == 0 else options.limit
    return _page(snapshot, resource, prefix, after, revision, limit, options)


def _snapshot(cluster: Cluster, resource: Resource, revision: int, start: str) -> Snapshot:
    try:
        return cluster.store.snapshot(resource.storage, revision)
    except CompactedError as error:
        if start:
            raise expired(LIST_EXPIRED, _encode(_INCONSISTENT, start)) from error
        raise expired("The resourceVersion for the provided list is too old.") from error


def _page(
    snapshot: Snapshot,
    resource: Resource,
    prefix: str,
    after: str,
    revision: int,
    limit: int,
    options: ListOptions,
) -> Page:
    matches = matcher(resource, options)
    page = Page([], revision)
    last = ""
    for key, obj in snapshot.scan(prefix, after):
        if not matches(obj):
            continue
        if limit and len(page.objects) == limit:
            page.continue_token = _encode(revision, last.removeprefix(prefix.rstrip("/")))
            if not options.labels and not options.fields:
                page.remaining = snapshot.count(prefix, last)
            break
        page.objects.append(obj)
        last = key
    return page


def matcher(resource: Resource, options: ListOptions) -> Callable[[Object], bool]:
    """Return a test of objects by the label and field selectors."""
    labels, fields, strategy = options.labels, options.fields, resource.strategy
    if not labels and not fields:
        return lambda _: True

    def matches(obj: Object) -> bool:
        if labels and not labels.matches(obj["metadata"].get("labels") or {}):
            return False
        return not fields or fields.matches(strategy.fields(obj))

    return matches


def _encode(revision: int, start: str) -> str:
    token = {"v": "meta.k8s.io/v1", "rv": revision, "start": f"{start}\0"}
    text = json.dumps(token, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def _decode(token: str) -> tuple[int, str]:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        content = json.loads(text)
        return int(content["rv"]), str(content["start"]).removesuffix("\0")
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error
