"""Rules for `metadata`, which every kind shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redox_sandbox.kubernetes.field_errors import (
    FieldError,
    forbidden,
    immutable,
    invalid,
    required,
    too_long,
)
from redox_sandbox.kubernetes.names import (
    NameRule,
    label_faults,
    label_key_faults,
    label_value_faults,
)
from redox_sandbox.kubernetes.objects import Object

ANNOTATIONS_LIMIT = 256 * 1024
FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_STANDARD_FINALIZERS = ("kubernetes", FOREGROUND, ORPHAN)
_IMMUTABLE = ("name", "namespace", "uid")


def metadata_faults(
    metadata: Object, namespaced: bool, name_rule: NameRule, custom: bool
) -> list[FieldError]:
    """Check the metadata of an object to be stored; `custom` for a custom resource."""
    faults = [
        invalid("metadata.generateName", metadata["generateName"], fault)
        # Generated names get a suffix, so that a trailing dash is allowed.
        for fault in name_rule(str(metadata.get("generateName") or "a").rstrip("-"))
    ]
    if not metadata.get("name"):
        faults.append(required("metadata.name", "name or generateName is required"))
    else:
        name = metadata["name"]
        faults += [invalid("metadata.name", name, fault) for fault in name_rule(name)]
    if namespaced:
        namespace = metadata.get("namespace", "")
        faults += [
            invalid("metadata.namespace", namespace, fault) for fault in label_faults(namespace)
        ]
    elif metadata.get("namespace"):
        faults.append(forbidden("metadata.namespace", "not allowed on this type"))
    return [*faults, *_shared_faults(metadata), *_finalizer_faults(metadata, custom)]


def metadata_update_faults(metadata: Object, old: Object) -> list[FieldError]:
    """Check the metadata of an object that replaces another."""
    faults: list[FieldError] = []
    if old.get("deletionTimestamp"):
        added = sorted(set(metadata.get("finalizers", [])) - set(old.get("finalizers", [])))
        if added:
            names = ", ".join(f'"{name}"' for name in added)
            faults.append(
                forbidden(
                    "metadata.finalizers",
                    "no new finalizers can be added if the object is being deleted, "
                    f"found new finalizers []string{{{names}}}",
                )
            )
    faults += [
        immutable(f"metadata.{name}", metadata.get(name))
        for name in _IMMUTABLE
        if metadata.get(name) != old.get(name)
    ]
    return [*faults, *_shared_faults(metadata)]


def _shared_faults(metadata: Object) -> Iterator[FieldError]:
    for key, value in metadata.get("labels", {}).items():
        for fault in label_key_faults(key):
            yield invalid("metadata.labels", key, fault)
        for fault in label_value_faults(value):
            yield invalid("metadata.labels", value, fault)
    annotations = metadata.get("annotations", {})
    for key in annotations:
        for fault in label_key_faults(key.lower()):
            yield invalid("metadata.annotations", key, fault)
    if sum(len(k.encode()) + len(v.encode()) for k, v in annotations.items()) > ANNOTATIONS_LIMIT:
        yield too_long("metadata.annotations", ANNOTATIONS_LIMIT)
    yield from _owner_faults(metadata.get("ownerReferences", []))


def _owner_faults(references: list[Any]) -> Iterator[FieldError]:
    controller = ""
    for index, reference in enumerate(references):
        field = f"metadata.ownerReferences[{index}]"
        for name in ("apiVersion", "kind", "name", "uid"):
            if not reference.get(name):
                yield required(f"{field}.{name}", "must not be empty")
        if (reference.get("apiVersion"), reference.get("kind")) == ("v1", "Event"):
            yield invalid(field, reference, "/v1, Kind=Event is disallowed from being an owner")
        if reference.get("controller"):
            current = f"{reference.get('kind')}/{reference.get('name')}"
            if controller:
                yield invalid(
                    "metadata.ownerReferences",
                    references,
                    "Only one reference can have Controller set to true. "
                    f'Found "true" in references for {controller} and {current}',
                )
            else:
                controller = current


def _finalizer_faults(metadata: Object, custom: bool) -> Iterator[FieldError]:
    finalizers = metadata.get("finalizers", [])
    for index, name in enumerate(finalizers):
        field = "metadata.finalizers" if custom else f"metadata.finalizers[{index}]"
        for fault in label_key_faults(name):
            yield invalid(field, name, fault)
        if not custom and "/" not in name and name not in _STANDARD_FINALIZERS:
            yield invalid(
                field,
                name,
                "name is neither a standard finalizer name nor is it fully qualified",
            )
    if FOREGROUND in finalizers and ORPHAN in finalizers:
        yield invalid(
            "metadata.finalizers",
            finalizers,
            "finalizer orphan and foregroundDeletion cannot be both set",
        )
