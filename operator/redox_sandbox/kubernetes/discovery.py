"""Discovery: groups, versions, resources, and the version of the server."""

from __future__ import annotations

import base64
import hashlib

from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.resources import Resource, Resources

# What the conformance suite compares with.
VERSION: Object = {
    "major": "1",
    "minor": "37",
    "gitVersion": "v1.37.0+redox-sandbox",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "",
}
_SUBRESOURCE_VERBS = {"status": ["get", "patch", "update"], "finalize": ["update"]}
# The order of kube-apiserver, which differs for custom resources.
_CUSTOM_VERBS = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]


def core_versions(address: str) -> Object:
    """Answer `/api`."""
    cidrs = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": cidrs}


def group_list(resources: Resources) -> Object:
    """Answer `/apis`."""
    groups = [_group(name, versions) for name, versions in resources.groups().items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(resources: Resources, name: str) -> Object | None:
    """Answer `/apis/<group>`."""
    versions = resources.groups().get(name)
    if not name or versions is None:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}


def resource_list(resources: Resources, group_name: str, version: str) -> Object | None:
    """Answer `/api/v1` and `/apis/<group>/<version>`."""
    found = resources.of_version(group_name, version)
    if not found:
        return None
    entries = [entry for resource in found for entry in _entries(resource)]
    api_version = f"{group_name}/{version}" if group_name else version
    body = {"kind": "APIResourceList", "groupVersion": api_version, "resources": entries}
    # The real server leaves the apiVersion out for the core group.
    return {**body, "apiVersion": "v1"} if group_name else body


def _group(name: str, versions: list[str]) -> Object:
    known = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": known, "preferredVersion": known[0]}


def _entries(resource: Resource) -> list[Object]:
    entry: Object = {
        "name": resource.plural,
        "singularName": resource.singular_name,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _CUSTOM_VERBS if resource.strategy.custom else list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    entry["storageVersionHash"] = _hash(resource)
    subresources = [
        {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": _SUBRESOURCE_VERBS[name],
        }
        for name in resource.subresources
    ]
    return [entry, *subresources]


def _hash(resource: Resource) -> str:
    text = f"{resource.api_version}/{resource.kind}"
    digest = hashlib.sha256(text.encode()).digest()[:8]
    return base64.b64encode(digest).decode("ascii")
