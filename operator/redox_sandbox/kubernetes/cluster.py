"""What every operation works on: the objects, what is served, and the time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

from redox_sandbox.kubernetes.builtin import BUILTIN, SYSTEM_NAMESPACES
from redox_sandbox.kubernetes.clock import Clock, rfc3339
from redox_sandbox.kubernetes.errors import forbidden, not_found
from redox_sandbox.kubernetes.kinds.namespace import NAME_LABEL
from redox_sandbox.kubernetes.objects import Object, key_of
from redox_sandbox.kubernetes.resources import Resource, Resources
from redox_sandbox.kubernetes.store import Store

# Without vowels and look-alikes, as Kubernetes' own generator.
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(slots=True)
class Cluster:
    """One stand-in's state; operations are functions over it and never await."""

    store: Store
    clock: Clock
    resources: Resources = field(default_factory=lambda: Resources(BUILTIN))
    new_uid: Callable[[], str] = lambda: str(uuid4())

    def __post_init__(self) -> None:
        for name in SYSTEM_NAMESPACES:
            namespace: Object = {
                "metadata": {
                    "name": name,
                    "uid": self.new_uid(),
                    "creationTimestamp": self.timestamp(),
                    "labels": {NAME_LABEL: name},
                },
                "spec": {"finalizers": ["kubernetes"]},
                "status": {"phase": "Active"},
            }
            self.store.put("namespaces", key_of(None, name), namespace)

    def timestamp(self) -> str:
        """Return the present second, as it is stamped on objects."""
        return rfc3339(self.clock.now())

    def find(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """Return a stored object.

        Raises:
            StatusError: 404, there is none.
        """
        obj = self.store.get(resource.storage, key_of(namespace, name))
        if obj is None:
            raise not_found(resource.group, resource.plural, name)
        return obj

    def require_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        """Check that objects may be created in a namespace.

        Raises:
            StatusError: 404, it does not exist; 403, it is being deleted.
        """
        found = self.store.get("namespaces", key_of(None, namespace))
        if found is None:
            raise not_found("", "namespaces", namespace)
        if found["metadata"].get("deletionTimestamp"):
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            why = (
                f"unable to create new content in namespace {namespace} "
                "because it is being terminated"
            )
            raise forbidden(resource.group, resource.plural, name, why, [cause])

    def generate_name(self, base: str) -> str:
        """Return `generateName` with its random suffix."""
        return base[:58] + "".join(random.choices(_SUFFIX_LETTERS, k=5))  # noqa: S311 - a name is no secret
