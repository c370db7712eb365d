"""Secrets and ConfigMaps: data, its limits, and immutability."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from redox_sandbox.kubernetes.field_errors import (
    FieldError,
    forbidden,
    immutable,
    invalid,
    required,
    too_long,
)
from redox_sandbox.kubernetes.kinds.builtin import BuiltinStrategy
from redox_sandbox.kubernetes.kinds.strategy import Decoded
from redox_sandbox.kubernetes.kinds.typed import BOOLEAN, BYTES, STRING, fields, map_of
from redox_sandbox.kubernetes.names import data_key_faults
from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.tables.builtin import CONFIG_MAP_COLUMNS, SECRET_COLUMNS

if TYPE_CHECKING:
    from redox_sandbox.kubernetes.resources import Resource

SIZE_LIMIT = 1024 * 1024
_FROZEN = "field is immutable when `immutable` is set"
_SERVICE_ACCOUNT = "kubernetes.io/service-account.name"
_JSON_KEYS = {
    "kubernetes.io/dockercfg": ".dockercfg",
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
}


def _frozen_faults(obj: Object, old: Object, *names: str) -> list[FieldError]:
    if not old.get("immutable"):
        return []
    faults = [] if obj.get("immutable") else [forbidden("immutable", _FROZEN)]
    return faults + [
        forbidden(name, _FROZEN) for name in names if obj.get(name, {}) != old.get(name, {})
    ]


def _key_faults(field: str, data: Object) -> list[FieldError]:
    return [
        invalid(f"{field}[{key}]", key, fault) for key in data for fault in data_key_faults(key)
    ]


class SecretStrategy(BuiltinStrategy):
    """`v1` Secret."""

    schema = fields(data=map_of(BYTES), stringData=map_of(STRING), type=STRING, immutable=BOOLEAN)
    columns = SECRET_COLUMNS
    field_names = ("metadata.name", "metadata.namespace", "type")

    def decode(self, resource: Resource, body: Object) -> Decoded:
        decoded = super().decode(resource, body)
        secret = decoded.object
        for key, text in secret.pop("stringData", {}).items():
            value = base64.b64encode(text.encode()).decode("ascii")
            secret.setdefault("data", {})[key] = value
        return decoded

    def prepare_create(self, obj: Object) -> None:
        obj.setdefault("type", "Opaque")

    def prepare_update(self, obj: Object, old: Object) -> None:
        obj.setdefault("type", old["type"])

    def faults(self, obj: Object) -> list[FieldError]:
        data = obj.get("data", {})
        faults = _key_faults("data", data)
        if sum(len(base64.b64decode(value)) for value in data.values()) > SIZE_LIMIT:
            faults.append(too_long("data", SIZE_LIMIT))
        return faults + self._type_faults(obj, data)

    def update_faults(self, obj: Object, old: Object) -> list[FieldError]:
        faults = [] if obj["type"] == old["type"] else [immutable("type", obj["type"])]
        return [*faults, *_frozen_faults(obj, old, "data"), *self.faults(obj)]

    def fields(self, obj: Object) -> dict[str, str]:
        return {**super().fields(obj), "type": obj["type"]}

    def _type_faults(self, obj: Object, data: Object) -> list[FieldError]:
        match obj["type"]:
            case "kubernetes.io/tls":
                return [required(f"data[{k}]") for k in ("tls.crt", "tls.key") if k not in data]
            case "kubernetes.io/basic-auth":
                names = ("username", "password")
                known = any(name in data for name in names)
                return [] if known else [required(f"data[{name}]") for name in names]
            case "kubernetes.io/ssh-auth":
                return [] if data.get("ssh-privatekey") else [required("data[ssh-privatekey]")]
            case "kubernetes.io/service-account-token":
                named = obj["metadata"].get("annotations", {}).get(_SERVICE_ACCOUNT)
                field = f"metadata.annotations[{_SERVICE_ACCOUNT}]"
                return [] if named else [required(field)]
            case kind if kind in _JSON_KEYS:
                return self._json_faults(_JSON_KEYS[kind], data)
            case _:
                return []

    def _json_faults(self, key: str, data: Object) -> list[FieldError]:
        field = f"data[{key}]"
        if key not in data:
            return [required(field)]
        try:
            json.loads(base64.b64decode(data[key]))
        except ValueError:
            return [invalid(field, "<secret contents redacted>", "is not valid JSON")]
        return []


class ConfigMapStrategy(BuiltinStrategy):
    """`v1` ConfigMap."""

    schema = fields(data=map_of(STRING), binaryData=map_of(BYTES), immutable=BOOLEAN)
    columns = CONFIG_MAP_COLUMNS

    def faults(self, obj: Object) -> list[FieldError]:
        data, binary = obj.get("data", {}), obj.get("binaryData", {})
        faults = _key_faults("data", data) + [
            invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
            for key in data
            if key in binary
        ]
        faults += _key_faults("binaryData", binary)
        size = sum(len(text.encode()) for text in data.values())
        size += sum(len(base64.b64decode(value)) for value in binary.values())
        return [*faults, too_long("[]", SIZE_LIMIT)] if size > SIZE_LIMIT else faults

    def update_faults(self, obj: Object, old: Object) -> list[FieldError]:
        frozen = _frozen_faults(obj, old, "data", "binaryData")
        return frozen + self.faults(obj)
