"""PATCH in its four kinds."""

from __future__ import annotations

from typing import Any

from redox_sandbox.kubernetes import field_errors, managed_fields
from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.commits import (
    Applied,
    WriteOptions,
    create_object,
    replace_object,
)
from redox_sandbox.kubernetes.decoding import decode_body, decode_patched
from redox_sandbox.kubernetes.errors import (
    StatusError,
    bad_request,
    invalid,
    rejected_patch,
    unsupported_media_type,
    warned,
)
from redox_sandbox.kubernetes.objects import Object, clone, key_of
from redox_sandbox.kubernetes.patches import json_patch, merge, server_side_apply, strategic
from redox_sandbox.kubernetes.patches.json_patch import PatchConflictError
from redox_sandbox.kubernetes.patches.server_side_apply import ApplyConflict
from redox_sandbox.kubernetes.resources import Resource
from redox_sandbox.kubernetes.schema.validation import type_name
from redox_sandbox.kubernetes.writing import Written

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_ACCEPTED = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)


def accepted_types(resource: Resource) -> tuple[str, ...]:
    """Return the patch types of a resource: custom resources have no strategic merge."""
    if resource.strategy.custom:
        return tuple(kind for kind in _ACCEPTED if kind != STRATEGIC_PATCH)
    return _ACCEPTED


def patch(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    name: str,
    content_type: str,
    document: Any,
    options: WriteOptions,
) -> Written:
    """Patch an object, or one of its subresources; server-side apply creates what is missing.

    Raises:
        StatusError: the patch does not apply, or what it leaves is not valid.
    """
    if content_type not in accepted_types(resource):
        raise unsupported_media_type(", ".join(accepted_types(resource)))
    if content_type == APPLY_PATCH:
        return _apply(cluster, resource, namespace, name, document, options)
    old = cluster.find(resource, namespace, name)
    body = clone(_patched(resource.strategy.encode(resource, old), content_type, document))
    if not isinstance(body, dict):
        raise rejected_patch()
    if not body.get("metadata"):
        raise bad_request(
            f"the name of the object ({name} based on URL) was undeterminable: "
            "name must be provided"
        )
    obj, warnings = decode_patched(resource, body, options.field_validation)
    with warned(warnings):
        return Written(200, replace_object(cluster, resource, old, obj, options), warnings)


def _patched(current: Object, content_type: str, document: Any) -> Any:
    if content_type == JSON_PATCH:
        if not isinstance(document, list):
            raise _undecodable(document, "[]handlers.jsonPatchOp")
        try:
            return json_patch.apply(current, document)
        except PatchConflictError as error:
            raise rejected_patch() from error
    if not isinstance(document, dict):
        raise _undecodable(document, "map[string]interface {}")
    if content_type == MERGE_PATCH:
        return merge.merge(current, document)
    return strategic.merge(current, document)


def _undecodable(document: Any, wanted: str) -> StatusError:
    found = type_name(document)
    message = f"error decoding patch: json: cannot unmarshal {found} into Go value of type {wanted}"
    return bad_request(message)


def _apply(
    cluster: Cluster,
    resource: Resource,
    namespace: str | None,
    name: str,
    document: Any,
    options: WriteOptions,
) -> Written:
    if not options.manager:
        fault = field_errors.required("fieldManager", "is required for apply patch")
        raise invalid("meta.k8s.io", "PatchOptions", "", [fault])
    if not isinstance(document, dict) or not document.get("kind"):
        raise bad_request("invalid object type: /, Kind=")
    metadata = document.setdefault("metadata", {})
    if isinstance(metadata, dict) and "managedFields" in metadata:
        raise bad_request("metadata.managedFields must be nil")
    fields = server_side_apply.owned_fields(document, resource.strategy)
    old = cluster.store.get(resource.storage, key_of(namespace, name))
    if old is None:
        if options.subresource:
            cluster.find(resource, namespace, name)
        metadata.setdefault("name", name)
        obj, warnings = decode_body(resource, document, options.field_validation)
        with warned(warnings):
            created = create_object(cluster, resource, namespace, obj, options, Applied(fields, []))
        return Written(201, created, warnings)
    live = clone(resource.strategy.encode(resource, old))
    earlier = managed_fields.entry_of(
        old["metadata"], options.manager, "Apply", options.subresource
    )
    mine = earlier["fieldsV1"] if earlier else {}
    others = [
        clone(entry)
        for entry in old["metadata"].get("managedFields", [])
        if earlier is None or entry != earlier
    ]
    try:
        merged = server_side_apply.apply(
            live, document, resource.strategy, fields, mine, others, force=options.force
        )
    except ApplyConflict as error:
        raise _conflict(error) from error
    obj, warnings = decode_patched(resource, merged, options.field_validation)
    left = [entry for entry in others if entry["operation"] != "Apply" or entry["fieldsV1"]]
    applied = Applied(fields, left)
    with warned(warnings):
        stored = replace_object(cluster, resource, old, obj, options, applied)
    return Written(200, stored, warnings)


def _conflict(error: ApplyConflict) -> StatusError:
    count = len(error.conflicts)
    noun = "conflict" if count == 1 else "conflicts"
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}"',
            "field": field,
        }
        for manager, field in error.conflicts
    ]
    if count == 1:
        shown = f'conflict with "{error.conflicts[0][0]}": {error.conflicts[0][1]}'
    else:
        managers = dict.fromkeys(manager for manager, _ in error.conflicts)
        shown = "\n".join(
            f'conflicts with "{manager}":\n'
            + "\n".join(f"- {field}" for owner, field in error.conflicts if owner == manager)
            for manager in managers
        )
    message = f"Apply failed with {count} {noun}: {shown}"
    return StatusError(409, "Conflict", message, {"causes": causes})
