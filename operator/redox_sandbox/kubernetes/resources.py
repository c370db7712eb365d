"""What is served: resources, found by group, version and plural."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from redox_sandbox.kubernetes.kinds.strategy import Strategy

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource in one version; versions of a resource share its storage."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    strategy: Strategy
    singular: str = ""
    list_kind: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[str, ...] = ()
    storage_of: str = ""

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def storage(self) -> str:
        """The name of the objects in the store."""
        return self.storage_of or (f"{self.plural}.{self.group}" if self.group else self.plural)

    @property
    def list_name(self) -> str:
        """The kind of a list."""
        return self.list_kind or f"{self.kind}List"

    @property
    def singular_name(self) -> str:
        """The singular in discovery."""
        return self.singular or self.kind.lower()


class Resources:
    """The registry: built-in resources, and those that CustomResourceDefinitions add."""

    def __init__(self, builtin: Iterable[Resource]) -> None:
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self._by_kind: dict[tuple[str, str], Resource] = {}
        for resource in builtin:
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """Serve a resource, in place of one of the same group, version and plural."""
        self._by_path[resource.group, resource.version, resource.plural] = resource
        self._by_kind[resource.api_version, resource.kind] = resource

    def remove(self, resource: Resource) -> None:
        """Serve a resource no longer."""
        self._by_path.pop((resource.group, resource.version, resource.plural), None)
        self._by_kind.pop((resource.api_version, resource.kind), None)

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Find the resource of a path."""
        return self._by_path.get((group, version, plural))

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        """Find the resource that an owner reference or a manifest names."""
        return self._by_kind.get((api_version, kind))

    def of_version(self, group: str, version: str) -> list[Resource]:
        """Return the resources of a group and version, by plural."""
        found = [r for r in self if (r.group, r.version) == (group, version)]
        return sorted(found, key=lambda resource: resource.plural)

    def groups(self) -> dict[str, list[str]]:
        """Return the versions by group, in the order of their registration."""
        groups: dict[str, list[str]] = defaultdict(list)
        for resource in self:
            if resource.version not in groups[resource.group]:
                groups[resource.group].append(resource.version)
        return dict(groups)

    def stored(self) -> dict[str, Resource]:
        """Return one resource of each storage."""
        return {resource.storage: resource for resource in reversed(list(self))}

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._by_path.values())
