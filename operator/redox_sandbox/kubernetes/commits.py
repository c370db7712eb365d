"""Put decoded objects into the store, by the rules that all writes share."""

from __future__ import annotations

from dataclasses import dataclass

from redox_sandbox.kubernetes import field_errors, managed_fields
from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.errors import (
    StatusError,
    already_exists,
    bad_request,
    forbidden,
    invalid,
    method_not_allowed,
    modified,
)
from redox_sandbox.kubernetes.field_errors import FieldError
from redox_sandbox.kubernetes.metadata import metadata_faults, metadata_update_faults
from redox_sandbox.kubernetes.objects import Object, clone, key_of, name_of, same_json
from redox_sandbox.kubernetes.resources import Resource

_SERVER_SET = ("selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields")


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What a request says besides its body."""

    manager: str = "unknown"
    subresource: str = ""
    dry_run: bool = False
    field_validation: str = "Warn"
    force: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """What server-side apply adds to a write: the fields that the manager now owns."""

    fields: Object
    others: list[Object]


def create_object(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    obj: Object,
    options: WriteOptions,
    applied: Applied | None = None,
) -> Object:
    """Create a decoded object; it is taken over.

    Raises:
        StatusError: the object is not valid, or the name is taken.
    """
    metadata, strategy = obj["metadata"], resource.strategy
    _place(metadata, namespace)
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = cluster.generate_name(metadata["generateName"])
    if namespace is not None:
        cluster.require_namespace(resource, namespace, name_of(obj))
    _refuse_terminating(cluster, resource, obj)
    for name in _SERVER_SET:
        metadata.pop(name, None)
    metadata.pop("generation", None)
    metadata["uid"] = cluster.new_uid()
    metadata["creationTimestamp"] = cluster.timestamp()
    if strategy.generation:
        metadata["generation"] = 1
    strategy.prepare_create(obj)
    faults = metadata_faults(metadata, resource.namespaced, strategy.name_rule, strategy.custom)
    faults += strategy.faults(obj)
    _raise_for(resource, name_of(obj), faults)
    key = key_of(namespace, name_of(obj))
    if cluster.store.get(resource.storage, key) is not None:
        raise already_exists(resource.group, resource.plural, name_of(obj))
    _record(cluster, resource, metadata, options, applied)
    if options.dry_run:
        return obj
    if metadata.get("resourceVersion"):
        # The real server finds this late, in its storage, and so without a reason.
        message = "resourceVersion should not be set on objects to be created"
        raise StatusError(500, "", message)
    stored = cluster.store.put(resource.storage, key, obj)
    if strategy.defaults_status:
        cluster.store.reinterpret(resource.storage, key)
    return stored


def replace_object(
    cluster: Cluster,
    resource: Resource,
    old: Object,
    obj: Object,
    options: WriteOptions,
    applied: Applied | None = None,
) -> Object:
    """Put a decoded object in place of a stored one; it is taken over.

    A write that changes nothing leaves the resourceVersion; one that takes the last finalizer from
    an object that is being deleted removes it.

    Raises:
        StatusError: the object is not valid, or not the stored one's successor.
    """
    metadata, before, strategy = obj["metadata"], old["metadata"], resource.strategy
    check_address(obj, before.get("namespace"), before["name"])
    _check_revision(resource, metadata.get("resourceVersion", ""), before)
    if options.subresource:
        obj = _of_subresource(resource, obj, old, options.subresource)
        metadata = obj["metadata"]
    _carry_over(metadata, before)
    if options.subresource:
        faults = strategy.status_faults(obj, old)
    else:
        strategy.prepare_update(obj, old)
        faults = metadata_update_faults(metadata, before)
        faults += [
            fault
            for fault in metadata_faults(
                metadata, resource.namespaced, strategy.name_rule, strategy.custom
            )
            if fault not in faults
        ]
        faults += strategy.update_faults(obj, old)
    _raise_for(resource, before["name"], faults)
    if strategy.generation and not same_json(strategy.counted(obj), strategy.counted(old)):
        metadata["generation"] = before.get("generation", 0) + 1
    key = key_of(before.get("namespace"), before["name"])
    same = _unchanged(obj, old) and not cluster.store.is_reinterpreted(resource.storage, key)
    if same and (applied is None or _same_owner(before, options, applied)):
        return old
    _record(cluster, resource, metadata, options, applied)
    return settle(cluster, resource, obj, dry_run=options.dry_run)


def settle(cluster: Cluster, resource: Resource, obj: Object, *, dry_run: bool = False) -> Object:
    """Store a changed object, or remove it when its deletion has nothing more to wait for."""
    metadata = obj["metadata"]
    key = key_of(metadata.get("namespace"), metadata["name"])
    if metadata.get("deletionTimestamp") and resource.strategy.is_finalized(obj):
        if not dry_run:
            cluster.store.delete(resource.storage, key)
        return obj
    return obj if dry_run else cluster.store.put(resource.storage, key, obj)


def _place(metadata: Object, namespace: str | None) -> None:
    if namespace is None:
        return
    if metadata.setdefault("namespace", namespace) != namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def check_address(obj: Object, namespace: str | None, name: str) -> None:
    """Check that an object is the one of the request's path; it takes name and namespace from it.

    Raises:
        StatusError: 400, it is another.
    """
    metadata = obj["metadata"]
    _place(metadata, namespace)
    if metadata.setdefault("name", name) != name:
        raise bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL "
            f"({name})"
        )


def _refuse_terminating(cluster: Cluster, resource: Resource, obj: Object) -> None:
    if not resource.strategy.custom:
        return
    key = key_of(None, f"{resource.plural}.{resource.group}")
    definition = cluster.store.get("customresourcedefinitions.apiextensions.k8s.io", key)
    if definition is not None and definition["metadata"].get("deletionTimestamp"):
        why = "create not allowed while custom resource definition is terminating"
        raise forbidden(resource.group, resource.plural, name_of(obj), why)


def _check_revision(resource: Resource, revision: str, before: Object) -> None:
    if not revision:
        if resource.strategy.unconditional_update:
            return
        why = "must be specified for an update"
        fault = field_errors.invalid("metadata.resourceVersion", 0, why)
        raise invalid(resource.group, resource.plural, before["name"], [fault])
    if not revision.isdecimal():
        message = f'strconv.ParseUint: parsing "{revision}": invalid syntax'
        raise StatusError(500, "", message)
    if revision != before["resourceVersion"]:
        raise modified(resource.group, resource.plural, before["name"])


def _of_subresource(resource: Resource, obj: Object, old: Object, subresource: str) -> Object:
    if subresource == "status":
        kept: Object = clone(resource.strategy.prepare_status(obj, old))
    elif subresource == "finalize":
        kept = clone(old)
        kept["spec"] = obj.get("spec", {})
    else:
        raise method_not_allowed()
    kept["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
    return kept


def _carry_over(metadata: Object, before: Object) -> None:
    metadata["uid"] = metadata.get("uid") or before["uid"]
    for name in ("generation", "creationTimestamp", *_SERVER_SET):
        metadata.pop(name, None)
        if name in before:
            metadata[name] = clone(before[name])
    metadata["resourceVersion"] = before["resourceVersion"]


def _unchanged(obj: Object, old: Object) -> bool:
    def content(one: Object) -> Object:
        metadata = {k: v for k, v in one["metadata"].items() if k != "managedFields"}
        return {**one, "metadata": metadata}

    return same_json(content(obj), content(old))


def _same_owner(before: Object, options: WriteOptions, applied: Applied) -> bool:
    entry = managed_fields.entry_of(before, options.manager, "Apply", options.subresource)
    return entry is not None and entry["fieldsV1"] == applied.fields


def _record(
    cluster: Cluster,
    resource: Resource,
    metadata: Object,
    options: WriteOptions,
    applied: Applied | None,
) -> None:
    if applied is not None:
        metadata["managedFields"] = applied.others
    managed_fields.record(
        metadata,
        manager=options.manager,
        operation="Apply" if applied else "Update",
        subresource=options.subresource,
        api_version=resource.api_version,
        time=cluster.timestamp(),
        fields=applied.fields if applied else None,
    )


def _raise_for(resource: Resource, name: str, faults: list[FieldError]) -> None:
    if faults:
        # Events are reported by their storage's kind, without a group, in both of their groups.
        group = "" if resource.storage == "events" else resource.group
        raise invalid(group, resource.kind, name, faults)
