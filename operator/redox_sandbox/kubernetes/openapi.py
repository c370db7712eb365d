"""OpenAPI v3, as much as kubectl needs: which kinds can be patched, and with which parameters."""

from __future__ import annotations

from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.resources import Resource, Resources

# Strategic merge is left out although it is served: kubectl then computes it from the types that it
# knows by heart, and not from schemas, which are not complete here.
_PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
)
_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")


def index(resources: Resources) -> Object:
    """Answer `/openapi/v3`."""
    paths = {}
    for group, versions in resources.groups().items():
        for version in versions:
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}"}
    return {"paths": paths}


def document(resources: Resources, group: str, version: str) -> Object | None:
    """Answer `/openapi/v3/apis/<group>/<version>`."""
    found = resources.of_version(group, version)
    if not found:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.37.0"},
        "paths": {_path(resource): _item(resource) for resource in found},
        "components": {"schemas": {_schema_name(r): _schema(r) for r in found}},
    }


def _path(resource: Resource) -> str:
    prefix = "/apis/" if resource.group else "/api/"
    place = "namespaces/{namespace}/" if resource.namespaced else ""
    return f"{prefix}{resource.api_version}/{place}{resource.plural}/{{name}}"


def _kind(resource: Resource) -> Object:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _item(resource: Resource) -> Object:
    reference = {"$ref": f"#/components/schemas/{_schema_name(resource)}"}
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string"}} for name in _PARAMETERS
    ]
    return {
        "patch": {
            "operationId": f"patch{resource.kind}",
            "parameters": parameters,
            "requestBody": {"content": {kind: {"schema": {}} for kind in _PATCH_TYPES}},
            "responses": {
                "200": {
                    "description": "OK",
                    "content": {"application/json": {"schema": reference}},
                }
            },
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": _kind(resource),
        }
    }


def _schema_name(resource: Resource) -> str:
    reversed_group = ".".join(reversed((resource.group or "core").split(".")))
    return f"{reversed_group}.{resource.version}.{resource.kind}"


def _schema(resource: Resource) -> Object:
    schema = getattr(resource.strategy, "schema", None) if resource.strategy.custom else None
    return {**(schema or {"type": "object"}), "x-kubernetes-group-version-kind": [_kind(resource)]}
