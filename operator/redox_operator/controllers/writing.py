"""Bringing the target Secret in line: the token that is held, and nothing of others."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.failures import note_write_failure
from redox_operator.controllers.observing import Observer, expected_input_hash
from redox_operator.controllers.ports import MetricsPort, SecretsPort
from redox_operator.controllers.records import Record
from redox_operator.controllers.write_gate import NotLeading
from redox_operator.domain import target
from redox_operator.domain.access_token import AccessToken
from redox_operator.domain.credential import Credential
from redox_operator.domain.errors import (
    ClusterError,
    Conflict,
    CredentialError,
    Forbidden,
    TargetImmutable,
    WriteDenied,
)
from redox_operator.domain.policies import Observed
from redox_operator.domain.refresh import refresh_time
from redox_operator.domain.rendering import render
from redox_operator.domain.target import Ownership, Target

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Writer:
    """Reads and writes targets, and remembers in the record what it saw."""

    secrets: SecretsPort
    observer: Observer
    clock: Clock
    metrics: MetricsPort

    async def read(self, record: Record, credential: Credential) -> None:
        """See the target as the API has it, and hold the token in it.

        Raises a `ClusterError`, or `WriteDenied` where it may not be read.
        """
        # What a watch tells from here on may be newer than the answer.
        deletions, told = record.target_deletions, record.target_version
        record.target_known = False
        try:
            found = await self.secrets.read_target(credential)
        except ClusterError as error:
            if not isinstance(error, Forbidden):
                raise
            raise WriteDenied(
                f"The Secret {credential.target.secret_name} may not be read (HTTP 403). Let the "
                "operator's service account get, create and patch Secrets in the namespace "
                f"{credential.key.namespace}."
            ) from error
        if record.target_version == told:
            # Only from the answer on: until then it is the newest that is known.
            record.target_version = None
        record.target = None if found is None else found.target
        record.target_known = record.target_deletions == deletions
        record.target_read_at = self.clock.read().boot
        if found is None or not found.access_token:
            return
        if target.ownership(found.target, credential) is Ownership.FOREIGN:
            return
        now = self.observer.now(record)
        token = target.stored_token(
            found.target, now, self.observer.max_lifetime_seconds, found.access_token
        )
        input_hash = found.target.annotations.get(target.INPUT_HASH)
        if token is not None and self._is_better(record, credential, token, input_hash, now):
            planned_from = _later_issued(record.token, token)
            record.token, record.token_input_hash = token, input_hash
            record.token_boot = self.clock.read().boot
            record.token_age = max(0.0, now - token.issued_at)
            queue = self.observer.endpoints.get(credential.endpoint)
            record.token_age_is_sure = queue is not None and queue.correction.is_known
            record.token_is_dated, record.planned_from = False, planned_from

    async def write(self, record: Record, observed: Observed) -> None:
        """Store the held token in the target as it was seen.

        Raises `NotLeading` where this replica no longer may; other failures are remembered.
        """
        token, endpoint, credential = record.token, observed.endpoint, observed.credential
        if token is None or endpoint is None:
            return
        rendered = render(credential, endpoint, token, record.token_input_hash)
        seen, deletions = record.target, record.target_deletions
        outcome: str | None = "error"
        try:
            if seen is None:
                record.target = await self.secrets.create_target(credential, rendered)
                outcome = "created"
            else:
                record.target = await self.secrets.patch_target(credential, rendered, seen)
                outcome = "updated"
        except Conflict as error:
            outcome = "conflict"
            self._fail(record, error)
        except CredentialError as error:
            outcome = error.reason
            self._fail(record, error)
        except NotLeading:
            # Nothing was asked of the API server.
            outcome = None
            raise
        except ClusterError as error:
            self._fail(record, error)
        else:
            record.write_failure, record.target_read_at = None, self.clock.read().boot
            record.target_known = record.target_deletions == deletions
            self._measure(observed, seen, token)
        finally:
            if outcome is not None:
                self.metrics.secret_write(outcome)

    def _is_better(
        self,
        record: Record,
        credential: Credential,
        token: AccessToken,
        input_hash: str | None,
        now: float,
    ) -> bool:
        """Whether the stored token goes before the held one."""
        held = record.token
        if held is None or held.expires_at <= now:
            return True
        queue = self.observer.endpoints.get(credential.endpoint)
        wanted = expected_input_hash(record, credential, None if queue is None else queue.endpoint)
        fits = target.same_input(input_hash, wanted)
        # What this process issued for a newer input is not undone by what is still stored.
        if fits != target.same_input(record.token_input_hash, wanted):
            return fits
        # Of two that die together the stored one stays: another process may hold it, and neither
        # must write over the other without end.
        return token.value != held.value and token.expires_at >= held.expires_at

    def _fail(self, record: Record, error: ClusterError | CredentialError) -> None:
        note_write_failure(record, self.observer, error)
        if not isinstance(error, Conflict | TargetImmutable):
            logger.warning(
                "the target was not written: %s", error, extra={"credential": str(record.key)}
            )

    def _measure(self, observed: Observed, seen: Target | None, token: AccessToken) -> None:
        """How late a refresh was, from when it should have started to the write."""
        if seen is None:
            return
        before = target.stored_token(seen, observed.now, observed.max_lifetime_seconds)
        if before is None or before.expires_at >= token.expires_at:
            return
        credential = observed.credential
        due = refresh_time(
            before, credential.uid, observed.margins, credential.before_expiry_seconds
        )
        self.metrics.lateness(max(0.0, observed.now - due))


def _later_issued(held: AccessToken | None, stored: AccessToken) -> AccessToken | None:
    """The held token where it gives way to one that was issued before: the next is planned by it.

    Both die together, so the endpoint's lives got shorter.
    """
    if held is None or held.expires_at != stored.expires_at or held.issued_at <= stored.issued_at:
        return None
    return held
