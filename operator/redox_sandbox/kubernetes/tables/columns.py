"""Columns, and the tables made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redox_sandbox.kubernetes.objects import Object

Cell = Callable[[Object, datetime], Any]
_NAME = (
    "Name must be unique within a namespace. Is required when creating resources, although some "
    "resources may allow a client to request the generation of an appropriate name automatically. "
    "Name is primarily intended for creation idempotence and configuration definition. Cannot be "
    "updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `priority` above 0 shows with `-o wide` only."""

    name: str
    cell: Cell
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0

    def definition(self) -> Object:
        """Return the entry of `columnDefinitions`."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


NAME = Column("Name", lambda obj, _: obj["metadata"].get("name", ""), "string", "name", _NAME)
CREATED_AT = Column("Created At", lambda obj, _: obj["metadata"].get("creationTimestamp"), "date")


def partial_metadata(obj: Object) -> Object:
    """Return the object's metadata alone, as `PartialObjectMetadata`."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


def table(
    columns: Sequence[Column],
    objects: Iterable[Object],
    now: datetime,
    metadata: Object,
    include: str,
    *,
    headers: bool = True,
) -> Object:
    """Make a Table; `include` is what each row carries of its object: Metadata, Object or None."""
    columns = columns or (NAME, CREATED_AT)
    rows = []
    for obj in objects:
        carried = {"Object": obj, "None": None}.get(include, partial_metadata(obj))
        rows.append({"cells": [column.cell(obj, now) for column in columns], "object": carried})
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [column.definition() for column in columns] if headers else None,
        "rows": rows,
    }
