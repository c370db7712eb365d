"""Leases, and the kinds that are stored and not acted upon."""

from __future__ import annotations

from redox_sandbox.kubernetes.field_errors import FieldError, invalid
from redox_sandbox.kubernetes.kinds.builtin import BuiltinStrategy, InertStrategy
from redox_sandbox.kubernetes.kinds.typed import INTEGER, MICRO_TIME, STRING, fields, keep
from redox_sandbox.kubernetes.names import path_segment_faults
from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.tables.builtin import (
    LEASE_COLUMNS,
    POD_COLUMNS,
    ROLE_BINDING_COLUMNS,
    SERVICE_ACCOUNT_COLUMNS,
)


class LeaseStrategy(BuiltinStrategy):
    """`coordination.k8s.io/v1` Lease: a PUT creates it, and needs its resourceVersion."""

    schema = fields(
        spec=keep(
            fields(
                holderIdentity=keep(STRING),
                leaseDurationSeconds=INTEGER,
                acquireTime=MICRO_TIME,
                renewTime=MICRO_TIME,
                leaseTransitions=INTEGER,
                strategy=STRING,
                preferredHolder=STRING,
            )
        )
    )
    columns = LEASE_COLUMNS
    create_on_update = True
    unconditional_update = False

    def prepare_create(self, obj: Object) -> None:
        obj.setdefault("spec", {})

    def prepare_update(self, obj: Object, _old: Object) -> None:
        obj.setdefault("spec", {})

    def faults(self, obj: Object) -> list[FieldError]:
        spec = obj["spec"]
        duration, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
        faults = []
        if duration is not None and duration <= 0:
            faults.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
        if transitions is not None and transitions < 0:
            detail = "must be greater than or equal to 0"
            faults.append(invalid("spec.leaseTransitions", transitions, detail))
        return faults


class ServiceAccountStrategy(InertStrategy):
    """`v1` ServiceAccount; it has no tokens here."""

    columns = SERVICE_ACCOUNT_COLUMNS


class PodStrategy(InertStrategy):
    """`v1` Pod; nothing runs it, so it stays Pending."""

    columns = POD_COLUMNS
    generation = True
    graceful = True

    def prepare_create(self, obj: Object) -> None:
        obj["status"] = {"phase": "Pending", "qosClass": "BestEffort"}

    def prepare_update(self, obj: Object, old: Object) -> None:
        obj["status"] = old.get("status", {})


class WorkloadStrategy(InertStrategy):
    """Deployments, Services and their like: no defaults, no controllers."""

    generation = True


class RoleStrategy(InertStrategy):
    """Roles and ClusterRoles; they are not enforced."""

    name_rule = staticmethod(path_segment_faults)
    create_on_update = True


class RoleBindingStrategy(RoleStrategy):
    """RoleBindings and ClusterRoleBindings; they are not enforced."""

    columns = ROLE_BINDING_COLUMNS
