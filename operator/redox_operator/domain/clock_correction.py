"""How far this machine's clock is from the token endpoint's.

Assertions are refused when `iat` is off, and a stored expiry is wrong by as much as the clock was.
Each answer carries a `Date`; the median of the last few offsets corrects all due times.

Offsets are kept against the machine's *boot* clock, which no administrator sets: when the wall
clock is stepped back, the correction moves with it and nothing is kept for too long. A step
forward may be a suspended machine whose boot clock stood still, so old offsets are dropped.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

THRESHOLD = 2.0
"""Seconds; smaller offsets are the rounding of `Date` and the way of the answer."""
LIMIT = 300.0
"""Seconds; an endpoint that is farther than that from this machine's clock is not believed.

Measured from the wall clock, or from what it would show had nobody set it since the process began,
whichever is nearer.
"""
SAMPLES = 5

_STEP = 2.0
"""Seconds by which the wall clock must gain on the boot clock to count as a step."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Both clocks, read at one moment, in seconds."""

    wall: float
    boot: float


class ClockCorrection:
    """The offset of one endpoint's clock."""

    def __init__(self) -> None:
        self._offsets: deque[float] = deque(maxlen=SAMPLES)
        self._last: Reading | None = None
        self._first: Reading | None = None

    def observe(self, date: float, sent: Reading, received: Reading) -> None:
        """Learn from an answer's `Date` (whole seconds, so half a second is added)."""
        self._notice(received)
        self._offsets.append(date + 0.5 - (sent.boot + received.boot) / 2)

    @property
    def is_known(self) -> bool:
        """Whether an answer has told the endpoint's time."""
        return bool(self._offsets)

    def seconds(self, reading: Reading) -> float:
        """What to add to the wall clock: 0 below the threshold, at most ±300.

        More where the wall clock was set by that much and the endpoint goes by what it was.
        """
        self._notice(reading)
        offset = -self.skew(reading)
        if abs(offset) <= THRESHOLD:
            return 0.0
        if abs(offset - self._unset(reading)) <= LIMIT:
            return offset
        return max(-LIMIT, min(LIMIT, offset))

    def skew(self, reading: Reading) -> float:
        """Seconds by which our wall clock is ahead of the endpoint's; 0 while unknown."""
        if not self._offsets:
            return 0.0
        return reading.wall - reading.boot - median(self._offsets)

    def now(self, reading: Reading) -> float:
        """The corrected time, in seconds since the epoch."""
        return reading.wall + self.seconds(reading)

    def _unset(self, reading: Reading) -> float:
        """What to add to the wall clock to have it as if nobody had set it."""
        if self._first is None:
            return 0.0
        return (self._first.wall - self._first.boot) - (reading.wall - reading.boot)

    def _notice(self, reading: Reading) -> None:
        last, self._last = self._last, reading
        self._first = self._first or reading
        if last is None:
            return
        step = (reading.wall - last.wall) - (reading.boot - last.boot)
        if step > _STEP:
            self._offsets.clear()
