"""What a run found, small enough to keep: counts by second, no token and no name of an object."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.support.outages import Outage
from tests.support.propagation import quantile
from tests.support.reader_bench import Timing

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Remaining:
    """Life left at the reads of one group: seconds."""

    least: float
    counts: dict[int, int]
    """How many reads found so many whole seconds, rounded down."""

    @property
    def reads(self) -> int:
        """How many there were."""
        return sum(self.counts.values())

    def at(self, share: float) -> int:
        """The whole second below which this share of the reads lies."""
        seen = 0
        for second in sorted(self.counts):
            seen += self.counts[second]
            if seen > share * self.reads:
                return second
        return max(self.counts)

    def share_below(self, seconds: float) -> float:
        """Which share of the reads found less than these whole seconds."""
        return sum(n for second, n in self.counts.items() if second < seconds) / self.reads


def pooled(groups: Sequence[Remaining]) -> Remaining:
    """The reads of several groups as one."""
    counts: Counter[int] = Counter()
    for group in groups:
        counts.update(group.counts)
    return Remaining(min(group.least for group in groups), dict(counts))


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run."""

    timing: Timing
    setup: dict[str, Any]
    """Versions, numbers of pods and minutes, as the report tells them."""
    remaining: dict[str, Remaining]
    """By group: `<endpoint><ending of the Secret's name>`."""
    delays: dict[str, float]
    """Seconds from a write until a mounted file shows it: count, min, QUANTILES, max."""
    delay_counts: dict[int, int]
    outages: dict[str, int]
    """By way, how many."""

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


def summary(delays: Sequence[float]) -> dict[str, float]:
    """Of sorted delays."""
    found = {"count": len(delays), "min": round(delays[0], 2)}
    found |= {name: round(quantile(delays, share), 1) for name, share in QUANTILES.items()}
    return found | {"max": round(delays[-1], 1)}


def count_by_way(outages: Sequence[Outage]) -> dict[str, int]:
    """How many outages each endpoint had."""
    return dict(Counter(outage.way for outage in outages))


def machine() -> dict[str, Any]:
    """What the run ran on, as far as it matters."""
    return {"python": platform.python_version(), "processors": os.cpu_count()}
