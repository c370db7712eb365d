"""From a token to the target Secret: what is written, and the requests' bodies that write it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redox_operator.domain import placeholders, target
from redox_operator.domain.access_token import AccessToken
from redox_operator.domain.credential import API_VERSION, KIND, Credential
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.reserved import STANDARD_KEYS, is_reserved_key, is_reserved_name
from redox_operator.domain.target import Target

_LABELS = {
    "app.kubernetes.io/managed-by": "redox-operator",
    target.ROLE_LABEL: target.ROLE_TARGET,
    # A token is dead when a backup is restored.
    "velero.io/exclude-from-backup": "true",
}
_ANNOTATIONS = {
    # Both act on every change of a Secret, which is every other minute here.
    "argocd.argoproj.io/ignore-resource-updates": "true",
    "reloader.stakater.com/ignore": "true",
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """All that the operator wants in the target Secret."""

    data: Mapping[str, str] = field(repr=False)
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def render(
    credential: Credential, endpoint: Endpoint, token: AccessToken, input_hash: str | None
) -> Rendered:
    """The Secret's content for this token. `input_hash` is None where it is not known."""
    spec = credential.target
    expires_at, issued_at = target.times(token)
    values = {
        "accessToken": token.value,
        "tokenType": token.token_type,
        "expiresAt": expires_at,
        "authorization": token.authorization,
        "scope": token.scope,
        "fhirBaseUrl": endpoint.fhir_base_url,
    }
    standard = (token.value, token.token_type, expires_at, token.authorization)
    data = dict(zip(STANDARD_KEYS, standard, strict=True))
    for key, template in spec.string_data.items():
        data[key] = placeholders.expand(template, values)
    annotations = {
        **spec.annotations,
        **_ANNOTATIONS,
        target.CREDENTIAL: target.credential_reference(credential),
        target.EXPIRES_AT: expires_at,
        target.ISSUED_AT: issued_at,
        target.CONTENT_HASH: target.content_hash(data, expires_at, issued_at),
        target.APPLIED: target.applied_annotation(spec.string_data, spec.labels, spec.annotations),
    }
    if input_hash is not None:
        annotations[target.INPUT_HASH] = input_hash
    if token.scope:
        annotations[target.SCOPE] = token.scope
    return Rendered(data, {**spec.labels, **_LABELS}, annotations)


def differs(seen: Target, rendered: Rendered) -> bool:
    """Whether the Secret lacks anything that the operator wants in it."""
    return (
        not seen.intact
        or not rendered.labels.items() <= seen.labels.items()
        or not rendered.annotations.items() <= seen.annotations.items()
    )


def create_body(credential: Credential, rendered: Rendered) -> dict[str, Any]:
    """The body of a POST."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": credential.target.secret_name,
            "namespace": credential.key.namespace,
            "labels": dict(rendered.labels),
            "annotations": dict(rendered.annotations),
            "ownerReferences": [_owner_reference(credential)],
        },
        "data": _encoded(rendered.data),
    }


def patch_body(credential: Credential, rendered: Rendered, seen: Target) -> dict[str, Any]:
    """The body of a merge patch (RFC 7396) on the Secret as it was seen, and on no other.

    What the author dropped from the spec is taken away, by the list of what was applied; what
    others added stays. The controller's ownerReference is swapped only when the Secret is adopted.
    """
    before = target.applied(seen.annotations)
    # A forged list must not make us remove a name that is not an author's; so below.
    gone = {key for key in before["data"] if not is_reserved_key(key)} - rendered.data.keys()
    metadata: dict[str, Any] = {
        "resourceVersion": seen.resource_version,
        "labels": _with_nulls(rendered.labels, before["labels"]),
        "annotations": _with_nulls(rendered.annotations, before["annotations"]),
    }
    if target.SCOPE not in rendered.annotations and target.SCOPE in seen.annotations:
        metadata["annotations"][target.SCOPE] = None
    if seen.owner is None or seen.owner.uid != credential.uid:
        # A merge patch replaces a list whole.
        others = [each for each in seen.other_owners if each.get("uid") != credential.uid]
        metadata["ownerReferences"] = [*others, _owner_reference(credential)]
    return {"metadata": metadata, "data": {**_encoded(rendered.data), **dict.fromkeys(gone)}}


def _with_nulls(wanted: Mapping[str, str], before: tuple[str, ...]) -> dict[str, str | None]:
    gone = {name for name in before if name not in wanted and not is_reserved_name(name)}
    return {**wanted, **dict.fromkeys(gone)}


def _encoded(data: Mapping[str, str]) -> dict[str, str | None]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def _owner_reference(credential: Credential) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": credential.key.name,
        "uid": credential.uid,
        "controller": True,
        # Blocking would make foreground deletion of the credential ask for more rights.
        "blockOwnerDeletion": False,
    }
