"""One permit, one assertion, one request: what an endpoint's queue grants turns for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.endpoint_queue import Answer, EndpointQueue
from redox_operator.controllers.failures import failed
from redox_operator.controllers.observing import Observer, expected_input_hash, inputs
from redox_operator.controllers.ports import MetricsPort, SignPort, TokenEndpointPort
from redox_operator.controllers.records import KeyChoice, KeyReading, Record, Records
from redox_operator.domain.access_token import TokenResponse
from redox_operator.domain.clock_correction import Reading
from redox_operator.domain.credential import Credential, Key
from redox_operator.domain.errors import (
    ClientRejected,
    EndpointUnavailable,
    RateLimited,
    TokenRequestError,
)
from redox_operator.domain.policies import Issue, decide
from redox_operator.domain.target import same_input

logger = logging.getLogger(__name__)

BACKDATED = 30.0
"""Seconds by which `iat` is earlier than now: endpoints refuse what is issued in their future."""
CHOICE_HOLDS = 300.0
"""Seconds for which a later key of a set signs before the first is tried again."""
_CLOCK_STATUS = frozenset({200, 400, 401})
"""Answers whose `Date` is the endpoint's own, not a proxy's in between."""


@dataclass(slots=True)
class Issuer:
    """Requests tokens and leaves them in the records; writing them is the reconciler's."""

    records: Records
    observer: Observer
    clock: Clock
    sign: SignPort
    new_jti: Callable[[], str]
    token_endpoint: TokenEndpointPort
    metrics: MetricsPort
    done: Callable[[Key], None]
    """Called at the end, whatever it was."""

    async def issue(self, key: Key) -> Answer:
        """Use a permit for this credential, if it still needs a token."""
        record = self.records.get(key)
        if record is None:
            return Answer.UNUSED
        try:
            credential, reading = record.credential, record.key_reading
            if not isinstance(credential, Credential) or reading is None:
                return Answer.UNUSED
            queue = self.observer.endpoints.get(credential.endpoint)
            # It may have waited long: what was decided then is decided again.
            if queue is None or not isinstance(
                decide(self.observer.observe(record, credential)), Issue
            ):
                return Answer.UNUSED
            return await self._request(record, credential, queue, reading)
        finally:
            self.done(key)

    async def _request(
        self, record: Record, credential: Credential, queue: EndpointQueue, reading: KeyReading
    ) -> Answer:
        if reading.keys is None:
            return Answer.UNUSED
        endpoint, sent = queue.endpoint, self.clock.read()
        now, index, jti = self.observer.now(record), self._key_index(record, sent), self.new_jti()
        key = reading.keys.keys[index]
        record.inputs = inputs(credential, endpoint)
        input_hash = expected_input_hash(record, credential, endpoint)
        assertion = self.sign(
            key,
            client_id=credential.client_id,
            audience=endpoint.audience,
            issued_at=now - BACKDATED,
            lifetime=endpoint.assertion_lifetime_seconds,
            assertion_type=endpoint.assertion_type,
            jti=jti,
        )
        record.last_sent_at, record.key_id = now, key.key_id
        outcome = "dropped"
        try:
            response = await self.token_endpoint.request_token(
                endpoint, assertion, scopes=credential.scopes, sent_at=now
            )
            outcome = "issued"
        except TokenRequestError as error:
            outcome = error.reason
            if error.date is not None and error.status in _CLOCK_STATUS:
                queue.correction.observe(error.date, sent, self.clock.read())
            return self._refused(record, queue, reading, index, error)
        finally:
            elapsed = self.clock.read().boot - sent.boot
            self.metrics.token_request(endpoint.name, outcome, elapsed)
        if response.date is not None:
            queue.correction.observe(response.date, sent, self.clock.read())
        self._take(record, response, input_hash, sent)
        logger.info(
            "issued a token",
            extra={
                "credential": str(record.key),
                "endpoint": endpoint.name,
                "key_id": key.key_id,
                "expires_at": response.token.expires_at,
                "duration_seconds": round(elapsed, 3),
                "jti": jti,
            },
        )
        return Answer.GOOD

    def _take(
        self, record: Record, response: TokenResponse, input_hash: str | None, sent: Reading
    ) -> None:
        held, new = record.token, response.token
        record.request_failure = None
        unchanged = same_input(record.token_input_hash, input_hash)
        if held is not None and unchanged and new.expires_at < held.expires_at > new.issued_at:
            # Never a shorter life for readers; the endpoint's lives got shorter, so plan by it.
            record.planned_from = new
            return
        record.token, record.token_input_hash, record.planned_from = new, input_hash, None
        record.token_boot, record.token_age = sent.boot, 0.0

    def _refused(
        self,
        record: Record,
        queue: EndpointQueue,
        reading: KeyReading,
        index: int,
        error: TokenRequestError,
    ) -> Answer:
        unknown_key = isinstance(error, ClientRejected) and error.public_key_not_found
        if unknown_key and self._choose_next_key(record, reading, index):
            return Answer.GOOD
        answer = Answer.GOOD
        if isinstance(error, EndpointUnavailable):
            answer = Answer.POOR
            limited = isinstance(error, RateLimited)
            if limited or error.retry_after is not None:
                queue.hold(error.retry_after, halve=limited)
        now = self.observer.now(record)
        record.request_failure = failed(
            record.request_failure, error, now, before_deadline=now < self.observer.deadline(record)
        )
        logger.warning(
            "no token: %s",
            error.message,
            extra={
                "credential": str(record.key),
                "endpoint": queue.endpoint.name,
                "key_id": record.key_id,
                "reason": error.reason,
            },
        )
        return answer

    def _key_index(self, record: Record, reading: Reading) -> int:
        choice, known = record.key_choice, record.key_reading
        if choice is None or known is None or choice.content_hash != known.content_hash:
            return 0
        return choice.index if reading.boot < choice.until else 0

    def _choose_next_key(self, record: Record, reading: KeyReading, index: int) -> bool:
        """Move on within the set; False when every key of it has been refused in this round."""
        count = 0 if reading.keys is None else len(reading.keys.keys)
        choice, now = record.key_choice, self.clock.read().boot
        renewed = choice is None or choice.content_hash != reading.content_hash or index == 0
        tried = 1 if renewed or choice is None else choice.tried + 1
        if tried >= count:
            record.key_choice = None
            return False
        record.key_choice = KeyChoice(
            content_hash=reading.content_hash,
            index=(index + 1) % count,
            until=now + CHOICE_HOLDS,
            tried=tried,
        )
        return True
