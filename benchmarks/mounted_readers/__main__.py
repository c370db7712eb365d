"""The promise, measured on the real kubelet's code: `python -m benchmarks.mounted_readers`.

Five endpoints, of which four go away, each in its way, again and again, from the moment a refresh
is due. Pods mount the operator's Secrets and, for comparison, Secrets whose tokens are replaced at
two thirds and at 80 % of their life. docs/promise.md tells the method; --docs fills that page.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from benchmarks.mounted_readers import report
from benchmarks.mounted_readers.fixed_refresh import FixedRefresh
from benchmarks.mounted_readers.measurement import (
    Measurement,
    Remaining,
    count_by_way,
    machine,
    summary,
)
from tests.support.controlplane import ControlPlane
from tests.support.fhir_caller import FhirCaller
from tests.support.kubernetes_api import polls
from tests.support.mounted_readers import Readers
from tests.support.outages import Outages
from tests.support.propagation import delays
from tests.support.reader_bench import DEFAULTS, FIFTH, ReaderBench
from tests.support.secret_watch import SecretWatch
from tests.support.token_endpoints import STEADY, WAYS
from tests.support.worker import Worker

NAMESPACE = "readers"
PROGRESS_SECONDS = 30
COMPARED = {report.TWO_THIRDS: 2 / 3, report.FOUR_FIFTHS: 0.8}
PROMISED_STEADY = 80
"""Seconds that a reader has left with no fault, at the defaults."""


def main() -> int:
    """Run, report; 1 when the promise did not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument(
        "--credentials", type=int, default=12, help="at each of the five endpoints; a pod for each"
    )
    parser.add_argument("--fifth", action="store_true", help="all times divided by five")
    parser.add_argument(
        "--docs",
        type=Path,
        nargs="?",
        const=report.DOCS,
        help="write the result into this directory with a promise.md; without one, into docs/",
    )
    arguments = parser.parse_args()
    # An exit, so that what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    measured = measure(arguments)
    print(report.markdown(measured))
    if arguments.docs is not None:
        for path in report.write(measured, arguments.docs):
            _say(f"wrote {path.name}")
    return _judge(measured)


def measure(arguments: argparse.Namespace) -> Measurement:
    """Start everything, let it run for the time that was asked for, and stop everything."""
    timing = FIFTH if arguments.fifth else DEFAULTS
    with ExitStack() as stack:
        _say("starting the control plane, the operator and the node …")
        cluster = stack.enter_context(ControlPlane.start())
        bench = stack.enter_context(
            ReaderBench(
                cluster,
                NAMESPACE,
                timing,
                credentials=arguments.credentials,
                aims=max(1, arguments.credentials // 3),
            )
        )
        compared = [
            stack.enter_context(FixedRefresh(bench, cluster, share, ending))
            for ending, share in COMPARED.items()
        ]
        for each in compared:
            each.wait_ready()
        mounts = bench.mount(pods=1, more=COMPARED)
        ours = [mount for mount in mounts if mount.group.endswith(report.OPERATOR)]
        readers = stack.enter_context(Readers(mounts))
        watch = stack.enter_context(SecretWatch(cluster, NAMESPACE))
        caller = stack.enter_context(FhirCaller(bench.endpoints.redox, ours))
        outages = stack.enter_context(bench.outages(rest=timing.propagation + timing.safety))
        began = time.time()
        workers = [*compared, readers, watch, caller, outages]
        _wait(60 * arguments.minutes, "measuring", workers, readers, outages)
        settled = time.time()
        outages.stop()
        # What was written last has to come to the readers yet.
        _wait(timing.propagation, "the last files", workers, readers, outages)
        late = delays(watch.written, readers.shown, since=began, until=settled)
        shown = [delay for delay in late if math.isfinite(delay)]
        setup = {
            "minutes": arguments.minutes,
            "pods": len({mount.directory.parent for mount in mounts}),
            "mounts": len(mounts),
            "reads": sum(found.reads for found in readers.remaining.values()),
            "mixedReads": readers.mixed,
            "neverShown": len(late) - len(shown),
            "longestPauseSeconds": round(readers.longest_pause, 1),
            "kubernetes": cluster.version,
            "syncFrequency": bench.node.sync_frequency,
            "changeDetection": bench.node.change_detection,
            "operator": version("redox-operator"),
            "answers": {str(status): count for status, count in caller.answers.items()},
            **machine(),
        }
    return Measurement(
        timing,
        setup,
        {
            group: Remaining(round(found.least, 2), dict(sorted(found.counts.items())))
            for group, found in sorted(readers.remaining.items())
        },
        summary(shown),
        _by_second(shown),
        count_by_way(outages.over),
    )


def _wait(
    seconds: float, what: str, workers: list[Worker], readers: Readers, outages: Outages
) -> None:
    started = said = time.monotonic()
    for _ in polls(seconds, pause=0.5):
        for worker in workers:
            worker.check()
        if time.monotonic() - said >= PROGRESS_SECONDS:
            said = time.monotonic()
            least = ", ".join(
                f"{endpoint} {readers.least(endpoint + report.OPERATOR):.0f}"
                for endpoint in (STEADY, *WAYS)
            )
            _say(
                f"{said - started:.0f} of {seconds:.0f} s, {what}: {len(outages.over)} outages, "
                f"least life read: {least} s"
            )


def _by_second(late: list[float]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for delay in late:
        counts[int(delay)] = counts.get(int(delay), 0) + 1
    return counts


def _judge(measured: Measurement) -> int:
    timing = measured.timing
    steady = PROMISED_STEADY * timing.token_lifetime / DEFAULTS.token_lifetime
    wanted = {STEADY: steady} | dict.fromkeys(WAYS, float(timing.safety))
    broken = {
        endpoint: least
        for endpoint, seconds in wanted.items()
        if (least := measured.remaining[endpoint + report.OPERATOR].least) < seconds
    }
    if never := measured.setup["neverShown"]:
        _say(f"{never} writes were never shown by a mount")
    for endpoint, least in broken.items():
        _say(f"BROKEN: at {endpoint} a reader had {least} s left, promised are {wanted[endpoint]}")
    return 1 if broken else 0


def _say(text: str) -> None:
    print(f"mounted_readers: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
