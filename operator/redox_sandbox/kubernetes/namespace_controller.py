"""Empties namespaces that are being deleted, then removes them."""

from __future__ import annotations

from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.commits import settle
from redox_sandbox.kubernetes.deleting import DeleteOptions, delete
from redox_sandbox.kubernetes.history import Change
from redox_sandbox.kubernetes.objects import clone
from redox_sandbox.kubernetes.resources import Resource


class NamespaceController:
    """Acts a moment after the change that calls for it, never within the request."""

    def __init__(self, cluster: Cluster, delay: float = 0.0) -> None:
        self._cluster = cluster
        self._delay = delay
        self._ending: dict[str, None] = {}
        self._scheduled = False
        cluster.store.subscribe(self._on_change)
        cluster.store.on_rewind(self._start_over)

    def _start_over(self) -> None:
        for _, namespace in self._cluster.store.snapshot("namespaces").scan():
            if namespace["metadata"].get("deletionTimestamp"):
                self._enqueue(namespace["metadata"]["name"])

    def _on_change(self, storage: str, change: Change) -> None:
        metadata = change.object["metadata"]
        if storage == "namespaces":
            if change.type != "DELETED" and metadata.get("deletionTimestamp"):
                self._enqueue(metadata["name"])
        elif change.type == "DELETED" and metadata.get("namespace") in self._ending:
            self._enqueue(metadata["namespace"])

    def _enqueue(self, name: str) -> None:
        self._ending[name] = None
        if not self._scheduled:
            self._scheduled = True
            self._cluster.clock.call_later(self._delay, self._run)

    def _run(self) -> None:
        self._scheduled = False
        for name in list(self._ending):
            if self._empty(name):
                self._ending.pop(name, None)

    def _empty(self, name: str) -> bool:
        remaining = False
        for resource in self._cluster.resources.stored().values():
            if resource.namespaced:
                remaining |= self._delete_all(resource, name)
        store = self._cluster.store
        namespace = store.get("namespaces", f"/{name}")
        if remaining or namespace is None:
            return namespace is None
        finished = clone(namespace)
        finished["spec"]["finalizers"] = []
        resource = self._cluster.resources.stored()["namespaces"]
        settle(self._cluster, resource, finished)
        return store.get("namespaces", f"/{name}") is None

    def _delete_all(self, resource: Resource, namespace: str) -> bool:
        snapshot = self._cluster.store.snapshot(resource.storage)
        for _, obj in list(snapshot.scan(f"{namespace}/")):
            if not obj["metadata"].get("deletionTimestamp"):
                name = obj["metadata"]["name"]
                delete(self._cluster, resource, namespace, name, DeleteOptions("Background"))
        return self._cluster.store.snapshot(resource.storage).count(f"{namespace}/") > 0
