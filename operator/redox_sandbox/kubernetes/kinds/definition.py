"""CustomResourceDefinitions."""

from __future__ import annotations

from collections.abc import Iterator

from redox_sandbox.kubernetes.field_errors import (
    FieldError,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
)
from redox_sandbox.kubernetes.kinds.builtin import BuiltinStrategy
from redox_sandbox.kubernetes.kinds.typed import (
    ANYTHING,
    BOOLEAN,
    INTEGER,
    STRING,
    fields,
    keep,
    list_of,
)
from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.tables.builtin import DEFINITION_COLUMNS

CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_COLUMN = fields(
    name=keep(STRING),
    type=keep(STRING),
    format=STRING,
    description=STRING,
    priority=INTEGER,
    jsonPath=keep(STRING),
)
_VERSION = fields(
    name=keep(STRING),
    served=BOOLEAN,
    storage=BOOLEAN,
    deprecated=BOOLEAN,
    deprecationWarning=STRING,
    schema=fields(openAPIV3Schema=keep(ANYTHING)),
    subresources=fields(status=keep(ANYTHING), scale=ANYTHING),
    additionalPrinterColumns=list_of(_COLUMN),
    selectableFields=list_of(ANYTHING),
)
_NAMES = fields(
    plural=keep(STRING),
    singular=STRING,
    shortNames=list_of(STRING),
    kind=keep(STRING),
    listKind=STRING,
    categories=list_of(STRING),
)
_TYPELESS = ("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")


class DefinitionStrategy(BuiltinStrategy):
    """`apiextensions.k8s.io/v1` CustomResourceDefinition."""

    schema = fields(
        spec=fields(
            group=keep(STRING),
            names=keep(_NAMES),
            scope=keep(STRING),
            versions=list_of(_VERSION),
            conversion=ANYTHING,
            preserveUnknownFields=BOOLEAN,
        ),
        status=ANYTHING,
    )
    columns = DEFINITION_COLUMNS
    generation = True
    unconditional_update = False

    def prepare_create(self, obj: Object) -> None:
        self._default(obj)
        versions = obj.get("spec", {}).get("versions", [])
        stored = [version["name"] for version in versions if version.get("storage")]
        names = {"plural": "", "kind": ""}
        obj["status"] = {"conditions": None, "acceptedNames": names, "storedVersions": stored}

    def prepare_update(self, obj: Object, old: Object) -> None:
        self._default(obj)
        obj["status"] = old.get("status", {})

    def mark_deleted(self, obj: Object) -> None:
        """Begin the deletion; it has no grace period, and its objects go first."""
        metadata = obj["metadata"]
        finalizers = metadata.get("finalizers", [])
        if CLEANUP_FINALIZER not in finalizers:
            metadata["finalizers"] = [*finalizers, CLEANUP_FINALIZER]

    def faults(self, obj: Object) -> list[FieldError]:
        spec = obj.get("spec")
        if not spec:
            return [required("spec")]
        names, group = spec.get("names", {}), spec.get("group", "")
        faults = [*_name_faults(spec), *_version_faults(spec)]
        name = obj["metadata"].get("name")
        if name != f"{names.get('plural', '')}.{group}":
            detail = 'must be spec.names.plural+"."+spec.group'
            faults.insert(0, invalid("metadata.name", name, detail))
        return faults

    def update_faults(self, obj: Object, old: Object) -> list[FieldError]:
        spec, before = obj.get("spec", {}), old["spec"]
        changed = [
            immutable(f"spec.{name}", spec.get(name))
            for name in ("group", "scope")
            if spec.get(name) != before.get(name)
        ]
        names = spec.get("names", {})
        changed += [
            immutable(f"spec.names.{name}", names.get(name))
            for name in ("kind", "plural")
            if names.get(name) != before["names"].get(name)
        ]
        return [*_name_faults(spec), *_version_faults(spec), *changed]

    def _default(self, obj: Object) -> None:
        spec = obj.get("spec", {})
        names = spec.get("names", {})
        if names.get("kind"):
            names.setdefault("singular", names["kind"].lower())
            names.setdefault("listKind", f"{names['kind']}List")
        spec.setdefault("conversion", {"strategy": "None"})


def _name_faults(spec: Object) -> Iterator[FieldError]:
    names, group = spec.get("names", {}), spec.get("group", "")
    if not group:
        yield required("spec.group")
    elif "." not in group:
        yield invalid("spec.group", group, "should be a domain with at least one dot")
    if spec.get("scope") not in ("Cluster", "Namespaced"):
        yield not_supported("spec.scope", spec.get("scope", ""), ("Cluster", "Namespaced"))
    for name in ("plural", "kind"):
        if not names.get(name):
            yield required(f"spec.names.{name}")


def _version_faults(spec: Object) -> Iterator[FieldError]:
    versions = spec.get("versions", [])
    if not any(version.get("storage") for version in versions):
        yield invalid(
            "spec.versions", versions, "must have exactly one version marked as storage version"
        )
    for index, version in enumerate(versions):
        field = f"spec.versions[{index}].schema.openAPIV3Schema"
        schema = version.get("schema", {}).get("openAPIV3Schema")
        if not schema:
            yield required(field)
        else:
            if schema.get("type") != "object":
                yield invalid(f"{field}.type", schema.get("type", ""), "must be object at the root")
            # The schema of a single version is reported where v1beta1 had it.
            single = "spec.validation.openAPIV3Schema" if len(versions) == 1 else field
            yield from _structural_faults(schema, single)


def _structural_faults(schema: Object, field: str) -> Iterator[FieldError]:
    if schema.get("properties") and schema.get("additionalProperties"):
        yield forbidden(
            f"{field}.additionalProperties",
            "additionalProperties and properties are mutual exclusive",
        )
    inner = {f"{field}.properties[{k}]": v for k, v in (schema.get("properties") or {}).items()}
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            inner[f"{field}.{name}"] = schema[name]
    for where, part in inner.items():
        if not part.get("type") and not any(part.get(mark) for mark in _TYPELESS):
            yield required(f"{where}.type", "must not be empty for specified object fields")
        yield from _structural_faults(part, where)
