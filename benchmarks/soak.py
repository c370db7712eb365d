"""Half an hour at the endpoint's full rate: does anything grow?

    python -m benchmarks.soak [--minutes 30] [--rate 12] [--lifetime 60]

So many credentials that their refreshes fill the rate of the endpoint. Memory, threads, open files,
sockets and metric series of the operator are sampled; the verdict looks at the slope over
the second half, by which caches and pools have filled. The code is 1 where something grows, where
the rate was not reached, and where a promise was broken: a `jti` twice, an expiry that went back, a
token with less than P+S left, a credential that is not ready, a liveness probe that fails.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from redox_operator.domain.refresh import Margins, refresh_start
from tests.support.fleet import requested
from tests.support.operator_process import OperatorProcess
from tests.support.proof import Proof, own_api_server

INTERVAL = 10.0
ALLOWED = {"rss_mib": 3.0, "threads": 1.0, "files": 6.0, "sockets": 6.0, "series": 0.0}
"""By how much each may grow over the second half, by a straight line through its samples."""
REACHED = 0.9
"""The part of the rate that has to be reached: the number of credentials for it is an estimate."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process holds at a moment."""

    seconds: float
    rss_mib: float
    threads: int
    files: int
    sockets: int
    series: int


def main() -> int:
    """Run it and print the table; 0 where nothing grows and all is as promised."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=12)
    parser.add_argument("--lifetime", type=int, default=60)
    arguments = parser.parse_args()
    margins = Margins(propagation=10, safety=2, retry_budget=20)
    start = refresh_start(arguments.lifetime, margins)
    # Drawn evenly, the jitter takes off half of its most on average.
    period = start - min(arguments.lifetime / 10, start / 4) / 2
    count = int(arguments.rate * period)
    console = Console(stderr=True)
    with (
        own_api_server() as api_server,
        Proof(api_server, "soak", count, arguments.lifetime, margins, namespaces=10) as proof,
    ):
        proof.endpoint |= {"requestsPerSecond": arguments.rate, "burst": 60}
        operator = proof.operator(LOG_LEVEL="WARNING")
        proof.settle(300)
        rate, samples, before, began = 0.0, [], requested(proof.redox), time.monotonic()
        while (elapsed := time.monotonic() - began) < arguments.minutes * 60:
            samples.append(_sample(operator, elapsed))
            rate = (requested(proof.redox) - before) / max(1.0, elapsed)
            console.print(f"{elapsed:5.0f} s, {rate:.1f} requests a second: {samples[-1]}")
            time.sleep(INTERVAL)
        verdict, unhealthy = proof.verdict(), operator.probe("/healthz")[0] != 200
    table = Table("what", "first", "middle", "last", "growth over the second half", "verdict")
    faults = {
        "liveness probe": unhealthy,
        "rate": rate < REACHED * arguments.rate,
        "repeated jti": verdict.repeated_jti > 0,
        "least life": verdict.least_left < margins.mounted,
        "expiries went back": bool(verdict.backward),
        "not ready": bool(verdict.unready),
    }
    for number, field in enumerate(fields(Sample)):
        if field.name not in ALLOWED:
            continue
        values = [astuple(sample)[number] for sample in samples]
        half = samples[len(samples) // 2 :]
        growth = _growth(half, values[len(samples) // 2 :])
        good = growth <= ALLOWED[field.name]
        faults[f"growth of {field.name}"] = not good
        shown = [f"{values[i]:.1f}" for i in (0, len(values) // 2, -1)]
        table.add_row(field.name, *shown, f"{growth:+.2f}", "steady" if good else "GROWS")
    Console().print(table)
    Console().print(
        f"{count} credentials, {rate:.2f} requests a second, {verdict.requests} requests; least "
        f"life of a stored token {verdict.least_left:.0f} s; {len(verdict.unready)} not ready; "
        f"{len(verdict.backward)} expiries went back; repeated jti: {verdict.repeated_jti}"
    )
    found = [what for what, bad in faults.items() if bad]
    if found:
        Console().print(f"not as promised: {', '.join(found)}")
    return int(bool(found))


def _sample(operator: OperatorProcess, elapsed: float) -> Sample:
    process = Path(f"/proc/{operator.process.pid}")
    links = []
    for name in (process / "fd").iterdir():
        try:
            links.append(str(name.readlink()))
        except OSError:
            continue  # Closed in the meantime.
    lines = operator.exposition().splitlines()
    return Sample(
        seconds=elapsed,
        rss_mib=operator.rss_mib(),
        threads=sum(1 for _ in (process / "task").iterdir()),
        files=len(links),
        sockets=sum(link.startswith("socket:") for link in links),
        series=sum(not line.startswith("#") for line in lines),
    )


def _growth(samples: list[Sample], values: list[float]) -> float:
    """By how much the straight line through these samples rises from the first to the last."""
    times = [sample.seconds for sample in samples]
    if len(times) < 3:
        return 0.0
    return statistics.linear_regression(times, values).slope * (times[-1] - times[0])


if __name__ == "__main__":
    sys.exit(main())
