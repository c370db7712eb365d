"""Operators that are killed and frozen at random moments, again and again."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.kubernetes_api import APIError, polls
from tests.support.operator_process import OperatorProcess
from tests.support.operator_rbac import NAMESPACE
from tests.support.proof import Proof

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/redox-operator"
"""The one that the shipped rights are for."""
TAKE_OVER_SECONDS = 40.0
"""A bound for waiting; how long it took is in the run."""


@dataclass(slots=True)
class KillRun:
    """What was done, and when."""

    faults: list[float] = field(default_factory=list)
    """Times of kills, freezes and thaws, in seconds since the epoch."""
    thaws: list[float] = field(default_factory=list)
    """The thaws among them."""
    take_overs: list[float] = field(default_factory=list)
    """Seconds from each kill or freeze of a leader until another led."""


def kill_single(
    proof: Proof, kills: int, seed: int, tell: Callable[[str], None] = lambda _: None
) -> KillRun:
    """Kill the only replica and start it again at once, as a kubelet would without its back-off.

    Every fifth kill hits the start itself, the others a replica that is ready.
    """
    draw, run = random.Random(seed), KillRun()
    operator = proof.operator()
    proof.settle()
    for number in range(kills):
        if number % 5 != 4:
            operator.wait_ready(60)
        time.sleep(draw.uniform(0, 1.5))
        run.faults.append(time.time())
        operator.kill()
        operator.launch(ready=False)
        tell(f"{number + 1} of {kills} kills")
    operator.wait_ready(60)
    return run


class Replicas:
    """Two operators, one of which leads."""

    def __init__(self, proof: Proof, **settings: str) -> None:
        elected = {
            "LEADER_ELECTION": "true",
            "LEASE_NAMESPACE": NAMESPACE,
            **settings,
        }
        # Of whoever was killed before; without it the first of these would wait until it expires.
        with contextlib.suppress(APIError):
            proof.admin.delete(LEASE)
        self.operators = [
            proof.operator(launch=False, environment=None, **elected) for _ in range(2)
        ]

    def launch(self) -> None:
        """Start both; returns when both are ready and one leads."""
        for operator in self.operators:
            operator.launch(ready=False)
        for operator in self.operators:
            operator.wait_ready(60)
        self.wait_leader()

    def leader(self) -> OperatorProcess | None:
        """The one that says it leads."""
        leading = [each for each in self.operators if is_leading(each)]
        return leading[0] if len(leading) == 1 else None

    def other(self, operator: OperatorProcess) -> OperatorProcess:
        """The other of the two."""
        first, second = self.operators
        return second if operator is first else first

    def wait_leader(self, seconds: float = TAKE_OVER_SECONDS) -> OperatorProcess:
        """Until one leads."""
        for _ in polls(seconds, 0.2):
            if (leader := self.leader()) is not None:
                return leader
        raise TimeoutError(f"no leader in {seconds} s:\n{self.operators[0].log()[-2000:]}")


def harm_leaders(
    proof: Proof,
    replicas: Replicas,
    kills: int,
    freezes: tuple[float, ...],
    seed: int,
    tell: Callable[[str], None] = lambda _: None,
) -> KillRun:
    """Kill the leader `kills` times, then freeze it for each of so many seconds."""
    draw, run = random.Random(seed), KillRun()
    for number in range(kills):
        leader = replicas.wait_leader()
        replicas.other(leader).wait_ready(60)
        time.sleep(draw.uniform(0, 5))
        run.faults.append(time.time())
        leader.kill()
        leader.launch(ready=False)
        run.take_overs.append(until_leading(replicas.other(leader), run.faults[-1]))
        tell(f"{number + 1} of {kills} kills; took over in {run.take_overs[-1]:.1f} s")
    for seconds in freezes:
        leader = replicas.wait_leader()
        replicas.other(leader).wait_ready(60)
        run.faults.append(time.time())
        leader.pause()
        try:
            run.take_overs.append(until_leading(replicas.other(leader), run.faults[-1]))
            time.sleep(max(0.0, run.faults[-1] + seconds - time.time()))
        finally:
            run.thaws.append(time.time())
            leader.resume()
        run.faults.append(run.thaws[-1])
        tell(f"frozen for {seconds:g} s; took over in {run.take_overs[-1]:.1f} s")
    return run


def is_leading(operator: OperatorProcess) -> bool:
    """Whether a replica says that it leads; one that does not answer does not."""
    if operator.probe("/healthz")[0] == 0:
        return False
    return operator.metric("leader") == 1


def until_leading(operator: OperatorProcess, since: float) -> float:
    """Until this replica leads; how long after `since` that was, in seconds."""
    for _ in polls(TAKE_OVER_SECONDS, 0.1):
        if is_leading(operator):
            return time.time() - since
    raise TimeoutError(f"no take-over in {TAKE_OVER_SECONDS} s:\n{operator.log()[-2000:]}")
