"""The rate of requests to one endpoint: a bucket that fills with time."""

from __future__ import annotations

_RECOVERY = 0.1 / 60
"""Share of the configured rate that comes back each second: 10 % a minute."""
_FLOOR = 1 / 16
"""Share of the configured rate that halving never goes below: probes keep going out."""


class TokenBucket:
    """`rate` requests a second in the long run, `burst` at once.

    Times are seconds of a clock that nobody sets. A rate of 0 means no limit.
    """

    def __init__(self, rate: float, burst: int, now: float, *, empty: bool = False) -> None:
        self._rate = rate
        self._burst = burst
        self._level = 0.0 if empty else float(burst)
        self._share = 1.0
        self._at = now

    @property
    def rate(self) -> float:
        """Requests a second now: the configured rate, or less for a while after a 429."""
        return self._rate * self._share

    def change(self, rate: float, burst: int, now: float) -> None:
        """Take another rate, which a 429 goes on reducing; it begins with nothing."""
        self._fill(now)
        self._rate, self._burst, self._level = rate, burst, 0.0

    def level(self, now: float) -> float:
        """How many requests may be sent at once now."""
        self._fill(now)
        return self._level

    def take(self, now: float) -> bool:
        """Take one request, if there is one."""
        if self._rate <= 0:
            return True
        self._fill(now)
        if self._level < 1:
            return False
        self._level -= 1
        return True

    def give_back(self) -> None:
        """Return a request that was taken and not sent."""
        self._level = min(float(self._burst), self._level + 1)

    def wait(self, now: float) -> float:
        """Seconds until there is one."""
        if self._rate <= 0:
            return 0.0
        self._fill(now)
        return max(0.0, (1 - self._level) / self.rate)

    def halve(self, now: float) -> None:
        """The endpoint said 429: half of the rate, recovering slowly."""
        self._fill(now)
        self._share = max(_FLOOR, self._share / 2)
        self._level = min(self._level, 1.0)

    def _fill(self, now: float) -> None:
        elapsed = max(0.0, now - self._at)
        self._at = max(self._at, now)
        self._level = min(float(self._burst), self._level + elapsed * self.rate)
        self._share = min(1.0, self._share + elapsed * _RECOVERY)
