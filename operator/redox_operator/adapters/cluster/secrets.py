"""Reading private keys, and reading and writing target Secrets.

Every request names its namespace. Nothing here lists Secrets with their data.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redox_operator.adapters.cluster.connection import (
    MERGE_PATCH,
    METADATA,
    METADATA_LIST,
    Connection,
)
from redox_operator.adapters.cluster.pages import pages
from redox_operator.domain import target
from redox_operator.domain.credential import Credential
from redox_operator.domain.errors import (
    Forbidden,
    Invalid,
    KeyInvalid,
    KeyNotFound,
    NamespaceGone,
    NotFound,
    QuotaExceeded,
    TargetError,
    TargetImmutable,
    TargetTooLarge,
    WriteDenied,
)
from redox_operator.domain.rendering import Rendered, create_body, patch_body
from redox_operator.domain.target import Owner, Target

FIELD_MANAGER = "redox-operator"
MAX_SECRET = 256 * 1024
"""Bytes of a Secret that is read whole: larger ones are not ours, and memory is everyone's."""
MAX_DATA = 160 * 1024
"""Bytes of the values that are written: encoded and with metadata they stay below `MAX_SECRET`."""

TARGET_SELECTOR = f"{target.ROLE_LABEL}={target.ROLE_TARGET}"


@dataclass(frozen=True, slots=True)
class TargetRead:
    """A target Secret that was read whole, and the token in it where it is intact."""

    target: Target
    access_token: str | None = field(repr=False)


class Secrets:
    """Secrets of the cluster."""

    def __init__(self, connection: Connection, *, require_key_label: bool = False) -> None:
        self._connection = connection
        self._require_key_label = require_key_label
        self._reads: dict[tuple[str, str], asyncio.Task[dict[str, Any]]] = {}

    async def read_private_key(self, credential: Credential) -> bytes:
        """The content of the key Secret's key.

        Raises `KeyNotFound`, `KeyInvalid`, or `ClusterUnavailable`.
        """
        reference = credential.private_key
        name = f"The Secret {reference.name}"
        try:
            secret = await self._get_once(credential.key.namespace, reference.name)
        except NotFound as error:
            raise KeyNotFound(
                f"{name} does not exist in the namespace {credential.key.namespace}. Create it "
                f"with the private key as {reference.key}, or correct spec.privateKey.secretRef."
            ) from error
        except Forbidden as error:
            raise KeyNotFound(
                f"{name} may not be read. Let the operator's service account get Secrets in the "
                f"namespace {credential.key.namespace}."
            ) from error
        except Invalid as error:
            raise KeyInvalid(f"{name} is too large. Store the private key alone in it.") from error
        labels = secret["metadata"].get("labels") or {}
        if self._require_key_label and labels.get(target.ROLE_LABEL) != target.ROLE_KEY:
            raise KeyInvalid(
                f"{name} is not labelled as a private key. Label it with "
                f"{target.ROLE_LABEL}={target.ROLE_KEY}."
            )
        if secret.get("type", "Opaque") != "Opaque":
            raise KeyInvalid(f"{name} is not of type Opaque. Store the private key in one that is.")
        content = (secret.get("data") or {}).get(reference.key)
        if content is None:
            raise KeyNotFound(
                f"{name} has no key {reference.key}. Store the private key there, or correct "
                "spec.privateKey.secretRef.key."
            )
        return base64.b64decode(content)

    async def read_target(self, credential: Credential) -> TargetRead | None:
        """The target Secret, or None where there is no Secret of that name."""
        try:
            secret = await self._get(credential.key.namespace, credential.target.secret_name)
        except NotFound:
            return None
        except Invalid:
            return await self._read_large_target(credential)
        data = _decoded(secret.get("data") or {})
        seen = parse_target(secret)
        intact = target.is_intact(seen.annotations, data)
        if not intact:
            seen = parse_target(secret, intact=False)
        return TargetRead(seen, data.get("access_token") if intact else None)

    async def create_target(self, credential: Credential, rendered: Rendered) -> Target:
        """Create the target. Raises `Conflict` where one exists, a `TargetError` where refused."""
        _check_size(credential, rendered)
        path = f"/api/v1/namespaces/{credential.key.namespace}/secrets"
        return await self._write("create", path, credential, create_body(credential, rendered))

    async def patch_target(
        self, credential: Credential, rendered: Rendered, seen: Target
    ) -> Target:
        """Change the target as it was seen.

        Raises `Conflict` where it changed since, `NotFound` where it is gone, a `TargetError`
        where refused.
        """
        _check_size(credential, rendered)
        path = _path(credential.key.namespace, credential.target.secret_name)
        return await self._write("patch", path, credential, patch_body(credential, rendered, seen))

    async def list_targets(self, namespace: str | None) -> list[tuple[str, str, Target]]:
        """Namespace, name and metadata of all target Secrets; never their data."""
        scope = "" if namespace is None else f"/namespaces/{namespace}"
        found: list[tuple[str, str, Target]] = []
        async for page in pages(
            self._connection,
            "secrets",
            f"/api/v1{scope}/secrets",
            label_selector=TARGET_SELECTOR,
            accept=METADATA_LIST,
        ):
            for item in page.get("items") or ():
                metadata = item["metadata"]
                found.append((metadata["namespace"], metadata["name"], parse_target(item)))
        return found

    async def _get_once(self, namespace: str, name: str) -> dict[str, Any]:
        """A read that all who ask at the same moment share: many credentials may have one key."""
        place = (namespace, name)
        read = self._reads.get(place)
        if read is None:
            read = self._reads[place] = asyncio.create_task(self._get(namespace, name))
            read.add_done_callback(lambda done: self._read_done(place, done))
        return await asyncio.shield(read)

    def _read_done(self, place: tuple[str, str], read: asyncio.Task[dict[str, Any]]) -> None:
        del self._reads[place]
        if not read.cancelled():
            # Whoever asked may have been cancelled meanwhile; then nobody takes the error.
            read.exception()

    async def _get(self, namespace: str, name: str) -> dict[str, Any]:
        return await self._connection.request(
            "get", "secrets", _path(namespace, name), max_body=MAX_SECRET
        )

    async def _read_large_target(self, credential: Credential) -> TargetRead:
        secret = await self._connection.request(
            "get",
            "secrets",
            _path(credential.key.namespace, credential.target.secret_name),
            accept=METADATA,
        )
        return TargetRead(parse_target(secret, intact=False), None)

    async def _write(
        self, verb: str, path: str, credential: Credential, body: dict[str, Any]
    ) -> Target:
        content_type = MERGE_PATCH if verb == "patch" else "application/json"
        try:
            answer = await self._connection.request(
                verb,
                "secrets",
                path,
                query={"fieldManager": FIELD_MANAGER},
                body=body,
                content_type=content_type,
                accept=METADATA,
            )
        except (Forbidden, Invalid) as error:
            raise _refusal(error, credential) from error
        except NotFound as error:
            if verb == "create":
                namespace = credential.key.namespace
                raise NamespaceGone(
                    f"The namespace {namespace} does not exist any more."
                ) from error
            raise
        return parse_target(answer)


