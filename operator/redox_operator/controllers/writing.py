"""Bringing the target Secret in line: the token that is held, and nothing of others."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.failures import failed
from redox_operator.controllers.observing import Observer
from redox_operator.controllers.ports import MetricsPort, SecretsPort
from redox_operator.controllers.records import Record
from redox_operator.domain import target
from redox_operator.domain.access_token import AccessToken
from redox_operator.domain.credential import Credential
from redox_operator.domain.errors import (
    ClusterError,
    Conflict,
    CredentialError,
    NotFound,
    TargetImmutable,
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
        """See the target as the API has it, and hold the token in it."""
        found = await self.secrets.read_target(credential)
        record.target_known, record.target_read_at = True, self.clock.read().boot
        record.target = None if found is None else found.target
        record.target_version = None
        if found is None or not found.access_token:
            return
        if target.ownership(found.target, credential) is Ownership.FOREIGN:
            return
        now = self.observer.now(record)
        token = target.stored_token(
            found.target, now, self.observer.max_lifetime_seconds, found.access_token
        )
        if token is not None and self._is_younger(record, token, now):
            record.token = token
            record.token_input_hash = found.target.annotations.get(target.INPUT_HASH)
            record.token_boot = self.clock.read().boot
            record.token_age = max(0.0, now - token.issued_at)

    async def write(self, record: Record, observed: Observed) -> None:
        """Store the held token in the target as it was seen."""
        token, endpoint, credential = record.token, observed.endpoint, observed.credential
        if token is None or endpoint is None:
            return
        rendered = render(credential, endpoint, token, record.token_input_hash)
        seen, outcome = record.target, "error"
        try:
            if seen is None:
                record.target = await self.secrets.create_target(credential, rendered)
                outcome = "created"
            else:
                record.target = await self.secrets.patch_target(credential, rendered, seen)
                outcome = "updated"
        except Conflict as error:
            outcome = "conflict"
            self._fail(record, observed, error)
        except NotFound as error:
            self._fail(record, observed, error)
        except CredentialError as error:
            outcome = error.reason
            self._fail(record, observed, error)
        except ClusterError as error:
            self._fail(record, observed, error)
        else:
            record.write_failure, record.target_read_at = None, self.clock.read().boot
            self._measure(observed, seen, token)
        finally:
            self.metrics.secret_write(outcome)

    def _is_younger(self, record: Record, token: AccessToken, now: float) -> bool:
        held = record.token
        if held is None or held.expires_at <= now:
            return True
        # What this process issued for a newer input is not undone by what is still stored.
        return token.expires_at > held.expires_at

    def _fail(
        self, record: Record, observed: Observed, error: ClusterError | CredentialError
    ) -> None:
        # After any failure what was seen is not what is there; a write whose outcome is unknown
        # is read before it is repeated.
        record.target_known = False
        before_deadline = observed.now < self.observer.deadline(record)
        record.write_failure = failed(
            record.write_failure, error, observed.now, before_deadline=before_deadline
        )
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
