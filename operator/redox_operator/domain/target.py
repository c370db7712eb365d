"""The target Secret as it was last seen, whose it is, and which token it holds."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from redox_operator.domain.access_token import AccessToken
from redox_operator.domain.credential import GROUP, KIND, Credential
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.reserved import STANDARD_KEYS
from redox_operator.domain.timestamps import format_time, parse_time

CREDENTIAL = f"{GROUP}/credential"
EXPIRES_AT = f"{GROUP}/expires-at"
ISSUED_AT = f"{GROUP}/issued-at"
INPUT_HASH = f"{GROUP}/input-hash"
CONTENT_HASH = f"{GROUP}/content-hash"
APPLIED = f"{GROUP}/applied"
SCOPE = f"{GROUP}/scope"

ROLE_LABEL, ROLE_TARGET = f"{GROUP}/role", "target"
ROLE_KEY = "key"

LARGEST_CORRECTION = 300.0
"""Seconds: after a restart it is not known how far the clock was corrected when storing."""

_VERSION = "v1:"


class Ownership(enum.Enum):
    """Whose a Secret with the target's name is."""

    OURS = "its controller is this credential"
    ADOPTABLE = "it was this credential's before a restore or a recreation"
    FOREIGN = "it is someone else's"


@dataclass(frozen=True, slots=True)
class Owner:
    """The controller among the ownerReferences."""

    group: str
    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Target:
    """A Secret's metadata, and what a read of its data told. It never holds the data."""

    uid: str
    resource_version: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    owner: Owner | None = None
    other_owners: tuple[Mapping[str, Any], ...] = ()
    """The ownerReferences besides the controller's, as they stand."""
    type: str = "Opaque"
    immutable: bool = False
    intact: bool = True
    """Whether our keys were as `content-hash` says when the data was last read."""


def credential_reference(credential: Credential) -> str:
    """`<Kind>/<name>`: the value of the `credential` annotation."""
    return f"{KIND}/{credential.key.name}"


def ownership(target: Target, credential: Credential) -> Ownership:
    """Whose this Secret is; names alone never make it ours."""
    owner = target.owner
    if owner is not None and owner.uid == credential.uid:
        return Ownership.OURS
    namesake = owner is None or (owner.group, owner.kind, owner.name) == (
        GROUP,
        KIND,
        credential.key.name,
    )
    named = target.annotations.get(CREDENTIAL) == credential_reference(credential)
    if namesake and named and target.type == "Opaque":
        return Ownership.ADOPTABLE
    return Ownership.FOREIGN


def stored_token(
    target: Target, now: float, max_lifetime_seconds: float, value: str = ""
) -> AccessToken | None:
    """The token in the Secret, if it *counts*; `value` is empty where only metadata was read.

    Clocks that were wrong, restored backups and hands that edit leave times that cannot be; such
    a token is as good as absent.
    """
    issued_at = parse_time(target.annotations.get(ISSUED_AT))
    expires_at = parse_time(target.annotations.get(EXPIRES_AT))
    if issued_at is None or expires_at is None or not target.intact:
        return None
    if issued_at > now + LARGEST_CORRECTION:
        return None
    if not 0 < expires_at - issued_at <= max_lifetime_seconds:
        return None
    return AccessToken(value, issued_at, expires_at, target.annotations.get(SCOPE, ""))


def input_hash(credential: Credential, endpoint: Endpoint, thumbprint: str) -> str:
    """What a token was issued for; another value means that another token is wanted.

    `thumbprint` is the *first* key's, so that falling back within a JWK Set is no change.
    """
    inputs = [
        credential.client_id,
        endpoint.token_url,
        endpoint.audience,
        sorted(credential.scopes),
        thumbprint,
        credential.refresh_request,
    ]
    return _VERSION + _sha256(inputs)


def same_input(stored: str | None, expected: str | None) -> bool:
    """Whether two input hashes mean the same; what cannot be compared counts as equal."""
    if stored is None or expected is None or not stored.startswith(_VERSION):
        return True
    return stored == expected


def content_hash(data: Mapping[str, str], expires_at: str, issued_at: str) -> str:
    """Over our data keys and both times; `data` maps to decoded text."""
    return _VERSION + _sha256([sorted(data.items()), expires_at, issued_at])


def is_intact(annotations: Mapping[str, str], data: Mapping[str, str]) -> bool:
    """Whether our keys are as we wrote them; keys of others do not count."""
    keys = (*STANDARD_KEYS, *applied(annotations)["data"])
    ours = {key: data[key] for key in keys if key in data}
    stored = annotations.get(CONTENT_HASH, "")
    return stored == content_hash(
        ours, annotations.get(EXPIRES_AT, ""), annotations.get(ISSUED_AT, "")
    )


def applied(annotations: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The author's data keys, labels and annotations that were written last."""
    try:
        parsed = json.loads(annotations.get(APPLIED, "{}"))
    except (ValueError, RecursionError):
        parsed = {}
    if not isinstance(parsed, dict):
        parsed = {}
    return {part: _names(parsed.get(part)) for part in ("data", "labels", "annotations")}


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(name for name in value if isinstance(name, str))


def applied_annotation(
    data: Iterable[str], labels: Iterable[str], annotations: Iterable[str]
) -> str:
    """The value that `applied` reads back."""
    parts = {"data": sorted(data), "labels": sorted(labels), "annotations": sorted(annotations)}
    return json.dumps(parts, separators=(",", ":"))


def times(token: AccessToken) -> tuple[str, str]:
    """`expires-at` and `issued-at` as they are stored."""
    return format_time(token.expires_at), format_time(token.issued_at)


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value, separators=(",", ":")).encode()).hexdigest()
