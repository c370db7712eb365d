"""DELETE of one object and of a collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redox_sandbox.kubernetes import field_errors
from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.commits import settle
from redox_sandbox.kubernetes.errors import StatusError, conflict, forbidden, invalid
from redox_sandbox.kubernetes.kinds.namespace import PROTECTED
from redox_sandbox.kubernetes.metadata import FOREGROUND, ORPHAN
from redox_sandbox.kubernetes.objects import Object, clone
from redox_sandbox.kubernetes.resources import Resource

POLICIES = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What a deletion asks for: which object exactly, and what becomes of its dependents."""

    propagation: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    dry_run: bool = False


def parse_delete_options(body: Any, query: dict[str, str]) -> DeleteOptions:
    """Read `DeleteOptions` from the body, else from the query.

    Raises:
        StatusError: 422, they contradict themselves or name an unknown policy.
    """
    given: Object = body if isinstance(body, dict) else {}
    propagation = given.get("propagationPolicy") or query.get("propagationPolicy")
    if propagation and propagation not in POLICIES:
        allowed = (*POLICIES, "nil")
        raise _invalid(field_errors.not_supported("propagationPolicy", propagation, allowed))
    orphan = given.get("orphanDependents")
    if orphan is not None:
        if propagation:
            detail = "orphanDependents and deletionPropagation cannot be both set"
            raise _invalid(field_errors.invalid("propagationPolicy", propagation, detail))
        propagation = "Orphan" if orphan else "Background"
    preconditions = given.get("preconditions") or {}
    return DeleteOptions(
        propagation,
        preconditions.get("uid"),
        preconditions.get("resourceVersion"),
        "All" in (given.get("dryRun") or [query.get("dryRun")]),
    )


def _invalid(fault: field_errors.FieldError) -> StatusError:
    return invalid("meta.k8s.io", "DeleteOptions", "", [fault])


def delete(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    name: str,
    options: DeleteOptions,
) -> Object:
    """Delete an object; return it while it waits for finalizers, else a `Status`.

    Raises:
        StatusError: it does not exist, is protected, or is not the one that the caller means.
    """
    old = cluster.find(resource, namespace, name)
    _check(resource, old, options)
    if resource.storage == "namespaces" and name in PROTECTED:
        raise forbidden("", "namespaces", name, "this namespace may not be deleted")
    obj = clone(old)
    metadata, strategy = obj["metadata"], resource.strategy
    _set_propagation(metadata, options.propagation)
    if not metadata.get("deletionTimestamp"):
        metadata["deletionTimestamp"] = cluster.timestamp()
        strategy.mark_deleted(obj)
        if "generation" in metadata and metadata.get("deletionGracePeriodSeconds") is not None:
            metadata["generation"] += 1
    if strategy.is_finalized(obj):
        settle(cluster, resource, obj, dry_run=options.dry_run)
        return strategy.encode(resource, obj) if strategy.graceful else _gone(resource, old)
    if obj != old:
        old = settle(cluster, resource, obj, dry_run=options.dry_run)
    return strategy.encode(resource, old)


def _check(resource: Resource, obj: Object, options: DeleteOptions) -> None:
    metadata = obj["metadata"]
    name, uid, revision = metadata["name"], metadata["uid"], metadata["resourceVersion"]
    why = ""
    if options.uid is not None and options.uid != uid:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({uid}). The object might have been deleted and then recreated"
        )
    elif options.resource_version is not None and options.resource_version != revision:
        why = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match "
            f"the ResourceVersion in record ({revision}). The object might have been modified"
        )
    if why:
        raise conflict(resource.group, resource.kind, name, why)


def _set_propagation(metadata: Object, propagation: str | None) -> None:
    if propagation is None:
        return
    finalizers = [f for f in metadata.get("finalizers", []) if f not in (FOREGROUND, ORPHAN)]
    wanted = {"Foreground": [FOREGROUND], "Orphan": [ORPHAN]}.get(propagation, [])
    metadata.pop("finalizers", None)
    if finalizers or wanted:
        metadata["finalizers"] = [*finalizers, *wanted]


def _gone(resource: Resource, obj: Object) -> Object:
    metadata = obj["metadata"]
    details = {
        "name": metadata["name"],
        "group": resource.group,
        "kind": resource.plural,
        "uid": metadata["uid"],
    }
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }
