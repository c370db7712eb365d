"""Events: stored as `v1`, served as `v1` and as `events.k8s.io/v1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redox_sandbox.kubernetes.field_errors import FieldError, immutable, invalid, required
from redox_sandbox.kubernetes.kinds.builtin import BuiltinStrategy
from redox_sandbox.kubernetes.kinds.strategy import Decoded
from redox_sandbox.kubernetes.kinds.typed import (
    INTEGER,
    MICRO_TIME,
    STRING,
    TIME,
    decode,
    decode_metadata,
    fields,
)
from redox_sandbox.kubernetes.names import label_key_faults
from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.tables.builtin import EVENT_COLUMNS

if TYPE_CHECKING:
    from redox_sandbox.kubernetes.resources import Resource

_REFERENCE = fields(
    kind=STRING,
    namespace=STRING,
    name=STRING,
    uid=STRING,
    apiVersion=STRING,
    resourceVersion=STRING,
    fieldPath=STRING,
)
_SOURCE = fields(component=STRING, host=STRING)
_SHARED = {
    "reason": STRING,
    "type": STRING,
    "eventTime": MICRO_TIME,
    "series": fields(count=INTEGER, lastObservedTime=MICRO_TIME),
    "action": STRING,
    "related": _REFERENCE,
    "reportingInstance": STRING,
}
_CORE = fields(
    **_SHARED,
    involvedObject=_REFERENCE,
    message=STRING,
    source=_SOURCE,
    firstTimestamp=TIME,
    lastTimestamp=TIME,
    count=INTEGER,
    reportingComponent=STRING,
)
_EVENTS = fields(
    **_SHARED,
    regarding=_REFERENCE,
    note=STRING,
    deprecatedSource=_SOURCE,
    deprecatedFirstTimestamp=TIME,
    deprecatedLastTimestamp=TIME,
    deprecatedCount=INTEGER,
    reportingController=STRING,
)
_RENAMED = {
    "regarding": "involvedObject",
    "note": "message",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
    "reportingController": "reportingComponent",
}
_NAMES_IN_EVENTS = {core: name for name, core in _RENAMED.items()}
_TEXT_LIMITS = {"reportingInstance": 128, "action": 128, "reason": 128, "message": 1024}
_REFERENCE_FIELDS = ("kind", "namespace", "name", "uid", "apiVersion", "fieldPath")


class EventStrategy(BuiltinStrategy):
    """`v1` and `events.k8s.io/v1` Event; the latter checks more."""

    columns = EVENT_COLUMNS
    create_on_update = True

    def __init__(self, group: str) -> None:
        self._core = group == ""
        about = "involvedObject" if self._core else "regarding"
        self.field_names = (
            *super().field_names,
            *(f"{about}.{name}" for name in _REFERENCE_FIELDS),
            "reason",
            "type",
            "reportingComponent" if self._core else "reportingController",
        )

    def decode(self, resource: Resource, body: Object) -> Decoded:
        unknown: list[str] = []
        metadata = decode_metadata(body.get("metadata") or {}, unknown)
        skipped = ("apiVersion", "kind", "metadata")
        rest = {key: value for key, value in body.items() if key not in skipped}
        schema = _CORE if self._core else _EVENTS
        event = decode(rest, schema, resource.kind, "", unknown)
        if not self._core:
            event = {_RENAMED.get(key, key): value for key, value in event.items()}
        return Decoded({"metadata": metadata, **event}, unknown)

    def encode(self, resource: Resource, obj: Object) -> Object:
        # These fields have no `omitempty`: absent ones are shown as null or empty.
        full: Object = {
            "source": {},
            "firstTimestamp": None,
            "lastTimestamp": None,
            "eventTime": None,
        }
        event = {**full, **obj}
        if self._core:
            event = {"involvedObject": {}, "reportingComponent": "", **event}
            event.setdefault("reportingInstance", "")
        else:
            event = {_NAMES_IN_EVENTS.get(key, key): value for key, value in event.items()}
        return super().encode(resource, event)

    def faults(self, obj: Object) -> list[FieldError]:
        return self._shared_faults(obj) + ([] if self._core else self._strict_faults(obj))

    def update_faults(self, obj: Object, old: Object) -> list[FieldError]:
        faults = self._shared_faults(obj)
        if self._core:
            return faults
        fixed = ("involvedObject", "reason", "message", "type", "eventTime", "action", "related")
        return faults + [
            immutable(name, obj.get(name)) for name in fixed if obj.get(name) != old.get(name)
        ]

    def fields(self, obj: Object) -> dict[str, str]:
        about = obj.get("involvedObject", {})
        prefix = "involvedObject" if self._core else "regarding"
        reporter = "reportingComponent" if self._core else "reportingController"
        return {
            **super().fields(obj),
            **{f"{prefix}.{name}": about.get(name, "") for name in _REFERENCE_FIELDS},
            "reason": obj.get("reason", ""),
            "type": obj.get("type", ""),
            reporter: obj.get("reportingComponent", ""),
        }

    def _shared_faults(self, obj: Object) -> list[FieldError]:
        namespace = obj["metadata"].get("namespace", "")
        about = obj.get("involvedObject", {}).get("namespace", "")
        mismatch = invalid("involvedObject.namespace", about, "does not match event.namespace")
        if not obj.get("eventTime"):
            matches = about == namespace if about else namespace in ("", "default")
            return [] if matches else [mismatch]
        reporter = "reportingComponent" if self._core else "reportingController"
        name = obj.get("reportingComponent", "")
        faults = [] if about or namespace in ("default", "kube-system") else [mismatch]
        if not name:
            faults.append(required(reporter))
        faults += [invalid(reporter, name, fault) for fault in label_key_faults(name)]
        for field, limit in _TEXT_LIMITS.items():
            text = obj.get(field, "")
            if not text and field != "message":
                faults.append(required(field))
            if len(text) > limit:
                faults.append(invalid(field, "", f"can have at most {limit} characters"))
        return faults

    def _strict_faults(self, obj: Object) -> list[FieldError]:
        faults = []
        series = obj.get("series")
        if series is not None and series.get("count", 0) < 2:
            faults.append(invalid("series.count", "", "should be at least 2"))
        if series is not None and not series.get("lastObservedTime"):
            faults.append(required("series.lastObservedTime"))
        if not obj.get("eventTime"):
            faults.append(required("eventTime"))
        if obj.get("type") not in ("Normal", "Warning"):
            faults.append(invalid("type", "", f"has invalid value: {obj.get('type', '')}"))
        unset = ("firstTimestamp", "lastTimestamp", "count", "source")
        return faults + [invalid(name, "", "needs to be unset") for name in unset if obj.get(name)]
