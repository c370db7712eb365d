"""Writes that only a leader begins: the ports of the API server, with that question before each.

Reads pass, for a standby stays warm. What is under way when leadership is lost ends as it may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redox_operator.controllers.ports import (
    CredentialsPort,
    EventsPort,
    Leads,
    SecretsPort,
    TargetReadLike,
)
from redox_operator.domain.credential import Credential, Key
from redox_operator.domain.errors import ClusterError
from redox_operator.domain.rendering import Rendered
from redox_operator.domain.target import Target


class NotLeading(ClusterError):
    """This replica stopped leading before it could write."""


@dataclass(frozen=True, slots=True)
class GatedSecrets:
    """`SecretsPort`; writes raise `NotLeading` where this replica does not lead."""

    port: SecretsPort
    leads: Leads

    async def read_private_key(self, credential: Credential) -> bytes:
        """See `SecretsPort`."""
        return await self.port.read_private_key(credential)

    async def read_target(self, credential: Credential) -> TargetReadLike | None:
        """See `SecretsPort`."""
        return await self.port.read_target(credential)

    async def list_targets(self, namespace: str | None) -> list[tuple[str, str, Target]]:
        """See `SecretsPort`."""
        return await self.port.list_targets(namespace)

    async def create_target(self, credential: Credential, rendered: Rendered) -> Target:
        """See `SecretsPort`."""
        _check(self.leads)
        return await self.port.create_target(credential, rendered)

    async def patch_target(
        self, credential: Credential, rendered: Rendered, seen: Target
    ) -> Target:
        """See `SecretsPort`."""
        _check(self.leads)
        return await self.port.patch_target(credential, rendered, seen)


@dataclass(frozen=True, slots=True)
class GatedCredentials:
    """`CredentialsPort`; writes raise `NotLeading` where this replica does not lead."""

    port: CredentialsPort
    leads: Leads

    async def list(self, namespace: str | None) -> tuple[list[dict[str, Any]], str]:
        """See `CredentialsPort`."""
        return await self.port.list(namespace)

    async def patch_status(self, key: Key, uid: str, patch: dict[str, Any]) -> str | None:
        """See `CredentialsPort`."""
        _check(self.leads)
        return await self.port.patch_status(key, uid, patch)


@dataclass(frozen=True, slots=True)
class GatedEvents:
    """`EventsPort`; posts raise `NotLeading` where this replica does not lead."""

    port: EventsPort
    leads: Leads

    async def post(self, key: Key, uid: str, *, warning: bool, reason: str, note: str) -> None:
        """See `EventsPort`."""
        _check(self.leads)
        await self.port.post(key, uid, warning=warning, reason=reason, note=note)


def _check(leads: Leads) -> None:
    if not leads():
        raise NotLeading("This replica no longer leads; the one that does writes instead.")
