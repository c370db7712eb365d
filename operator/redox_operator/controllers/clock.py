"""The machine's clocks, as the one thing that reads them."""

from __future__ import annotations

import time
from typing import Protocol

from redox_operator.domain.clock_correction import Reading


class Clock(Protocol):
    """Where readings come from; tests have one that they set."""

    def read(self) -> Reading:
        """Both clocks, at one moment."""
        ...


class SystemClock:
    """The wall clock, and the boot clock, which also counts while the machine is suspended."""

    def read(self) -> Reading:
        """Both clocks, at one moment."""
        boot = getattr(time, "CLOCK_BOOTTIME", None)
        elapsed = time.monotonic() if boot is None else time.clock_gettime(boot)
        return Reading(time.time(), elapsed)
