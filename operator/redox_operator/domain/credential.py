"""A RedoxCredential as its author wrote it, parsed once per change.

The CRD's schema and rules say the same and answer the author at once; this parser holds where the
installed CRD is older than the operator. It has no opinion on anything that the spec does not say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from redox_operator.domain import placeholders, reserved
from redox_operator.domain.errors import SpecInvalid
from redox_operator.domain.spec_fields import (
    Text,
    read_flag,
    read_object,
    read_set,
    read_texts,
    read_whole_number,
)

GROUP, VERSION, PLURAL, KIND = (
    "redox-operator.dev",
    "v1alpha1",
    "redoxcredentials",
    "RedoxCredential",
)
API_VERSION = f"{GROUP}/{VERSION}"

REFRESH_ANNOTATION = "redox-operator.dev/refresh"
DEFAULT_ENDPOINT = "US"
DEFAULT_SECRET_KEY = "privateKey"  # noqa: S105 - the name of a key in a Secret
ALGORITHMS = tuple(family + size for family in ("RS", "PS", "ES") for size in ("256", "384", "512"))

_DNS_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_PRINTABLE = re.compile(r"[\x21-\x7e]+")

_CLIENT_ID = Text(
    _PRINTABLE,
    256,
    "write the client ID that Redox shows for the OAuth API key, 1 to 256 printable ASCII "
    "characters without spaces",
)
_KEY_ID = Text(
    _PRINTABLE,
    256,
    "write the kid under which the public key is registered, 1 to 256 printable ASCII characters "
    "without spaces, or leave keyId out",
)
_ENDPOINT = Text(
    re.compile(r"[A-Za-z][A-Za-z0-9-]*"),
    63,
    "write the name of an endpoint, such as US or Canada; never a URL",
)
_SCOPE = Text(
    re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+"),
    256,
    "write one scope per item, 1 to 256 printable ASCII characters without spaces, quotation "
    "marks and backslashes",
)
_SECRET_NAME = Text(
    re.compile(_DNS_SUBDOMAIN),
    253,
    "write the name of a Secret: at most 253 lower-case letters, digits, - and ., with a letter "
    "or digit at both ends",
)
_DATA_KEY = Text(
    re.compile(r"(?!\.\.|\.\Z)[-._a-zA-Z0-9]+"),
    253,
    "write a key of a Secret: 1 to 253 letters, digits, -, _ and ., not starting with ..",
)
_METADATA_NAME = Text(
    re.compile(
        rf"(?![^/]{{254}})({_DNS_SUBDOMAIN}/)?([A-Za-z0-9][-A-Za-z0-9_.]{{0,61}})?[A-Za-z0-9]"
    ),
    253 + 1 + 63,
    "write names of at most 63 letters, digits, -, _ and ., with a letter or digit at both ends, "
    "after a domain in lower case and a / or without one",
)
_LABEL_VALUE = Text(
    re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"),
    63,
    "write at most 63 letters, digits, -, _ and ., with a letter or digit at both ends",
)
_ANNOTATION_VALUE = Text(
    re.compile(r".*", re.DOTALL), 2048, "write a text of at most 2048 characters"
)
_TEMPLATE = Text(re.compile(r".*", re.DOTALL), 4096, "write a text of at most 4096 characters")
_LONGEST_NAME = 247  # `-token` follows in the name of the Secret


class Key(NamedTuple):
    """Namespace and name: what the workqueue holds."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class SecretKeyRef:
    """A key of a Secret in the credential's own namespace, always."""

    name: str
    key: str = DEFAULT_SECRET_KEY


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """The Secret that pods mount."""

    secret_name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    string_data: Mapping[str, str] = field(default_factory=dict)
    """More keys; values hold placeholders."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A valid RedoxCredential."""

    key: Key
    uid: str
    generation: int
    client_id: str
    private_key: SecretKeyRef
    target: TargetSpec
    key_id: str | None = None
    endpoint: str = DEFAULT_ENDPOINT
    algorithm: str | None = None
    scopes: tuple[str, ...] = ()
    before_expiry_seconds: int | None = None
    suspend: bool = False
    refresh_request: str = ""
    """Value of the refresh annotation: a new one asks for a fresh token once."""


