"""The hooks by which kinds differ; the defaults suit a kind without rules of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from redox_sandbox.kubernetes.field_errors import FieldError
from redox_sandbox.kubernetes.names import NameRule, subdomain_faults
from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.tables.columns import Column

if TYPE_CHECKING:
    from redox_sandbox.kubernetes.resources import Resource


@dataclass(eq=False)
class DecodingError(Exception):
    """A body that does not have the types of its kind; the message is the decoder's."""

    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(slots=True)
class Decoded:
    """An object in storage form, and the fields of the body that its kind does not have."""

    object: Object
    unknown: list[str] = field(default_factory=list)


class Strategy:
    """How one kind is decoded, prepared, checked and shown."""

    columns: Sequence[Column] = ()
    name_rule: NameRule = staticmethod(subdomain_faults)
    custom = False
    create_on_update = False
    unconditional_update = True
    generation = False
    graceful = False
    # Whether an object gets a status by default when it is read, after it was stored without one.
    defaults_status = False
    field_names: tuple[str, ...] = ("metadata.name", "metadata.namespace")

    def decode(self, resource: Resource, body: Object) -> Decoded:
        """Turn a body into an object; it may use and change the body.

        Raises:
            DecodingError: a field has the wrong type.
        """
        raise NotImplementedError

    def encode(self, _resource: Resource, obj: Object) -> Object:
        """Turn a stored object into what this version answers; the stored one must not change."""
        return obj

    def prepare_create(self, obj: Object) -> None:
        """Complete an object that is to be created, in place."""

    def prepare_update(self, obj: Object, old: Object) -> None:
        """Complete an object that is to replace another, in place."""

    def prepare_status(self, obj: Object, old: Object) -> Object:
        """Return what an update of the status subresource leaves."""
        status = {"status": obj["status"]} if "status" in obj else {}
        kept = {key: value for key, value in old.items() if key != "status"}
        return {**kept, **status}

    def faults(self, _obj: Object) -> list[FieldError]:
        """Check an object beyond its metadata."""
        return []

    def update_faults(self, obj: Object, _old: Object) -> list[FieldError]:
        """Check an object that replaces another, beyond its metadata."""
        return self.faults(obj)

    def status_faults(self, _obj: Object, _old: Object) -> list[FieldError]:
        """Check what an update of the status subresource leaves."""
        return []

    def counted(self, obj: Object) -> Object:
        """Return the part of an object whose change is a new generation."""
        skipped = ("metadata", "status", "apiVersion", "kind")
        return {key: value for key, value in obj.items() if key not in skipped}

    def is_finalized(self, obj: Object) -> bool:
        """Tell whether nothing holds back the removal of an object that is being deleted."""
        return not obj["metadata"].get("finalizers")

    def mark_deleted(self, obj: Object) -> None:
        """Complete an object whose deletion begins, in place."""
        obj["metadata"]["deletionGracePeriodSeconds"] = 0

    def fields(self, obj: Object) -> dict[str, str]:
        """Return what field selectors select by."""
        metadata = obj["metadata"]
        return {
            "metadata.name": metadata["name"],
            "metadata.namespace": metadata.get("namespace", ""),
        }
