"""One permit, one assertion, one request: what an endpoint's queue grants turns for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from redox_operator.adapters.token_endpoint.timeouts import Timeouts
from redox_operator.controllers.accepting import accept_token
from redox_operator.controllers.clock import Clock
from redox_operator.controllers.endpoint_queue import EndpointQueue
from redox_operator.controllers.failures import note_request_failure, place_of
from redox_operator.controllers.joining import first_settled
from redox_operator.controllers.key_choice import key_index, try_next_key
from redox_operator.controllers.observing import Observer, expected_input_hash, inputs
from redox_operator.controllers.ports import MetricsPort, SignPort, TokenEndpointPort
from redox_operator.controllers.records import Record, Records
from redox_operator.domain.clock_correction import ClockCorrection, Reading
from redox_operator.domain.credential import Credential, Key
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.errors import (
    ClientRejected,
    EndpointUnavailable,
    KeyInvalid,
    RedoxOperatorError,
    ResponseInvalid,
    Retry,
    TokenRequestError,
)
from redox_operator.domain.policies import Failure, Issue, decide
from redox_operator.domain.private_key import KeySet
from redox_operator.domain.timestamps import format_time

logger = logging.getLogger(__name__)

BACKDATED = 30.0
"""Seconds by which `iat` is earlier than now: endpoints refuse what is issued in their future."""
CUT_OFF_AFTER = 30.0
"""Seconds for an attempt, whose own timeouts are shorter: where they fail, a worker is not lost."""
OWN_TIMEOUT = Timeouts().total
"""Seconds after which an attempt ends by itself."""
LATE = 5.0
"""Seconds by which a timeout is late only where this process, or its machine, stood still: that
says nothing about the endpoint."""
_CLOCK_STATUS = frozenset({200, 400, 401})
"""Answers whose `Date` is the endpoint's own, not a proxy's in between."""


@dataclass(frozen=True, slots=True)
class _Request:
    """What a turn is used for; spec, key and configuration may change until its answer."""

    record: Record
    credential: Credential
    queue: EndpointQueue
    endpoint: Endpoint
    correction: ClockCorrection
    keys: KeySet
    content_hash: str
    index: int
    """Of the key that signs."""
    input_hash: str | None
    inputs: object


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

    async def issue(self, key: Key, queue: EndpointQueue) -> bool:
        """Use a turn for this credential, if it still needs a token of this very endpoint.

        Returns whether anything was sent.
        """
        record = self.records.get(key)
        if record is None or not isinstance(record.credential, Credential):
            return False
        asked = self.observer.inputs(record.credential)
        try:
            request = self._request(record, record.credential, queue)
            if request is None:
                return False
            await first_settled(
                attempt=lambda: self._attempt(request),
                ask=lambda: self._ask_to_join(request),
                give_back=lambda: queue.give_back(key),
            )
        except KeyInvalid as error:
            # Nothing was sent, and it says nothing about the endpoint that others wait for.
            note_request_failure(record, self.observer, asked, error)
            return False
        except Exception as error:  # noqa: BLE001 - without a failure it would be sent in a loop
            logger.error(  # noqa: TRY400 - its text is what must not be shown
                "the token request of %s failed unexpectedly: %s", key, place_of(error)
            )
            unexpected = RedoxOperatorError("The token request failed unexpectedly.")
            note_request_failure(record, self.observer, asked, unexpected)
        finally:
            self.done(key)
        return True

    def _request(
        self, record: Record, credential: Credential, queue: EndpointQueue
    ) -> _Request | None:
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
        return _Request(
            record=record,
            credential=credential,
            queue=queue,
            endpoint=queue.endpoint,
            correction=queue.correction,
            keys=reading.keys,
            content_hash=reading.content_hash,
            index=key_index(record, self.clock.read().boot),
            input_hash=expected_input_hash(record, credential, queue.endpoint),
            inputs=inputs(credential, queue.endpoint),
        )

    def _ask_to_join(self, request: _Request) -> asyncio.Future[None] | None:
        key = request.record.key
        if request.record.request_failure is not None:
            # The turn goes on, and status tells of the attempts that failed.
            self.done(key)
        if not self._is_wanted(request):
            return None
        before_deadline = self.observer.before_deadline(request.record)
        return request.queue.ask_to_join(key, before_deadline=before_deadline)

    def _is_wanted(self, request: _Request) -> bool:
        """Whether another attempt would still be for what the first was made for."""
        record = request.record
        if record.gone or not isinstance(record.credential, Credential):
            return False
        if record.credential.suspend:
            return False
        return self.observer.inputs(record.credential) == request.inputs

    async def _attempt(self, request: _Request) -> bool:
        """Send an assertion of its own; whether the answer makes further attempts needless."""
        record, credential, endpoint = request.record, request.credential, request.endpoint
        key, jti, sent = request.keys.keys[request.index], self.new_jti(), self.clock.read()
        if record.key_reading is not None:
            # A key signs what waited for its turn; the next issue reads it anew.
            record.key_reading.at = float("-inf")
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
        outcome = "dropped"
        try:
            async with asyncio.timeout(CUT_OFF_AFTER):
                response = await self.token_endpoint.request_token(
                    endpoint, assertion, scopes=credential.scopes, sent_at=self.observer.now(record)
                )
            outcome = "issued"
        except (TokenRequestError, TimeoutError) as error:
            if _stood_still(error, self.clock.read().boot - sent.boot):
                logger.info(
                    "a token request was lost while the process stood still; another one follows",
                    extra={"credential": str(record.key), "endpoint": endpoint.name, "jti": jti},
                )
                return False
            if isinstance(error, TimeoutError):
                raise
            outcome = error.reason
            if error.date is not None and error.status in _CLOCK_STATUS:
                request.correction.observe(error.date, sent, self.clock.read())
            return self._refused(request, sent, error)
        finally:
            elapsed = self.clock.read().boot - sent.boot
            self.metrics.token_request(endpoint.name, outcome, elapsed)
        request.queue.answered(record.key, endpoint, sent.boot)
        if response.date is not None:
            request.correction.observe(response.date, sent, self.clock.read())
        accept_token(
            record,
            self.observer,
            response,
            input_hash=request.input_hash,
            correction=request.correction,
            sent=sent,
        )
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
        return True

    def _refused(self, request: _Request, sent: Reading, error: TokenRequestError) -> bool:
        """Take note of a failure; whether it would be the same for any other attempt."""
        record, queue = request.record, request.queue
        # Nonsense in place of a token, such as a maintenance page, is no work of the endpoint.
        unavailable = isinstance(error, EndpointUnavailable | ResponseInvalid)
        if unavailable:
            failure = Failure(error, self.observer.now(record), 1, 0.0)
            queue.failed(record.key, request.endpoint, sent.boot, failure)
        else:
            queue.answered(record.key, request.endpoint, sent.boot)
        if (
            isinstance(error, ClientRejected)
            and error.public_key_not_found
            and try_next_key(
                record, request.keys, request.content_hash, request.index, self.clock.read().boot
            )
        ):
            return True
        note_request_failure(
            record, self.observer, request.inputs, error, paced=unavailable and queue.held
        )
        logger.warning(
            "no token: %s",
            error.message,
            extra={
                "credential": str(record.key),
                "endpoint": request.endpoint.name,
                "key_id": record.key_id,
                "reason": error.reason,
            },
        )
        return error.retry is Retry.REJECTED


def _stood_still(error: TokenRequestError | TimeoutError, elapsed: float) -> bool:
    """Whether an attempt that got no answer ended later than its timeouts."""
    if isinstance(error, TimeoutError):
        return elapsed > CUT_OFF_AFTER + LATE
    unanswered = isinstance(error, EndpointUnavailable) and error.status is None
    return unanswered and elapsed > OWN_TIMEOUT + LATE
