"""A fail-over where both replicas have a fifth of a core."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.kill_run import Replicas, until_leading
from tests.support.kubernetes_api import polls
from tests.support.processor import SlowProcessor
from tests.support.proof import Proof


@dataclass(frozen=True, slots=True)
class SlowRun:
    """How it went; what was late is the ledger's to say."""

    killed: float
    """When the leader was killed, in seconds since the epoch."""
    take_over: float
    """Seconds until the other led."""


def fail_over(
    proof: Proof, watch: float, share: float = 0.2, tell: Callable[[str], None] = lambda _: None
) -> SlowRun:
    """Start two replicas, slow them down, kill the leader, and watch for so many seconds.

    The killed one does not come back: the other has to do all of the work.
    """
    replicas = Replicas(proof, WORKERS="20")
    replicas.launch()
    proof.settle(300)
    tell("all have a token; from now on there is a fifth of a core")

    def running() -> list[int]:
        return [op.process.pid for op in replicas.operators if op.process.poll() is None]

    with SlowProcessor(running, share):
        # Twenty of its periods: the leader is killed at its slow work, not at what it did before.
        time.sleep(2)
        leader = replicas.wait_leader()
        killed = time.time()
        leader.kill()
        taken = until_leading(replicas.other(leader), killed)
        tell(f"took over in {taken:.1f} s; watching for {watch:g} s")
        for _ in polls(watch, 5):
            left = proof.ledger.left(proof.fleet.namespaces)
            tell(f"{time.time() - killed:4.0f} s: the least that was left is {left:.0f} s")
    return SlowRun(killed, taken)
