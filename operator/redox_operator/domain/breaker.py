"""Whether an endpoint may be asked freely, or by one probe at a time.

It is held by a 429, by `Retry-After`, and by the breaker, which opens when the endpoint fails as a
whole: five failures in a row, of two credentials at least, that began five seconds ago or more.
Only requests that were sent since the last good answer count. While any of these holds, one probe
goes every ten seconds, until an answer is good; before the first one, what the endpoint asks for is
waited, as far as deadlines allow.
"""

from __future__ import annotations

import enum
from collections import Counter

from redox_operator.domain.credential import Key

PROBE_INTERVAL = 10.0
"""Seconds between requests to an endpoint that is held."""
MAX_HOLD = 300.0
"""Seconds; a `Retry-After` beyond a token's life would only let every reader go stale."""
BEFORE_DEADLINE = 25.0
"""Seconds before a deadline at which probes begin, whatever `Retry-After` says."""
_MIN_HOLD = 1.0
_FAILURES = 5
_FAILING_FOR = 5.0


class Cause(enum.Enum):
    """Why an endpoint is held."""

    RATE = "rate"
    RETRY_AFTER = "retry_after"
    BREAKER = "breaker"


class Breaker:
    """Times are seconds of a clock that nobody sets."""

    def __init__(self) -> None:
        self._holds: dict[Cause, float] = {}
        """Until when nothing is sent; then probes are."""
        self._held_at = float("-inf")
        self._answered_at = float("-inf")
        self._sent_at = float("-inf")
        self._failures = 0
        self._failing: Key | None = None
        """The first credential of the row."""
        self._several_fail = False
        self._failing_since = float("inf")
        self.failed_probes: Counter[str | Key] = Counter()
        """Since it is held, by namespace and by key."""

    @property
    def causes(self) -> frozenset[Cause]:
        """Why it is held; empty: it is not."""
        return frozenset(self._holds)

    def wait(self, now: float, deadline: float = float("inf")) -> float:
        """Seconds until a request may be sent; `deadline`: the nearest of those who wait."""
        if not self._holds:
            return 0.0
        latest = max(self._held_at + PROBE_INTERVAL, deadline - BEFORE_DEADLINE)
        until = min(latest, max(self._holds.values()))
        return max(0.0, max(self._sent_at + PROBE_INTERVAL, until) - now)

    def sent(self, now: float) -> float:
        """A request is about to be sent; returns when the one before was."""
        before, self._sent_at = self._sent_at, now
        return before

    def unsent(self, at: float, before: float) -> None:
        """What was to be sent then was not; `before`: as `sent` returned it."""
        if self._sent_at == at:
            self._sent_at = before

    def hold(self, cause: Cause, seconds: float | None, now: float) -> None:
        """The endpoint wants to be left alone, for that long if it said so."""
        pause = PROBE_INTERVAL if seconds is None else min(MAX_HOLD, max(_MIN_HOLD, seconds))
        self._holds[cause] = max(self._holds.get(cause, 0.0), now + pause)
        self._held_at = now

    def probe_failed(self, key: Key, sent_at: float) -> None:
        """A request of this credential failed; if it was a probe, others probe before it does."""
        if self._holds and sent_at >= self._held_at:
            self.failed_probes.update((key, key.namespace))

    def failed(self, key: Key, sent_at: float, now: float) -> None:
        """A request of this credential brought no answer, or nothing that a token endpoint says."""
        self.probe_failed(key, sent_at)
        if sent_at <= self._answered_at:
            return
        self._failures += 1
        self._failing = self._failing or key
        self._several_fail |= key != self._failing
        self._failing_since = min(self._failing_since, sent_at)
        if (
            self._failures >= _FAILURES
            and self._several_fail
            and now - self._failing_since >= _FAILING_FOR
            and Cause.BREAKER not in self._holds
        ):
            self._holds[Cause.BREAKER] = 0.0

    def answered(self, sent_at: float, now: float) -> None:
        """The endpoint does its work: it brought a token, or refused a client.

        An answer to what was sent before a 429 says nothing about that.
        """
        self._answered_at = now
        self._failures, self._failing, self._several_fail = 0, None, False
        self._failing_since = float("inf")
        if sent_at > self._held_at:
            self._holds.clear()
        else:
            self._holds.pop(Cause.BREAKER, None)
        if not self._holds:
            self.failed_probes.clear()
