"""From an error to when the next attempt is made."""

from __future__ import annotations

import random

from redox_operator.domain.errors import CredentialError, RedoxOperatorError, Retry
from redox_operator.domain.policies import Failure
from redox_operator.domain.refresh import rejected_delay, retry_delay

LOOK_DELAY = 10.0
CHANGE_DELAY = 60.0


def failed(
    previous: Failure | None, error: RedoxOperatorError, now: float, *, before_deadline: bool
) -> Failure:
    """The failure to remember; one more in a row where the last had the same reason."""
    same = previous is not None and _reason(previous.error) == _reason(error)
    attempts = previous.attempts + 1 if previous is not None and same else 1
    since = previous.since if previous is not None and same else now
    retry = error.retry if isinstance(error, CredentialError) else Retry.BACKOFF
    if retry is Retry.LOOK:
        delay = LOOK_DELAY
    elif retry is Retry.CHANGE:
        delay = CHANGE_DELAY
    elif retry is Retry.REJECTED:
        delay = rejected_delay(attempts)
    else:
        fraction = random.random()  # noqa: S311 - spreads attempts; nobody gains by guessing it
        delay = max(0.1, retry_delay(attempts, fraction, before_deadline=before_deadline))
    return Failure(error=error, since=since, attempts=attempts, retry_at=now + delay)


def _reason(error: RedoxOperatorError) -> str:
    return error.reason if isinstance(error, CredentialError) else type(error).__name__
