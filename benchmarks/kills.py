"""Kills, freezes, restarts and fail-overs in the numbers that are too long for a test.

    python -m benchmarks.kills single  [--kills 500]                 20 minutes
    python -m benchmarks.kills leaders [--kills 30] [--freeze 60]    12 minutes
    python -m benchmarks.kills restart [--credentials 2000]           4 minutes
    python -m benchmarks.kills slow    [--credentials 1000] [--keys 50]   8 minutes

Each runs on a control plane of its own and ends with a table and the code 1 where something is not
as promised. The keys of `slow` are RSA-4096; 50 different ones are shared out over 1,000
credentials in 50 namespaces, because to make 1,000 takes longer than all else.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from redox_operator.domain.refresh import Margins
from tests.support.fleet import burst
from tests.support.kill_run import Replicas, harm_leaders, kill_single
from tests.support.known_keys import rsa_4096
from tests.support.ledger import Version
from tests.support.proof import Proof, Verdict, own_api_server
from tests.support.restart_run import restart
from tests.support.slow_run import fail_over

Rows = list[tuple[str, object, bool | None]]
"""What, its value, and whether it is as promised (None: nothing was promised)."""
Tell = Callable[[str], None]


def main() -> int:
    """Run one of them; 0 where all is as promised."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=RUNS)
    parser.add_argument("--kills", type=int)
    parser.add_argument("--freeze", type=float, default=60)
    parser.add_argument("--credentials", type=int)
    parser.add_argument("--keys", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    console = Console(stderr=True)
    rows = RUNS[arguments.what](arguments, lambda text: console.print(text))
    table = Table("what", "value", "as promised", title=f"kills: {arguments.what}")
    for what, value, good in rows:
        table.add_row(what, str(value), {None: "", True: "yes", False: "NO"}[good])
    Console().print(table)
    return int(any(good is False for _, _, good in rows))


def single(arguments: argparse.Namespace, tell: Tell) -> Rows:
    """The only replica is killed."""
    kills, margins = arguments.kills or 500, Margins(propagation=10, safety=2, retry_budget=25)
    with (
        own_api_server() as api_server,
        Proof(api_server, "kills", arguments.credentials or 60, 60, margins) as proof,
    ):
        run = kill_single(proof, kills, arguments.seed, tell)
        proof.settle()
        proof.wait_for_a_round(60)
        verdict = proof.verdict()
    return [
        ("kills", len(run.faults), None),
        *_common(verdict),
        ("requests that led to nothing", len(verdict.wasted), len(verdict.wasted) <= kills),
        ("of these not under way at a kill", *_none(verdict.unexplained(run.faults))),
    ]


def leaders(arguments: argparse.Namespace, tell: Tell) -> Rows:
    """The leader of two is killed, then frozen; tokens of 300 s, the default margins."""
    margins = Margins()
    with (
        own_api_server() as api_server,
        Proof(api_server, "leaders", arguments.credentials or 100, 300, margins) as proof,
    ):
        replicas = Replicas(proof)
        replicas.launch()
        proof.settle()
        run = harm_leaders(
            proof, replicas, arguments.kills or 30, (arguments.freeze,), arguments.seed, tell
        )
        proof.settle()
        verdict = proof.verdict()
    slowest = max(run.take_overs)
    return [
        ("kills and freezes", len(run.take_overs), None),
        ("slowest take-over", f"{slowest:.1f} s", slowest < 20),
        *_common(verdict, run.thaws),
        _left(verdict, margins),
        ("requests that led to nothing", len(verdict.wasted), None),
        ("more than one of a credential in flight", *_none(verdict.unexplained(run.faults))),
    ]


def restarted(arguments: argparse.Namespace, tell: Tell) -> Rows:
    """A restart among very many, and the refreshes after it."""
    count = arguments.credentials or 2000
    with (
        own_api_server() as api_server,
        Proof(api_server, "restart", count, 300, Margins(), namespaces=20) as proof,
    ):
        # So fast that the first tokens spread over a minute.
        proof.endpoint["requestsPerSecond"] = max(1, count // 60)
        operator = proof.operator(WORKERS="40")
        proof.settle(300)
        tell("all have a token; the restart comes")
        run = restart(proof, operator)
        due = [proof.fleet.due(each) for each in _last(proof)]
        tell("watching the refreshes")
        deadline = max(due) + 30
        while time.time() < deadline:
            time.sleep(5)
        verdict = proof.verdict()
        sent = [each.after.issued_at for each in proof.ledger.replacements(proof.fleet.namespaces)]
        # These are whole seconds.
        most = burst(sent, 0.5)
    return [
        ("credentials", count, None),
        ("knew them all after", f"{run.ready_seconds:.1f} s", None),
        ("requests that were not due", run.requests, run.requests == 0),
        ("writes that were not due", run.writes, run.writes == 0),
        ("objects that changed", run.changed, run.changed == 0),
        ("a plan moved by at most", f"{run.plans_moved:.1f} s", run.plans_moved < 1),
        ("most refreshes due in a second", burst(due), None),
        ("most refreshes in a second", most, most <= burst(due) + 10),
        *_common(verdict),
        _left(verdict, Margins()),
    ]


def slow(arguments: argparse.Namespace, tell: Tell) -> Rows:
    """A fail-over with RSA-4096 keys, each replica with a fifth of a core."""
    count, margins = arguments.credentials or 1000, Margins()
    tell(f"making {arguments.keys} keys, unless there are some of an earlier run")
    keys = rsa_4096(arguments.keys)
    with (
        own_api_server() as api_server,
        Proof(api_server, "slow", count, 300, margins, len(keys), keys) as proof,
    ):
        # The rate that US and Canada have, so that the first tokens come as they would there.
        proof.endpoint |= {"requestsPerSecond": 12, "burst": 60}
        run = fail_over(proof, watch=300, tell=tell)
        verdict = proof.verdict()
    return [
        ("credentials", count, None),
        ("different keys", len(keys), None),
        ("take-over", f"{run.take_over:.1f} s", run.take_over < 20),
        *_common(verdict),
        _left(verdict, margins),
        # An attempt that such a process leaves unanswered for 5 s is joined by another.
        ("requests that led to nothing", len(verdict.wasted), len(verdict.wasted) <= count // 20),
    ]


def _common(verdict: Verdict, thaws: Sequence[float] = ()) -> Rows:
    return [
        ("token requests", verdict.requests, None),
        ("tokens stored", verdict.stored, None),
        ("requests that were not due", *_none(verdict.too_early(thaws))),
        ("stored expiries that went back", *_none(verdict.backward)),
        ("repeated jti", verdict.repeated_jti, verdict.repeated_jti == 0),
        ("credentials not ready at the end", *_none(list(verdict.unready))),
    ]


def _left(verdict: Verdict, margins: Margins) -> tuple[str, object, bool | None]:
    good = verdict.least_left >= margins.mounted
    return f"least life of a stored token (P+S: {margins.mounted:g})", verdict.least_left, good


def _none(found: Sequence[object]) -> tuple[int, bool]:
    return len(found), not found


def _last(proof: Proof) -> list[Version]:
    return [versions[-1] for versions in proof.ledger.tokens(proof.fleet.namespaces).values()]


RUNS = {"single": single, "leaders": leaders, "restart": restarted, "slow": slow}

if __name__ == "__main__":
    sys.exit(main())
