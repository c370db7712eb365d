"""Namespaces: they end in two steps, as their controller empties them in between."""

from __future__ import annotations

from redox_sandbox.kubernetes.kinds.builtin import BuiltinStrategy
from redox_sandbox.kubernetes.kinds.typed import ANYTHING, STRING, fields, list_of
from redox_sandbox.kubernetes.names import label_faults
from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.tables.builtin import NAMESPACE_COLUMNS

NAME_LABEL = "kubernetes.io/metadata.name"
PROTECTED = ("default", "kube-system", "kube-public")


class NamespaceStrategy(BuiltinStrategy):
    """`v1` Namespace."""

    schema = fields(
        spec=fields(finalizers=list_of(STRING)),
        status=fields(phase=STRING, conditions=list_of(ANYTHING)),
    )
    columns = NAMESPACE_COLUMNS
    name_rule = staticmethod(label_faults)
    field_names = ("metadata.name", "status.phase", "name")

    def prepare_create(self, obj: Object) -> None:
        obj["spec"] = {"finalizers": ["kubernetes"]}
        obj["status"] = {"phase": "Active"}
        self._label(obj)

    def prepare_update(self, obj: Object, old: Object) -> None:
        obj["spec"] = old["spec"]
        obj["status"] = old["status"]
        self._label(obj)

    def is_finalized(self, obj: Object) -> bool:
        return super().is_finalized(obj) and not obj["spec"].get("finalizers")

    def mark_deleted(self, obj: Object) -> None:
        obj["status"] = {**obj["status"], "phase": "Terminating"}

    def fields(self, obj: Object) -> dict[str, str]:
        name = obj["metadata"]["name"]
        phase = obj["status"].get("phase", "")
        return {"metadata.name": name, "name": name, "status.phase": phase}

    def _label(self, obj: Object) -> None:
        metadata = obj["metadata"]
        metadata.setdefault("labels", {})[NAME_LABEL] = metadata.get("name", "")
