"""Create and update, from the body of a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.commits import (
    WriteOptions,
    check_address,
    create_object,
    replace_object,
)
from redox_sandbox.kubernetes.decoding import decode_body
from redox_sandbox.kubernetes.errors import StatusError, conflict, warned
from redox_sandbox.kubernetes.objects import Object, key_of
from redox_sandbox.kubernetes.resources import Resource


@dataclass(slots=True)
class Written:
    """The outcome of a write: 200 or 201, the stored object, warnings for the client."""

    code: int
    object: Object
    warnings: list[str] = field(default_factory=list)


def create(
    cluster: Cluster, resource: Resource, namespace: str | None, body: Any, options: WriteOptions
) -> Written:
    """Create an object.

    Raises:
        StatusError: the body or the object is not valid, or the name is taken.
    """
    obj, warnings = decode_body(resource, body, options.field_validation)
    with warned(warnings):
        created = create_object(cluster, resource, namespace, obj, options)
    return Written(201, created, warnings)


def update(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    name: str,
    body: Any,
    options: WriteOptions,
) -> Written:
    """Replace an object, or one of its subresources.

    Raises:
        StatusError: the body or the object is not valid, or not the stored one's successor.
    """
    obj, warnings = decode_body(resource, body, options.field_validation)
    with warned(warnings):
        code, stored = _replace(cluster, resource, namespace, name, obj, options)
    return Written(code, stored, warnings)


def _replace(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    name: str,
    obj: Object,
    options: WriteOptions,
) -> tuple[int, Object]:
    check_address(obj, namespace, name)
    old = cluster.store.get(resource.storage, key_of(namespace, name))
    if old is None and resource.strategy.create_on_update and not options.subresource:
        obj["metadata"]["name"] = name
        return 201, create_object(cluster, resource, namespace, obj, options)
    old = cluster.find(resource, namespace, name)
    metadata = obj["metadata"]
    if metadata.get("uid") and metadata["uid"] != old["metadata"]["uid"]:
        raise _wrong_uid(resource, namespace, name, metadata["uid"], old["metadata"]["uid"])
    return 200, replace_object(cluster, resource, old, obj, options)


def _wrong_uid(
    resource: Resource, namespace: str | None, name: str, asked: str, stored: str
) -> StatusError:
    path = "/".join(filter(None, (resource.group, resource.plural, namespace, name)))
    why = (
        f"StorageError: invalid object, Code: 4, Key: /registry/{path}, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {asked}, "
        f"UID in object meta: {stored}"
    )
    return conflict(resource.group, resource.plural, name, why)
