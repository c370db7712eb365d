"""From a record to what the policies see."""

from __future__ import annotations

from dataclasses import dataclass, replace

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.endpoint_queue import EndpointQueue
from redox_operator.controllers.endpoint_queues import EndpointQueues
from redox_operator.controllers.records import Record
from redox_operator.domain import target
from redox_operator.domain.access_token import AccessToken
from redox_operator.domain.clock_correction import LIMIT, Reading
from redox_operator.domain.credential import Credential
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.errors import CredentialError, Retry
from redox_operator.domain.lanes import Lane
from redox_operator.domain.policies import Failure, Observed
from redox_operator.domain.refresh import Margins, deadline

WAITED = 9.0
"""Seconds in a queue after which what holds up the endpoint is told of those who wait, too."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Reads records by the clock and the configuration as they are now."""

    clock: Clock
    endpoints: EndpointQueues
    margins: Margins
    max_lifetime_seconds: float

    def now(self, record: Record) -> float:
        """The corrected time for this credential, in seconds since the epoch.

        Never earlier than the held token's age allows: a wall clock that is set back must not
        make a token look young.
        """
        reading = self.clock.read()
        corrected = self._corrected(record, reading)
        if not record.token_age_is_sure and self._is_told(record, reading):
            return corrected
        return max(corrected, _by_age(record, reading))

    def _is_told(self, record: Record, reading: Reading) -> bool:
        """Whether the endpoint has told its time, and it is one that is believed."""
        queue = self._queue(record)
        if queue is None or not queue.correction.is_known:
            return False
        return abs(queue.correction.skew(reading)) <= LIMIT

    def age(self, record: Record) -> float:
        """Seconds since the held token was sent for; there must be one."""
        reading = self.clock.read()
        assert record.token is not None  # noqa: S101 - for the type checker
        if not record.token_age_is_sure and self._is_told(record, reading):
            return self._corrected(record, reading) - record.token.issued_at
        return record.token_age + reading.boot - record.token_boot

    def sending_time(self, record: Record) -> float:
        """The time for an assertion, which endpoints refuse when it is off.

        Where the wall clock is farther off than is corrected, the held token's age tells the time,
        if its own times were right.
        """
        reading = self.clock.read()
        now, queue = self._corrected(record, reading), self._queue(record)
        if queue is None or abs(queue.correction.skew(reading)) <= LIMIT:
            return now
        return max(now, _by_age(record, reading)) if record.token_is_dated else now

    def _corrected(self, record: Record, reading: Reading) -> float:
        queue = self._queue(record)
        return reading.wall if queue is None else queue.correction.now(reading)

    def _queue(self, record: Record) -> EndpointQueue | None:
        if not isinstance(record.credential, Credential):
            return None
        return self.endpoints.get(record.credential.endpoint)

    def observe(self, record: Record, credential: Credential) -> Observed:
        """All that a decision about this credential rests on."""
        queue = self.endpoints.get(credential.endpoint)
        endpoint = None if queue is None else queue.endpoint
        now, boot = self.now(record), self.clock.read().boot
        request_failure = _dated(record.request_failure, now - boot)
        if request_failure is not None and record.inputs != inputs(credential, endpoint):
            request_failure = replace(request_failure, retry_at=now)
        input_issued_at = record.input_issued_at
        return Observed(
            now=now,
            credential=credential,
            endpoint=endpoint,
            target=record.target,
            token=record.token,
            token_input_hash=record.token_input_hash,
            expected_input_hash=expected_input_hash(record, credential, endpoint),
            planned_from=record.planned_from,
            input_issued_at=None if input_issued_at is None else now - boot + input_issued_at,
            request_failure=request_failure,
            write_failure=_dated(record.write_failure, now - boot),
            waits_for=None if queue is None or queue.waited(record.key) < WAITED else queue.trouble,
            endpoint_names=self.endpoints.names(credential.key.namespace),
            margins=self.margins,
            max_lifetime_seconds=self.max_lifetime_seconds,
        )

    def inputs(self, credential: Credential) -> object:
        """What a request for this credential depends on now."""
        queue = self.endpoints.get(credential.endpoint)
        return inputs(credential, None if queue is None else queue.endpoint)

    def deadline(self, record: Record) -> float:
        """By when this credential needs its next token; it orders queues.

        Without a token nobody's mount goes stale, so refreshes come first; among equals, the
        first come.
        """
        now = self.now(record)
        token = record.token or self.stored_token(record, now)
        if token is None or token.expires_at <= now:
            return float("inf")
        return deadline(token, self.margins)

    def stored_token(self, record: Record, now: float) -> AccessToken | None:
        """The token in the target by its metadata, if it counts and is this credential's."""
        seen, credential = record.target, record.credential
        if seen is None or not isinstance(credential, Credential):
            return None
        if target.ownership(seen, credential) is target.Ownership.FOREIGN:
            return None
        return target.stored_token(seen, now, self.max_lifetime_seconds)

    def turn(self, record: Record) -> tuple[Lane, float]:
        """In which lane a credential waits for its endpoint, and its deadline by the boot clock.

        A deadline that has passed orders as well: who expired first is served first. Who never
        had a token comes last in its lane. What was rejected with another spec, or by another
        server, is no rejection of what is asked now.
        """
        now, boot, token = self.now(record), self.clock.read().boot, record.token
        due = float("inf") if token is None else boot + deadline(token, self.margins) - now
        if self._is_rejected(record):
            return Lane.REJECTED, due
        if token is None or token.expires_at <= now:
            return Lane.FIRST, due
        return Lane.REFRESH, due

    def _is_rejected(self, record: Record) -> bool:
        failure, credential = record.request_failure, record.credential
        if failure is None or not isinstance(credential, Credential):
            return False
        error = failure.error
        rejected = isinstance(error, CredentialError) and error.retry is Retry.REJECTED
        return rejected and record.inputs == self.inputs(credential)

    def before_deadline(self, record: Record) -> bool:
        """Whether an attempt may still be of use to mounted readers, or to those of a first token.

        Then the next one follows soon.
        """
        token = record.token
        return token is None or self.now(record) < deadline(token, self.margins)


def _by_age(record: Record, reading: Reading) -> float:
    """The time that the held token's age tells."""
    if record.token is None:
        return float("-inf")
    return record.token.issued_at + record.token_age + reading.boot - record.token_boot


def _dated(failure: Failure | None, since_boot: float) -> Failure | None:
    """With `retry_at` by the corrected clock."""
    if failure is None:
        return None
    return replace(failure, retry_at=since_boot + failure.retry_at)


def inputs(credential: Credential, endpoint: Endpoint | None) -> object:
    """What a request depends on: when it changes, a failure says nothing about the next one."""
    return (
        credential.client_id,
        credential.private_key,
        credential.key_id,
        credential.algorithm,
        credential.scopes,
        credential.refresh_request,
        endpoint,
    )


def expected_input_hash(
    record: Record, credential: Credential, endpoint: Endpoint | None
) -> str | None:
    """What the next token would be issued for; None while the key has not been read."""
    if record.key_reading is None or endpoint is None:
        return None
    return target.input_hash(credential, endpoint, record.key_reading.thumbprint)
