"""The built-in resources that are served."""

from __future__ import annotations

from redox_sandbox.kubernetes.kinds.data import ConfigMapStrategy, SecretStrategy
from redox_sandbox.kubernetes.kinds.definition import DefinitionStrategy
from redox_sandbox.kubernetes.kinds.event import EventStrategy
from redox_sandbox.kubernetes.kinds.lease import (
    LeaseStrategy,
    PodStrategy,
    RoleBindingStrategy,
    RoleStrategy,
    ServiceAccountStrategy,
    WorkloadStrategy,
)
from redox_sandbox.kubernetes.kinds.namespace import NamespaceStrategy
from redox_sandbox.kubernetes.resources import ALL_VERBS, Resource

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_RBAC = "rbac.authorization.k8s.io"
_ROLES, _BINDINGS, _WORKLOADS = RoleStrategy(), RoleBindingStrategy(), WorkloadStrategy()
_WITHOUT_COLLECTION = tuple(verb for verb in ALL_VERBS if verb != "deletecollection")

BUILTIN = (
    Resource(
        "",
        "v1",
        "namespaces",
        "Namespace",
        False,
        NamespaceStrategy(),
        short_names=("ns",),
        verbs=_WITHOUT_COLLECTION,
        subresources=("finalize", "status"),
    ),
    Resource("", "v1", "secrets", "Secret", True, SecretStrategy()),
    Resource("", "v1", "configmaps", "ConfigMap", True, ConfigMapStrategy(), short_names=("cm",)),
    Resource("", "v1", "events", "Event", True, EventStrategy(""), short_names=("ev",)),
    Resource(
        "",
        "v1",
        "serviceaccounts",
        "ServiceAccount",
        True,
        ServiceAccountStrategy(),
        short_names=("sa",),
    ),
    Resource(
        "",
        "v1",
        "pods",
        "Pod",
        True,
        PodStrategy(),
        short_names=("po",),
        categories=("all",),
        subresources=("status",),
    ),
    Resource(
        "", "v1", "services", "Service", True, _WORKLOADS, short_names=("svc",), categories=("all",)
    ),
    Resource(
        "events.k8s.io",
        "v1",
        "events",
        "Event",
        True,
        EventStrategy("events.k8s.io"),
        short_names=("ev",),
        storage_of="events",
    ),
    Resource("coordination.k8s.io", "v1", "leases", "Lease", True, LeaseStrategy()),
    Resource(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", False, _BINDINGS),
    Resource(_RBAC, "v1", "clusterroles", "ClusterRole", False, _ROLES),
    Resource(_RBAC, "v1", "rolebindings", "RoleBinding", True, _BINDINGS),
    Resource(_RBAC, "v1", "roles", "Role", True, _ROLES),
    Resource(
        "apps",
        "v1",
        "deployments",
        "Deployment",
        True,
        _WORKLOADS,
        short_names=("deploy",),
        categories=("all",),
        subresources=("status",),
    ),
    Resource(
        "networking.k8s.io",
        "v1",
        "networkpolicies",
        "NetworkPolicy",
        True,
        _WORKLOADS,
        singular="networkpolicy",
        short_names=("netpol",),
    ),
    Resource(
        "policy",
        "v1",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        True,
        _WORKLOADS,
        short_names=("pdb",),
        subresources=("status",),
    ),
    Resource(
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        False,
        DefinitionStrategy(),
        short_names=("crd", "crds"),
        categories=("api-extensions",),
        subresources=("status",),
    ),
)
