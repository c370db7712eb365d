"""From a record to what the policies see."""

from __future__ import annotations

from dataclasses import dataclass, replace

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.endpoint_queues import EndpointQueues
from redox_operator.controllers.records import Record
from redox_operator.domain import target
from redox_operator.domain.credential import Credential
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.policies import Observed
from redox_operator.domain.refresh import Margins, deadline


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
        queue = None
        if isinstance(record.credential, Credential):
            queue = self.endpoints.get(record.credential.endpoint)
        now = reading.wall if queue is None else queue.correction.now(reading)
        if record.token is None:
            return now
        age = record.token_age + reading.boot - record.token_boot
        return max(now, record.token.issued_at + age)

    def observe(self, record: Record, credential: Credential) -> Observed:
        """All that a decision about this credential rests on."""
        queue = self.endpoints.get(credential.endpoint)
        endpoint = None if queue is None else queue.endpoint
        now = self.now(record)
        request_failure = record.request_failure
        if request_failure is not None and record.inputs != inputs(credential, endpoint):
            request_failure = replace(request_failure, retry_at=now)
        return Observed(
            now=now,
            credential=credential,
            endpoint=endpoint,
            target=record.target,
            token=record.token,
            token_input_hash=record.token_input_hash,
            expected_input_hash=expected_input_hash(record, credential, endpoint),
            planned_from=record.planned_from,
            last_sent_at=record.last_sent_at,
            request_failure=request_failure,
            write_failure=record.write_failure,
            endpoint_names=self.endpoints.names(credential.key.namespace),
            margins=self.margins,
            max_lifetime_seconds=self.max_lifetime_seconds,
        )

    def deadline(self, record: Record) -> float:
        """By when this credential needs its next token; it orders queues.

        Without a token nobody's mount goes stale, so refreshes come first; among equals, the
        first come.
        """
        if record.token is None or record.token.expires_at <= self.now(record):
            return float("inf")
        return deadline(record.token, self.margins)


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