def parse_target(secret: Mapping[str, Any], *, intact: bool = True) -> Target:
    """The metadata of a Secret, whole or as `PartialObjectMetadata`."""
    metadata = secret["metadata"]
    references = metadata.get("ownerReferences") or ()
    owner = next(
        (
            Owner(
                reference.get("apiVersion", "").partition("/")[0],
                reference.get("kind", ""),
                reference.get("name", ""),
                reference.get("uid", ""),
            )
            for reference in references
            if reference.get("controller")
        ),
        None,
    )
    return Target(
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        owner=owner,
        other_owners=tuple(each for each in references if not each.get("controller")),
        type=secret.get("type", "Opaque"),
        immutable=secret.get("immutable") is True,
        intact=intact,
    )


def _check_size(credential: Credential, rendered: Rendered) -> None:
    """A Secret that is too large to be read again must not be written."""
    if sum(map(len, rendered.data.values())) > MAX_DATA:
        raise _too_large(credential)


def _too_large(credential: Credential) -> TargetTooLarge:
    return TargetTooLarge(
        f"The Secret {credential.target.secret_name} would be too large. Take keys or "
        "placeholders out of spec.target.stringData."
    )


def _refusal(error: Forbidden | Invalid, credential: Credential) -> TargetError:
    name, namespace = credential.target.secret_name, credential.key.namespace
    if isinstance(error, Invalid):
        if error.too_large:
            return _too_large(credential)
        if error.immutable:
            return TargetImmutable(
                f"The Secret {name} does not take the change (HTTP {error.status}): it is "
                "immutable or of another type. Delete it; it is then created anew."
            )
        return WriteDenied(
            f"The Secret {name} is refused as invalid (HTTP {error.status}). Look at labels and "
            "annotations in spec.target, and for an admission webhook or policy that refuses it."
        )
    if error.terminating:
        return NamespaceGone(f"The namespace {namespace} is being deleted.")
    if error.quota:
        return QuotaExceeded(
            f"A ResourceQuota of the namespace {namespace} refuses the Secret {name}. Raise it, "
            "or delete Secrets that are not used."
        )
    return WriteDenied(
        f"The Secret {name} may not be written (HTTP 403). Let the operator's service account "
        f"create and patch Secrets in the namespace {namespace}, and look for an admission "
        "webhook or policy that refuses it."
    )


def _path(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{namespace}/secrets/{name}"


def _decoded(data: Mapping[str, str]) -> dict[str, str]:
    """Text of all values that are text; others cannot be ours."""
    decoded = {}
    for key, value in data.items():
        try:
            decoded[key] = base64.b64decode(value).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return decoded
