"""Every version of every target that the API server showed, and what may be said of them.

It sees metadata only, so it never holds a token.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.kubernetes_api import KubernetesAPI, Object, polls

GROUP = "redox-operator.dev"
SELECTOR = f"{GROUP}/role=target"
METADATA = "application/json;as=PartialObjectMetadata{};v=v1;g=meta.k8s.io,application/json"
IDLE_SECONDS = 1.0
"""A silent watch is opened again: the server may have been killed or frozen."""


class HistoryGone(Exception):
    """The API server no longer has, or never had, what the watch should go on from."""


@dataclass(frozen=True, slots=True)
class Version:
    """A target as it was after one write. Times are seconds since the epoch."""

    namespace: str
    name: str
    uid: str
    credential_uid: str
    resource_version: int
    issued_at: float
    expires_at: float
    content_hash: str
    """Over the token too: it tells a new token from a write of the one before."""
    seen_at: float
    """By this machine's clock, after the write: at the latest when a reader could see it."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """A stored token and the next one in the same target."""

    before: Version
    after: Version

    @property
    def left(self) -> float:
        """Seconds that the earlier token had left when the next was there."""
        return self.before.expires_at - self.after.seen_at

    @property
    def gap(self) -> float:
        """Seconds between the two, by one clock."""
        return self.after.seen_at - self.before.seen_at


