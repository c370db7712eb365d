"""Serves what CustomResourceDefinitions define, and cleans up after those that are deleted."""

from __future__ import annotations

from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.commits import settle
from redox_sandbox.kubernetes.deleting import DeleteOptions, delete
from redox_sandbox.kubernetes.history import Change
from redox_sandbox.kubernetes.kinds.custom import CustomStrategy
from redox_sandbox.kubernetes.kinds.definition import CLEANUP_FINALIZER
from redox_sandbox.kubernetes.objects import Object, clone
from redox_sandbox.kubernetes.resources import Resource
from redox_sandbox.kubernetes.watching import Watches

STORAGE = "customresourcedefinitions.apiextensions.k8s.io"


class DefinitionController:
    """Acts a moment after the change that calls for it, never within the request."""

    def __init__(self, cluster: Cluster, watches: Watches, delay: float = 0.0) -> None:
        self._cluster = cluster
        self._watches = watches
        self._delay = delay
        self._served: dict[str, list[Resource]] = {}
        self._specs: dict[str, Object] = {}
        self._scheduled = False
        cluster.store.subscribe(self._on_change)
        cluster.store.on_rewind(self._schedule)

    def _on_change(self, storage: str, change: Change) -> None:
        if storage == STORAGE or (change.type == "DELETED" and storage in self._served):
            self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._cluster.clock.call_later(self._delay, self._run)

    def _run(self) -> None:
        self._scheduled = False
        snapshot = self._cluster.store.snapshot(STORAGE)
        definitions = {obj["metadata"]["name"]: obj for _, obj in list(snapshot.scan())}
        for name in list(self._served):
            if name not in definitions:
                self._stop(name)
        for name, definition in definitions.items():
            if self._specs.get(name) != definition["spec"]:
                self._serve(name, definition)
            if definition["metadata"].get("deletionTimestamp"):
                self._clean_up(name, definition)
            else:
                self._report(definition)

    def _serve(self, name: str, definition: Object) -> None:
        self._withdraw(name)
        spec = definition["spec"]
        self._specs[name] = spec
        self._served[name] = [
            custom_resource(spec, version) for version in spec["versions"] if version.get("served")
        ]
        for resource in self._served[name]:
            self._cluster.resources.add(resource)
        stored = next(version for version in spec["versions"] if version.get("storage"))
        strategy = CustomStrategy(stored)
        self._cluster.store.rewrite(name, lambda obj: strategy.settle(clone(obj)))

    def _withdraw(self, name: str) -> None:
        for resource in self._served.pop(name, []):
            self._cluster.resources.remove(resource)
            for watch in self._watches.of(resource.plural):
                if watch.resource is resource:
                    watch.end()
        self._specs.pop(name, None)

    def _stop(self, name: str) -> None:
        self._withdraw(name)
        self._cluster.store.drop(name)

    def _clean_up(self, name: str, definition: Object) -> None:
        resource = custom_resource(definition["spec"], definition["spec"]["versions"][0])
        for _, obj in list(self._cluster.store.snapshot(name).scan()):
            metadata = obj["metadata"]
            if not metadata.get("deletionTimestamp"):
                delete(
                    self._cluster,
                    resource,
                    metadata.get("namespace"),
                    metadata["name"],
                    DeleteOptions(),
                )
        if self._cluster.store.snapshot(name).count():
            return
        finished = clone(definition)
        metadata = finished["metadata"]
        kept = [f for f in metadata.get("finalizers", []) if f != CLEANUP_FINALIZER]
        metadata.pop("finalizers", None)
        if kept:
            metadata["finalizers"] = kept
        if finished != definition:
            settle(self._cluster, self._own_resource(), finished)

    def _report(self, definition: Object) -> None:
        spec, status = definition["spec"], definition["status"]
        if status.get("conditions") and status["acceptedNames"] == spec["names"]:
            return
        now = self._cluster.timestamp()
        conditions = [
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ]
        changed = clone(definition)
        changed["status"] = {
            "conditions": status.get("conditions")
            or [
                {
                    "type": kind,
                    "status": "True",
                    "lastTransitionTime": now,
                    "reason": reason,
                    "message": message,
                }
                for kind, reason, message in conditions
            ],
            "acceptedNames": spec["names"],
            "storedVersions": status.get("storedVersions", []),
        }
        settle(self._cluster, self._own_resource(), changed)

    def _own_resource(self) -> Resource:
        return self._cluster.resources.stored()[STORAGE]


def custom_resource(spec: Object, version: Object) -> Resource:
    """Return the resource that one version of a CustomResourceDefinition serves."""
    names = spec["names"]
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        kind=names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        strategy=CustomStrategy(version),
        singular=names["singular"],
        list_kind=names["listKind"],
        short_names=tuple(names.get("shortNames", ())),
        categories=tuple(names.get("categories", ())),
        subresources=("status",) if "status" in version.get("subresources", {}) else (),
    )
