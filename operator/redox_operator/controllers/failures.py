"""From an error to when the next attempt is made."""

from __future__ import annotations

import random
import traceback

from redox_operator.controllers.observing import Observer
from redox_operator.controllers.records import Record
from redox_operator.domain.errors import CredentialError, RedoxOperatorError, Retry
from redox_operator.domain.policies import Failure
from redox_operator.domain.refresh import rejected_delay, retry_delay

SHORTEST_DELAY = 0.1
"""Seconds before any attempt that follows a failed one."""
LOOK_DELAY = 10.0
"""Seconds between looks, where a look costs no request of a token endpoint (`Retry.LOOK`)."""
CHANGE_DELAY = 60.0
"""Seconds between attempts that only a change can let succeed (`Retry.CHANGE`)."""


def failed(
    previous: Failure | None,
    error: RedoxOperatorError,
    *,
    now: float,
    boot: float,
    before_deadline: bool,
    paced: bool = False,
) -> Failure:
    """The failure to remember; one more in a row where the last had the same reason.

    `paced`: the endpoint is held, so that waiting for its turn is what spaces attempts.

    `since` is of the corrected clock, for people; `retry_at` is of the boot clock, so that a clock
    that is set delays no attempt.
    """
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
    elif paced:
        delay = SHORTEST_DELAY
    else:
        fraction = random.random()  # noqa: S311 - spreads attempts; nobody gains by guessing it
        delay = max(
            SHORTEST_DELAY, retry_delay(attempts, fraction, before_deadline=before_deadline)
        )
    return Failure(error=error, since=since, attempts=attempts, retry_at=boot + delay)


def note_request_failure(
    record: Record,
    observer: Observer,
    asked: object,
    error: RedoxOperatorError,
    *,
    paced: bool = False,
) -> None:
    """Remember that a request, or the reading of its key, failed; `asked` are its inputs.

    What failed for another spec or endpoint is another failure, with attempts of its own.
    """
    record.request_failure = failed(
        record.request_failure if record.inputs == asked else None,
        error,
        now=observer.now(record),
        boot=observer.clock.read().boot,
        before_deadline=observer.before_deadline(record),
        paced=paced,
    )
    record.inputs = asked


def note_write_failure(record: Record, observer: Observer, error: RedoxOperatorError) -> None:
    """Remember that the target could not be read or written.

    What was seen of it may not be what is there: it is read before anything is decided.
    """
    record.target_known = False
    record.write_failure = failed(
        record.write_failure,
        error,
        now=observer.now(record),
        boot=observer.clock.read().boot,
        before_deadline=observer.before_deadline(record),
    )


def place_of(error: BaseException) -> str:
    """What kind an unexpected error is and where it arose; its text may quote what it was given."""
    where = "".join(traceback.format_tb(error.__traceback__)[-3:])
    return f"{type(error).__name__}\n{where}"


def _reason(error: RedoxOperatorError) -> str:
    return error.reason if isinstance(error, CredentialError) else type(error).__name__
