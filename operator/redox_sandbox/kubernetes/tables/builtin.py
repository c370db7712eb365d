"""The columns of the built-in kinds, cell for cell as kubectl shows a real cluster's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.tables.columns import NAME, Column
from redox_sandbox.kubernetes.tables.durations import age


def _field(*path: str, default: Any = "") -> Callable[[Object, datetime], Any]:
    def cell(obj: Object, _: datetime) -> Any:
        value: Any = obj
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return default if value in (None, "") else value

    return cell


def _count(obj: Object, *names: str) -> int:
    return sum(len(obj.get(name, {})) for name in names)


AGE = Column("Age", lambda obj, now: age(obj["metadata"].get("creationTimestamp"), now))
SECRET_COLUMNS = (
    NAME,
    Column("Type", _field("type")),
    Column("Data", lambda obj, _: _count(obj, "data")),
    AGE,
)
CONFIG_MAP_COLUMNS = (NAME, Column("Data", lambda obj, _: _count(obj, "data", "binaryData")), AGE)
NAMESPACE_COLUMNS = (NAME, Column("Status", _field("status", "phase")), AGE)
SERVICE_ACCOUNT_COLUMNS = (NAME, AGE)
LEASE_COLUMNS = (NAME, Column("Holder", _field("spec", "holderIdentity")), AGE)


def _role(obj: Object, _: datetime) -> str:
    reference = obj.get("roleRef", {})
    return f"{reference.get('kind', '')}/{reference.get('name', '')}"


def _subjects(kind: str) -> Callable[[Object, datetime], str]:
    def cell(obj: Object, _: datetime) -> str:
        names = []
        for subject in obj.get("subjects", []):
            if subject.get("kind") == kind:
                prefix = f"{subject.get('namespace', '')}/" if kind == "ServiceAccount" else ""
                names.append(prefix + subject.get("name", ""))
        return ", ".join(names)

    return cell


ROLE_BINDING_COLUMNS = (
    NAME,
    Column("Role", _role),
    AGE,
    Column("Users", _subjects("User"), priority=1),
    Column("Groups", _subjects("Group"), priority=1),
    Column("ServiceAccounts", _subjects("ServiceAccount"), priority=1),
)


def _first_seen(obj: Object, now: datetime) -> str:
    return age(obj.get("firstTimestamp") or obj.get("eventTime"), now)


def _last_seen(obj: Object, now: datetime) -> str:
    if obj.get("series"):
        return age(obj["series"].get("lastObservedTime"), now)
    last = obj.get("lastTimestamp")
    return age(last, now) if last else _first_seen(obj, now)


def _event_object(obj: Object, _: datetime) -> str:
    about = obj.get("involvedObject", {})
    kind, name = about.get("kind", "").lower(), about.get("name", "")
    return f"{kind}/{name}" if name else kind


def _event_source(obj: Object, _: datetime) -> str:
    source = obj.get("source") or {}
    component = source.get("component") or obj.get("reportingComponent", "")
    instance = source.get("host") or obj.get("reportingInstance", "")
    return f"{component}, {instance}" if instance else component


def _event_count(obj: Object, _: datetime) -> int:
    series = obj.get("series") or {}
    return int(series.get("count") or obj.get("count") or 1)


EVENT_COLUMNS = (
    Column("Last Seen", _last_seen),
    Column("Type", _field("type")),
    Column("Reason", _field("reason")),
    Column("Object", _event_object),
    Column("Subobject", _field("involvedObject", "fieldPath"), priority=1),
    Column("Source", _event_source, priority=1),
    Column("Message", lambda obj, _: obj.get("message", "").strip()),
    Column("First Seen", _first_seen, priority=1),
    Column("Count", _event_count, priority=1),
    Column("Name", NAME.cell, format="name", description=NAME.description, priority=1),
)


def _pod_ready(obj: Object, _: datetime) -> str:
    statuses = obj.get("status", {}).get("containerStatuses", [])
    ready = sum(bool(status.get("ready")) for status in statuses)
    return f"{ready}/{len(obj.get('spec', {}).get('containers', []))}"


def _pod_status(obj: Object, _: datetime) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(obj.get("status", {}).get("phase", ""))


def _pod_restarts(obj: Object, _: datetime) -> str:
    statuses = obj.get("status", {}).get("containerStatuses", [])
    return str(sum(status.get("restartCount", 0) for status in statuses))


POD_COLUMNS = (
    NAME,
    Column("Ready", _pod_ready),
    Column("Status", _pod_status),
    Column("Restarts", _pod_restarts),
    AGE,
    Column("IP", _field("status", "podIP", default="<none>"), priority=1),
    Column("Node", _field("spec", "nodeName", default="<none>"), priority=1),
    Column("Nominated Node", _field("status", "nominatedNodeName", default="<none>"), priority=1),
    Column("Readiness Gates", lambda _obj, _now: "<none>", priority=1),
)


def _versions(obj: Object, _: datetime) -> str:
    return ",".join(
        f"{version['name']}(storage)" if version.get("storage") else version["name"]
        for version in obj.get("spec", {}).get("versions", [])
    )


def _established(obj: Object, _: datetime) -> bool:
    conditions = obj.get("status", {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


DEFINITION_COLUMNS = (
    NAME,
    Column("Scope", _field("spec", "scope")),
    Column("Versions", _versions),
    Column("Created At", _field("metadata", "creationTimestamp"), "date"),
    Column("Group", _field("spec", "group"), priority=1),
    Column("Kind", _field("spec", "names", "kind"), priority=1),
    Column(
        "ShortNames",
        lambda obj, _: ",".join(obj.get("spec", {}).get("names", {}).get("shortNames", [])),
        priority=1,
    ),
    Column("Established", _established, "boolean", priority=1),
)
