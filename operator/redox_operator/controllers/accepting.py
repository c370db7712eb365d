"""From an answer of the endpoint to the token that is held."""

from __future__ import annotations

import math
from dataclasses import replace

from redox_operator.controllers.key_choice import accept_key
from redox_operator.controllers.observing import Observer
from redox_operator.controllers.records import Record
from redox_operator.domain.access_token import AccessToken, TokenResponse
from redox_operator.domain.clock_correction import LIMIT, THRESHOLD, ClockCorrection, Reading
from redox_operator.domain.target import same_input


def accept_token(
    record: Record,
    observer: Observer,
    response: TokenResponse,
    *,
    input_hash: str | None,
    correction: ClockCorrection,
    sent: Reading,
) -> None:
    """Hold a new token, unless readers would lose by it; `input_hash` is what it was issued for."""
    new, received = response.token, observer.clock.read()
    record.request_failure = None
    accept_key(record)
    held = record.token
    if not same_input(record.token_input_hash, input_hash):
        held = None
        if record.token is not None:
            record.input_issued_at = sent.boot
    if held is not None and new.expires_at < held.expires_at > new.issued_at:
        # Never a shorter life for readers; the endpoint's lives got shorter, so plan by it.
        record.planned_from = new
        return
    flight = received.boot - sent.boot
    record.token = _dated(new, observer.sending_time(record) - flight, held)
    record.token_input_hash, record.planned_from = input_hash, None
    record.token_boot, record.token_age = sent.boot, 0.0
    record.token_age_is_sure = True
    if response.date is not None and abs(correction.skew(received)) <= LIMIT:
        record.token_is_dated = True


def _dated(token: AccessToken, sent_at: float, held: AccessToken | None) -> AccessToken:
    """The token with its times counted from `sent_at`, where the clock it was dated by was wrong.

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
