"""Builders of the domain's values: each is valid as it stands, and a test names what matters.

All of them tell of one credential, `clinic/ehr`, on schedule at NOW.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from redox_operator.domain.access_token import AccessToken
from redox_operator.domain.conditions import Situation
from redox_operator.domain.credential import Credential, Key, SecretKeyRef, TargetSpec
from redox_operator.domain.endpoint import US, Endpoint
from redox_operator.domain.errors import EndpointUnavailable, RedoxOperatorError
from redox_operator.domain.policies import Failure, Observed
from redox_operator.domain.rendering import create_body, render
from redox_operator.domain.target import Owner, Target, is_intact
from tests.support.manifests import credential_manifest

NOW = 1_795_435_200.0
"""2026-11-23T12:00:00Z, in seconds since the epoch."""
UID = "5c0f8f5e-0000-4000-8000-000000000001"
INPUT_HASH = "v1:input-1"
TOKEN = "token-1"


def token(
    lifetime: float = 300.0, issued_at: float = NOW, *, value: str = TOKEN, scope: str = ""
) -> AccessToken:
    """A token sent for at `issued_at`."""
    return AccessToken(value, issued_at, issued_at + lifetime, scope)


def endpoint(**changes: Any) -> Endpoint:
    """The endpoint US."""
    return replace(US, **changes)


def target_spec(**changes: Any) -> TargetSpec:
    """The Secret `ehr-token`, with nothing of the author's."""
    return replace(TargetSpec("ehr-token"), **changes)


def credential(**changes: Any) -> Credential:
    """The credential `clinic/ehr` with the least that a spec says."""
    least = Credential(
        key=Key("clinic", "ehr"),
        uid=UID,
        generation=1,
        client_id="client-1",
        private_key=SecretKeyRef("ehr-redox-key"),
        target=target_spec(),
    )
    return replace(least, **changes)


def credential_body(
    name: str = "ehr",
    *,
    namespace: str = "clinic",
    uid: str = UID,
    generation: int = 1,
    annotations: Mapping[str, str] | None = None,
    status: Mapping[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """The same as the API has it; `spec` replaces fields of its spec, None leaves one out."""
    body = credential_manifest(name, namespace=namespace, **spec)
    body["metadata"] |= {"uid": uid, "generation": generation, "resourceVersion": "1"}
    if annotations is not None:
        body["metadata"]["annotations"] = dict(annotations)
    if status is not None:
        body["status"] = dict(status)
    return body


def owner(**changes: Any) -> Owner:
    """The credential as the controller of its target."""
    ours = Owner(group="redox-operator.dev", kind="RedoxCredential", name="ehr", uid=UID)
    return replace(ours, **changes)


def target_secret(
    stored: AccessToken | None = None,
    *,
    of: Credential | None = None,
    by: Endpoint | None = None,
    input_hash: str | None = INPUT_HASH,
) -> dict[str, Any]:
    """The target Secret as the API has it after the operator created it."""
    of = of or credential()
    body = create_body(of, render(of, by or endpoint(), stored or token(), input_hash))
    body["metadata"] |= {"uid": "uid-of-the-secret", "resourceVersion": "7"}
    return body


def target_of(secret: Mapping[str, Any]) -> Target:
    """What the operator sees of a Secret whose data it read."""
    metadata = secret["metadata"]
    references = metadata.get("ownerReferences", [])
    controllers = [each for each in references if each.get("controller")]
    annotations = metadata.get("annotations", {})
    data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    return Target(
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        labels=metadata.get("labels", {}),
        annotations=annotations,
        owner=None
        if not controllers
        else Owner(
            controllers[0]["apiVersion"].partition("/")[0],
            *(controllers[0][name] for name in ("kind", "name", "uid")),
        ),
        other_owners=tuple(each for each in references if not each.get("controller")),
        type=secret["type"],
        immutable=secret.get("immutable", False),
        intact=is_intact(annotations, data),
    )


def target(
    stored: AccessToken | None = None,
    *,
    of: Credential | None = None,
    by: Endpoint | None = None,
    input_hash: str | None = INPUT_HASH,
    **changes: Any,
) -> Target:
    """The target as it was seen after the operator wrote it."""
    return replace(target_of(target_secret(stored, of=of, by=by, input_hash=input_hash)), **changes)


def failure(error: RedoxOperatorError | None = None, **changes: Any) -> Failure:
    """The first failure of its kind, just now; tried again in a second."""
    first = Failure(
        error=error or EndpointUnavailable("The endpoint did not answer."),
        since=NOW,
        attempts=1,
        retry_at=NOW + 1,
    )
    return replace(first, **changes)


def observed(**changes: Any) -> Observed:
    """A credential whose token of 300 s was issued at NOW and is stored as it should be.

    The target follows the other values unless it is given; without a token there is none.
    """
    values = {
        "now": NOW,
        "credential": credential(),
        "endpoint": endpoint(),
        "token": token(),
        "token_input_hash": INPUT_HASH,
        "expected_input_hash": INPUT_HASH,
        "input_issued_at": NOW,
        "endpoint_names": ("US", "Canada"),
        **changes,
    }
    if "target" not in values:
        values["target"] = values["token"] and target(
            values["token"],
            of=values["credential"],
            by=values["endpoint"],
            input_hash=values["token_input_hash"],
        )
    return Observed(**values)


def situation(**changes: Any) -> Situation:
    """The same as it is told in status."""
    on_schedule = Situation(now=NOW, generation=1, token=token(value=""))
    return replace(on_schedule, **changes)