def parse_credential(body: Mapping[str, Any]) -> Credential:
    """The credential in an object of the API.

    Raises `SpecInvalid`, which says what to write, for what the CRD's rules refuse.
    """
    metadata = body["metadata"]
    key = Key(metadata["namespace"], metadata["name"])
    if len(key.name) > _LONGEST_NAME:
        raise SpecInvalid(
            f"metadata.name: use a name of at most {_LONGEST_NAME} characters, so that a Secret "
            "can be called <metadata.name>-token."
        )
    spec = read_object(body.get("spec"), "spec", required=True)
    private_key = read_object(spec.get("privateKey"), "spec.privateKey", required=True)
    reference = _parse_reference(private_key)
    target = _parse_target(read_object(spec.get("target"), "spec.target"), key.name)
    if target.secret_name == reference.name:
        raise SpecInvalid(
            "spec.target.secretName: the token cannot be written into the private key's Secret. "
            "Write another name."
        )
    refresh = read_object(spec.get("refresh"), "spec.refresh")
    key_id, algorithm = private_key.get("keyId"), spec.get("algorithm")
    if algorithm is not None and algorithm not in ALGORITHMS:
        raise SpecInvalid(f"spec.algorithm: write one of {', '.join(ALGORITHMS)}, or leave it out.")
    return Credential(
        key=key,
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        client_id=_CLIENT_ID.read(spec.get("clientId"), "spec.clientId"),
        private_key=reference,
        target=target,
        key_id=None if key_id is None else _KEY_ID.read(key_id, "spec.privateKey.keyId"),
        endpoint=_ENDPOINT.read(_or(spec.get("endpoint"), DEFAULT_ENDPOINT), "spec.endpoint"),
        algorithm=algorithm,
        scopes=read_set(spec.get("scopes"), "spec.scopes", items=_SCOPE, most=64),
        before_expiry_seconds=read_whole_number(
            refresh.get("beforeExpirySeconds"),
            "spec.refresh.beforeExpirySeconds",
            lowest=1,
            highest=86400,
        ),
        suspend=read_flag(spec.get("suspend"), "spec.suspend"),
        refresh_request=str((metadata.get("annotations") or {}).get(REFRESH_ANNOTATION, ""))[:64],
    )


def _parse_reference(private_key: Mapping[str, Any]) -> SecretKeyRef:
    where = "spec.privateKey.secretRef"
    secret_ref = read_object(private_key.get("secretRef"), where, required=True)
    return SecretKeyRef(
        _SECRET_NAME.read(secret_ref.get("name"), f"{where}.name"),
        _DATA_KEY.read(_or(secret_ref.get("key"), DEFAULT_SECRET_KEY), f"{where}.key"),
    )


def _parse_target(target: Mapping[str, Any], name: str) -> TargetSpec:
    where = "spec.target"
    secret_name = _or(target.get("secretName"), f"{name}-token")
    labels = read_texts(
        target.get("labels"), f"{where}.labels", names=_METADATA_NAME, values=_LABEL_VALUE, most=32
    )
    annotations = read_texts(
        target.get("annotations"),
        f"{where}.annotations",
        names=_METADATA_NAME,
        values=_ANNOTATION_VALUE,
        most=16,
    )
    for part, names in (("labels", labels), ("annotations", annotations)):
        for each in names:
            if reserved.is_reserved_name(each):
                raise SpecInvalid(f"{where}.{part}: {each} is reserved. Use a domain of your own.")
    string_data = read_texts(
        target.get("stringData"), f"{where}.stringData", names=_DATA_KEY, values=_TEMPLATE, most=16
    )
    for data_key, template in string_data.items():
        if reserved.is_reserved_key(data_key):
            raise SpecInvalid(
                f"{where}.stringData: the key {data_key} is reserved. Write another name."
            )
        if not placeholders.is_valid(template):
            raise SpecInvalid(
                f"{where}.stringData[{data_key}]: write {placeholders.allowed()} as placeholders, "
                "and $$ for a dollar."
            )
    return TargetSpec(
        _SECRET_NAME.read(secret_name, f"{where}.secretName"), labels, annotations, string_data
    )


def _or(value: Any, default: str) -> Any:
    return default if value is None else value