class Ledger:
    """A recorder in a thread, from `start` to `stop`; a context manager.

    It lists and watches again after each loss of the connection. Of a target that is written
    twice while the API server shows nothing it sees the later version only.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self._http = KubernetesAPI.from_kubeconfig(kubeconfig)._http
        self._versions: dict[tuple[str, str, int], Version] = {}
        self._deleted: dict[tuple[str, str], int] = {}
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._listed = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    def start(self) -> Self:
        """Record from now on; returns when the present is known."""
        self._thread.start()
        if not self._listed.wait(30):
            self.stop()
            raise TimeoutError("the ledger could not list the targets")
        return self

    def stop(self) -> None:
        """Record no more. Raises what ended the recording before its time."""
        self._stop.set()
        self._thread.join(30)
        self._http.close()
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def deleted(self) -> set[tuple[str, str]]:
        """Namespace and name of the targets that are no longer there."""
        with self._lock:
            last = dict[tuple[str, str], int]()
            for namespace, name, version in self._versions:
                last[namespace, name] = max(version, last.get((namespace, name), 0))
            return {target for target, at in self._deleted.items() if last.get(target, 0) < at}

    def writes(self, namespaces: Iterable[str]) -> dict[tuple[str, str], list[Version]]:
        """All versions by target, in the order of the API server."""
        wanted, found = set(namespaces), dict[tuple[str, str], list[Version]]()
        with self._lock:
            versions = list(self._versions.values())
        for version in sorted(versions, key=lambda each: each.resource_version):
            if version.namespace in wanted:
                found.setdefault((version.namespace, version.name), []).append(version)
        return found

    def tokens(self, namespaces: Iterable[str]) -> dict[tuple[str, str], list[Version]]:
        """The first version with each token, by target; other writes are left out."""
        found = {}
        for target, versions in self.writes(namespaces).items():
            kept = versions[:1]
            for version in versions[1:]:
                if version.content_hash != kept[-1].content_hash:
                    kept.append(version)
            found[target] = kept
        return found

    def replacements(self, namespaces: Iterable[str]) -> list[Replacement]:
        """Each token and the next, over all targets."""
        return [
            Replacement(before, after)
            for tokens in self.tokens(namespaces).values()
            for before, after in itertools.pairwise(tokens)
        ]

    def backward(self, namespaces: Iterable[str]) -> list[Replacement]:
        """Replacements that may never happen: an earlier expiry, or another object."""
        return [
            each
            for each in self.replacements(namespaces)
            if each.after.expires_at < each.before.expires_at or each.after.uid != each.before.uid
        ]

    def left(self, namespaces: Iterable[str], since: float = 0.0) -> float:
        """The least that any stored token had left, from `since` until now, in seconds.

        A mounted reader is safe while this is at least P + S.
        """
        namespaces, now = list(namespaces), time.time()
        deleted = self.deleted
        lasting = [
            versions[-1].expires_at - now
            for target, versions in self.tokens(namespaces).items()
            if target not in deleted
        ]
        replaced = [each for each in self.replacements(namespaces) if each.after.seen_at >= since]
        # What had run out before `since` and was replaced after it counts from its replacement.
        lefts = [each.left for each in replaced if each.before.seen_at >= since]
        return min([*lasting, *lefts], default=float("inf"))

    def longest(self, namespaces: Iterable[str], until: float) -> float:
        """The longest time for which any target held one token, in seconds, at least until then.

        It needs no expiry, so it holds where the endpoint lies about the time.
        """
        namespaces = list(namespaces)
        gaps = [each.gap for each in self.replacements(namespaces)]
        gaps += [until - versions[-1].seen_at for versions in self.tokens(namespaces).values()]
        return max(gaps, default=float("inf"))

    def wait_for(self, targets: Iterable[tuple[str, str]], left: float, seconds: float) -> None:
        """Until each of these targets holds a token that lives on for at least `left` seconds."""
        wanted, lacking = set(targets), set[tuple[str, str]]()
        namespaces = {namespace for namespace, _ in wanted}
        for _ in polls(seconds, 0.1):
            now = time.time()
            good = {
                target
                for target, versions in self.tokens(namespaces).items()
                if versions[-1].expires_at - now >= left
            }
            lacking = wanted - good
            if not lacking:
                return
        some = ", ".join("/".join(target) for target in sorted(lacking)[:5])
        raise TimeoutError(f"{len(lacking)} of {len(wanted)} lack a good token: {some}")

    def _run(self) -> None:
        version: str | None = None
        try:
            while not self._stop.is_set():
                try:
                    version = version or self._list()
                    for last in self._watch(version):
                        version = last
                        if self._stop.is_set():
                            return
                except HistoryGone:
                    version = None
                except (httpx.TransportError, httpx.HTTPStatusError, ssl.SSLError):
                    self._stop.wait(0.1)
        except BaseException as error:
            self._failure = error
            raise

    def _list(self) -> str:
        query = {"labelSelector": SELECTOR}
        headers = {"Accept": METADATA.format("List")}
        answer = self._http.get("/api/v1/secrets", params=query, headers=headers)
        content = answer.raise_for_status().json()
        # An empty list of metadata has `items: null`.
        for item in content["items"] or ():
            self._take(item)
        self._listed.set()
        return str(content["metadata"]["resourceVersion"])

    def _watch(self, version: str) -> Iterator[str]:
        query = {"labelSelector": SELECTOR, "watch": "true", "resourceVersion": version}
        query |= {"allowWatchBookmarks": "true", "timeoutSeconds": "300"}
        headers = {"Accept": METADATA.format("")}
        timeout = httpx.Timeout(10, read=IDLE_SECONDS)
        with self._http.stream(
            "GET", "/api/v1/secrets", params=query, headers=headers, timeout=timeout
        ) as answer:
            if answer.status_code in (httpx.codes.GONE, httpx.codes.GATEWAY_TIMEOUT):
                raise HistoryGone
            answer.raise_for_status()
            with contextlib.suppress(httpx.ReadTimeout):
                for line in answer.iter_lines():
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise HistoryGone
                    metadata = event["object"]["metadata"]
                    if event["type"] == "DELETED":
                        target = metadata["namespace"], metadata["name"]
                        with self._lock:
                            self._deleted[target] = int(metadata["resourceVersion"])
                    elif event["type"] != "BOOKMARK":
                        self._take(event["object"])
                    yield metadata["resourceVersion"]
        yield version

    def _take(self, item: Object) -> None:
        metadata: dict[str, Any] = item["metadata"]
        annotations = metadata.get("annotations") or {}
        owners = [o["uid"] for o in metadata.get("ownerReferences") or () if o.get("controller")]
        if f"{GROUP}/expires-at" not in annotations or not owners:
            return
        version = Version(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            credential_uid=owners[0],
            resource_version=int(metadata["resourceVersion"]),
            issued_at=_seconds(annotations[f"{GROUP}/issued-at"]),
            expires_at=_seconds(annotations[f"{GROUP}/expires-at"]),
            content_hash=annotations[f"{GROUP}/content-hash"],
            seen_at=time.time(),
        )
        with self._lock:
            key = (version.namespace, version.name, version.resource_version)
            self._versions.setdefault(key, version)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
