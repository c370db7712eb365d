"""One permit, one assertion, one request: what an endpoint's queue grants turns for."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.endpoint_queue import Answer, EndpointQueue
from redox_operator.controllers.failures import note_request_failure, place_of
from redox_operator.controllers.key_choice import accept_key, key_index, try_next_key
from redox_operator.controllers.observing import Observer, expected_input_hash, inputs
from redox_operator.controllers.ports import MetricsPort, SignPort, TokenEndpointPort
from redox_operator.controllers.records import Record, Records
from redox_operator.domain.access_token import AccessToken, TokenResponse
from redox_operator.domain.clock_correction import LIMIT, THRESHOLD, ClockCorrection, Reading
from redox_operator.domain.credential import Credential, Key
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.errors import (
    ClientRejected,
    EndpointUnavailable,
    RateLimited,
    RedoxOperatorError,
    TokenRequestError,
)
from redox_operator.domain.policies import Failure, Issue, decide
from redox_operator.domain.private_key import KeySet
from redox_operator.domain.target import same_input
from redox_operator.domain.timestamps import format_time

logger = logging.getLogger(__name__)

BACKDATED = 30.0
"""Seconds by which `iat` is earlier than now: endpoints refuse what is issued in their future."""
_CLOCK_STATUS = frozenset({200, 400, 401})
"""Answers whose `Date` is the endpoint's own, not a proxy's in between."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What a request was sent with; spec, key and configuration may change until its answer."""

    record: Record
    credential: Credential
    endpoint: Endpoint
    correction: ClockCorrection
    keys: KeySet
    content_hash: str
    index: int
    """Of the key that signs."""
    input_hash: str | None
    sent: Reading


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

    async def issue(self, key: Key, queue: EndpointQueue) -> Answer:
        """Use a turn for this credential, if it still needs a token of this very endpoint."""
        record = self.records.get(key)
        if record is None or not isinstance(record.credential, Credential):
            return Answer.UNUSED
        asked = self.observer.inputs(record.credential)
        try:
            attempt = self._attempt(record, record.credential, queue)
            return Answer.UNUSED if attempt is None else await self._request(attempt, queue)
        except Exception as error:  # noqa: BLE001 - without a failure it would be sent in a loop
            logger.error(  # noqa: TRY400 - its text is what must not be shown
                "the token request of %s failed unexpectedly: %s", key, place_of(error)
            )
            unexpected = RedoxOperatorError("The token request failed unexpectedly.")
            note_request_failure(record, self.observer, asked, unexpected)
            return Answer.POOR
        finally:
            self.done(key)

    def _attempt(
        self, record: Record, credential: Credential, queue: EndpointQueue
    ) -> _Attempt | None:
        """What to send; None where nothing is due any more."""
        reading = record.key_reading
        if reading is None or reading.keys is None:
            return None
        # The spec may name another endpoint by now, which has turns of its own.
        if self.observer.endpoints.get(credential.endpoint) is not queue:
            return None
        # It may have waited long: what was decided then is decided again.
        if not isinstance(decide(self.observer.observe(record, credential)), Issue):
            return None
        sent = self.clock.read()
        return _Attempt(
            record=record,
            credential=credential,
            endpoint=queue.endpoint,
            correction=queue.correction,
            keys=reading.keys,
            content_hash=reading.content_hash,
            index=key_index(record, sent.boot),
            input_hash=expected_input_hash(record, credential, queue.endpoint),
            sent=sent,
        )

    async def _request(self, attempt: _Attempt, queue: EndpointQueue) -> Answer:
        record, credential, endpoint = attempt.record, attempt.credential, attempt.endpoint
        key, jti, sent = attempt.keys.keys[attempt.index], self.new_jti(), attempt.sent
        assertion = self.sign(
            key,
            client_id=credential.client_id,
            audience=endpoint.audience,
            issued_at=self.observer.sending_time(record) - BACKDATED,
            lifetime=endpoint.assertion_lifetime_seconds,
            assertion_type=endpoint.assertion_type,
            jti=jti,
        )
        record.key_id = key.key_id
        if record.key_reading is not None:
            # A key signs what waited for its turn; the next issue reads it anew.
            record.key_reading.at = float("-inf")
        outcome = "dropped"
        try:
            response = await self.token_endpoint.request_token(
                endpoint, assertion, scopes=credential.scopes, sent_at=self.observer.now(record)
            )
            outcome = "issued"
        except TokenRequestError as error:
            outcome = error.reason
            if error.date is not None and error.status in _CLOCK_STATUS:
                attempt.correction.observe(error.date, sent, self.clock.read())
            return self._refused(attempt, queue, error)
        finally:
            elapsed = self.clock.read().boot - sent.boot
            self.metrics.token_request(endpoint.name, outcome, elapsed)
        if response.date is not None:
            attempt.correction.observe(response.date, sent, self.clock.read())
        self._take(attempt, response)
        logger.info(
            "issued a token",
            extra={
                "credential": str(record.key),
                "endpoint": endpoint.name,
                "key_id": key.key_id,
                "expires_at": format_time(response.token.expires_at),
                "duration_seconds": round(elapsed, 3),
                "jti": jti,
            },
        )
        return Answer.GOOD

    def _take(self, attempt: _Attempt, response: TokenResponse) -> None:
        record, new, received = attempt.record, response.token, self.clock.read()
        record.request_failure = None
        accept_key(record)
        held = record.token
        if not same_input(record.token_input_hash, attempt.input_hash):
            held = None
            if record.token is not None:
                record.input_issued_at = attempt.sent.boot
        if held is not None and new.expires_at < held.expires_at > new.issued_at:
            # Never a shorter life for readers; the endpoint's lives got shorter, so plan by it.
            record.planned_from = new
            return
        flight = received.boot - attempt.sent.boot
        record.token = _dated(new, self.observer.sending_time(record) - flight, held)
        record.token_input_hash, record.planned_from = attempt.input_hash, None
        record.token_boot, record.token_age = attempt.sent.boot, 0.0
        record.token_age_is_sure = True
        if response.date is not None and abs(attempt.correction.skew(received)) <= LIMIT:
            record.token_is_dated = True

    def _refused(self, attempt: _Attempt, queue: EndpointQueue, error: TokenRequestError) -> Answer:
        record, endpoint = attempt.record, attempt.endpoint
        if (
            isinstance(error, ClientRejected)
            and error.public_key_not_found
            and try_next_key(
                record, attempt.keys, attempt.content_hash, attempt.index, self.clock.read().boot
            )
        ):
            return Answer.GOOD
        answer = Answer.GOOD
        if isinstance(error, EndpointUnavailable):
            answer = Answer.POOR
            if queue.trouble is None or type(queue.trouble.error) is not type(error):
                queue.trouble = Failure(error, self.observer.now(record), 1, 0.0)
            limited = isinstance(error, RateLimited)
            same_server = queue.endpoint.token_url == endpoint.token_url
            if same_server and (limited or error.retry_after is not None):
                queue.hold(error.retry_after, halve=limited)
        asked = inputs(attempt.credential, endpoint)
        note_request_failure(record, self.observer, asked, error)
        logger.warning(
            "no token: %s",
            error.message,
            extra={
                "credential": str(record.key),
                "endpoint": endpoint.name,
                "key_id": record.key_id,
                "reason": error.reason,
            },
        )
        return answer


def _dated(token: AccessToken, sent_at: float, held: AccessToken | None) -> AccessToken:
    """The token as sent for at `sent_at`, where the time that was believed then was off.

    The answer's `Date` may be the first to tell so. It never dies before the held one, though: a
    stored expiry does not go back.
    """
    issued_at = sent_at
    if held is not None:
        issued_at = max(issued_at, held.expires_at - token.lifetime)
    # Within the rounding of `Date` and of whole seconds there is nothing to correct.
    if abs(issued_at - token.issued_at) <= THRESHOLD + 1:
        return token
    issued_at = float(math.floor(issued_at))
    return replace(token, issued_at=issued_at, expires_at=issued_at + token.lifetime)
