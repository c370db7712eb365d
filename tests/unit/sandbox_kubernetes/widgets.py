"""A small CustomResourceDefinition, and builders of its objects."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

GROUP = "widgets.example.com"
API_VERSION = f"{GROUP}/v1"


def widget_definition(**schema: Object) -> Object:
    """The definition of Widget; keyword arguments are further properties of its spec."""
    spec = {"color": {"type": "string"}, "size": {"type": "integer", "default": 3}, **schema}
    status = {"phase": {"type": "string"}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "properties": {
                    "spec": {"type": "object", "properties": spec},
                    "status": {"type": "object", "properties": status},
                },
            }
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [version],
        },
    }


def widget(name: str, **spec: Any) -> Object:
    """A Widget."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"color": "red", **spec},
    }
