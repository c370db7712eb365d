"""Custom resources: what a CustomResourceDefinition makes of its objects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from redox_sandbox.kubernetes.field_errors import FieldError
from redox_sandbox.kubernetes.kinds.strategy import Decoded, Strategy
from redox_sandbox.kubernetes.kinds.typed import decode_metadata
from redox_sandbox.kubernetes.objects import Object, clone, same_json
from redox_sandbox.kubernetes.schema.defaulting import default
from redox_sandbox.kubernetes.schema.lists import list_faults
from redox_sandbox.kubernetes.schema.pruning import PRESERVE, prune
from redox_sandbox.kubernetes.schema.validation import validate
from redox_sandbox.kubernetes.tables.json_path import find
from redox_sandbox.kubernetes.tables.printer import printer_columns

if TYPE_CHECKING:
    from redox_sandbox.kubernetes.resources import Resource


class CustomStrategy(Strategy):
    """Objects of one version of a CustomResourceDefinition."""

    custom = True
    unconditional_update = False
    generation = True

    def __init__(self, version: Object) -> None:
        self.schema: Object = version["schema"]["openAPIV3Schema"]
        self._status = "status" in version.get("subresources", {})
        status = (self.schema.get("properties") or {}).get("status") or {}
        self.defaults_status = self._status and "default" in status
        self.columns = printer_columns(version.get("additionalPrinterColumns"))
        self._selectable = [
            field["jsonPath"].removeprefix(".") for field in version.get("selectableFields", [])
        ]
        self.field_names = (*super().field_names, *self._selectable)

    def decode(self, _resource: Resource, body: Object) -> Decoded:
        unknown: list[str] = []
        body["metadata"] = decode_metadata(body.get("metadata") or {}, unknown)
        self.settle(body, unknown)
        return Decoded(body, unknown)

    def settle(self, obj: Object, unknown: list[str] | None = None) -> Object:
        """Prune and default an object in place, as this version reads it."""
        dropped = prune(obj, self.schema)
        if unknown is not None:
            unknown += dropped
        default(obj, self.schema)
        return obj

    def encode(self, resource: Resource, obj: Object) -> Object:
        return {**obj, "apiVersion": resource.api_version, "kind": resource.kind}

    def prepare_create(self, obj: Object) -> None:
        if self._status:
            obj.pop("status", None)
            default(obj, self.schema)

    def prepare_update(self, obj: Object, old: Object) -> None:
        if self._status:
            obj.pop("status", None)
            if "status" in old:
                obj["status"] = clone(old["status"])

    def counted(self, obj: Object) -> Object:
        skipped = ("metadata", "apiVersion", "kind", *(("status",) if self._status else ()))
        return {key: value for key, value in obj.items() if key not in skipped}

    def faults(self, obj: Object) -> list[FieldError]:
        return [*validate(_content(obj), self.schema), *list_faults(obj, self.schema)]

    def update_faults(self, obj: Object, old: Object) -> list[FieldError]:
        faults = list(validate(_content(obj), self.schema, "", _content(old)))
        return faults + _new(list_faults(obj, self.schema), list_faults(old, self.schema))

    def status_faults(self, obj: Object, old: Object) -> list[FieldError]:
        schema = (self.schema.get("properties") or {}).get("status") or {PRESERVE: True}
        status, before = obj.get("status", {}), old.get("status", {})
        faults = [
            replace(fault, field=f"status.{fault.field}" if fault.field else "status")
            for fault in validate(status, schema, "", before)
        ]
        if same_json(status, before):
            return faults
        return faults + list(list_faults(status, schema, "status"))

    def fields(self, obj: Object) -> dict[str, str]:
        selected = {path: find(f".{path}", obj) for path in self._selectable}
        texts = {path: _text(found[0]) if found else "" for path, found in selected.items()}
        return {**super().fields(obj), **texts}


def _content(obj: Object) -> Object:
    return {
        key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")
    }


def _new(now: Iterable[FieldError], before: Iterable[FieldError]) -> list[FieldError]:
    known = set(before)
    return [fault for fault in now if fault not in known]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
