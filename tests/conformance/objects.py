"""The objects that the suite works with."""

from __future__ import annotations

from typing import Any

from tests.conformance.server import Object

GROUP = "conformance.example"
API_VERSION = f"{GROUP}/v1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

_SPEC: Object = {
    "type": "object",
    "required": ["color"],
    "properties": {
        "color": {"type": "string", "enum": ["red", "green"]},
        "code": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 5},
        "size": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3},
        "ratio": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "multipleOf": 0.5},
        "active": {"type": "boolean", "default": True},
        "when": {"type": "string", "format": "date-time"},
        "parts": {
            "type": "array",
            "minItems": 1,
            "maxItems": 3,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "count": {"type": "integer", "default": 1},
                },
            },
        },
        "tags": {
            "type": "array",
            "x-kubernetes-list-type": "set",
            "items": {"type": "string"},
        },
        "words": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 2,
            "additionalProperties": {"type": "string", "maxLength": 3},
        },
        "note": {"type": "string", "nullable": True, "default": "n"},
        "port": {"x-kubernetes-int-or-string": True},
        "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "either": {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
    },
}
_STATUS: Object = {
    "type": "object",
    "default": {"observedGeneration": -1},
    "properties": {
        "observedGeneration": {"type": "integer"},
        "conditions": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {
                "type": "object",
                "required": ["type", "status"],
                "properties": {"type": {"type": "string"}, "status": {"type": "string"}},
            },
        },
    },
}
_COLUMNS: list[Object] = [
    {"name": "Color", "type": "string", "jsonPath": ".spec.color"},
    {
        "name": "Ready",
        "type": "string",
        "jsonPath": '.status.conditions[?(@.type=="Ready")].status',
    },
    {
        "name": "Size",
        "type": "integer",
        "jsonPath": ".spec.size",
        "priority": 1,
        "description": "how big",
    },
    {"name": "When", "type": "date", "jsonPath": ".spec.when"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]


def definition(plural: str, kind: str, *, version: Object | None = None) -> Object:
    """A CustomResourceDefinition of the suite's group."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [
                {"name": "v1", "served": True, "storage": True, **(version or _plain_version())}
            ],
        },
    }


def widget_definition() -> Object:
    """The definition of Widget, which uses all that a schema can say."""
    schema = {
        "type": "object",
        "required": ["spec"],
        "properties": {"spec": _SPEC, "status": _STATUS},
    }
    version = {
        "subresources": {"status": {}},
        "additionalPrinterColumns": _COLUMNS,
        "schema": {"openAPIV3Schema": schema},
    }
    crd = definition("widgets", "Widget", version=version)
    crd["spec"]["names"] |= {"shortNames": ["wd"], "categories": ["parts"]}
    return crd


def _plain_version() -> Object:
    spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": spec}}
    return {"schema": {"openAPIV3Schema": schema}}


def widget(name: str, metadata: Object | None = None, **spec: Any) -> Object:
    """A Widget, red unless said otherwise."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Widget",
        "metadata": {"name": name, **(metadata or {})},
        "spec": {"color": "red", **spec},
    }


def config_map(name: str, metadata: Object | None = None, **data: str) -> Object:
    """A ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **(metadata or {})},
        "data": data or {"key": "value"},
    }


def owned_by(owner: Object, **more: bool) -> Object:
    """Metadata with a reference to an owner."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        **more,
    }
    return {"ownerReferences": [reference]}
