"""Strategy of the built-in kinds: typed fields, or nothing but typed metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redox_sandbox.kubernetes.kinds.strategy import Decoded, Strategy
from redox_sandbox.kubernetes.kinds.typed import decode, decode_metadata, without_nulls
from redox_sandbox.kubernetes.objects import Object

if TYPE_CHECKING:
    from redox_sandbox.kubernetes.resources import Resource


class BuiltinStrategy(Strategy):
    """A kind whose fields are known; stored objects carry neither `kind` nor `apiVersion`."""

    schema: Object | None = None

    def decode(self, resource: Resource, body: Object) -> Decoded:
        unknown: list[str] = []
        metadata = decode_metadata(body.get("metadata") or {}, unknown)
        rest = {
            key: value
            for key, value in body.items()
            if key not in ("apiVersion", "kind", "metadata")
        }
        if self.schema is None:
            return Decoded({"metadata": metadata, **without_nulls(rest)}, unknown)
        obj = decode(rest, self.schema, resource.kind, "", unknown)
        return Decoded({"metadata": metadata, **obj}, unknown)

    def encode(self, resource: Resource, obj: Object) -> Object:
        return {"kind": resource.kind, "apiVersion": resource.api_version, **obj}


class InertStrategy(BuiltinStrategy):
    """A kind that is stored as it came and that nothing acts upon."""
