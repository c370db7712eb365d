"""A fleet, a Redox, a ledger and any number of operators: what a proof under faults stands on."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from redox_operator.domain.refresh import Margins
from tests.support.controlplane import ControlPlane
from tests.support.crds import apply_crds
from tests.support.fleet import Fleet, Untimely, Wasted, requested
from tests.support.kubernetes_api import KubernetesAPI, polls
from tests.support.ledger import Ledger, Replacement
from tests.support.operator_process import OperatorProcess, sandbox_endpoint
from tests.support.operator_rbac import operator_kubeconfig
from tests.support.redox_sandbox import RedoxSandbox

OWN = "tests/own-operator"
"""A label: the operator that other tests share leaves such credentials alone."""
IN_FLIGHT = 20.0
"""Seconds: no token request is under way for longer."""
WRITTEN = 5.0
"""Seconds: what was requested later may not be written yet, and so is not called wasted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a ledger and Redox's log say about a run."""

    requests: int
    stored: int
    untimely: list[Untimely]
    wasted: list[Wasted]
    backward: list[Replacement]
    repeated_jti: int
    least_left: float
    """Seconds that a stored token had left at least, at any time."""
    unready: dict[str, str]

    def too_early(self, thaws: Sequence[float]) -> list[Untimely]:
        """Untimely requests, without those that a frozen process had begun and sent on its thaw.

        `thaws` are in seconds since the epoch.
        """
        return [
            each for each in self.untimely if not any(0 <= each.time - thaw <= 1 for thaw in thaws)
        ]

    def unexplained(self, faults: Sequence[float]) -> list[Wasted]:
        """Wasted requests that were not under way at a fault, or more than one of a credential.

        `faults` are the times of kills, freezes and thaws, in seconds since the epoch.
        """
        seen, found = Counter[tuple[str, float]](), []
        for each in self.wasted:
            # Redox's clock is this one; its entry is made after the request was sent.
            cause = min((f for f in faults if f >= each.time - 1), default=float("inf"))
            seen[each.client_id, cause] += 1
            if cause > each.time + IN_FLIGHT or seen[each.client_id, cause] > 1:
                found.append(each)
        return found


@dataclass(slots=True)
class Proof:
    """A context manager: inside it the fleet exists and the ledger records.

    with Proof(api_server, "kills", 60, lifetime=60, margins=MARGINS) as proof:
        operator = proof.operator()
        proof.settle()
    """

    api_server: tuple[Path, Path]
    """Kubeconfigs of the admin and of the operator."""
    name: str
    count: int
    lifetime: int
    margins: Margins
    namespaces: int = 4
    keys: Sequence[str] = ()
    endpoint: dict[str, Any] = field(default_factory=dict)
    """Changes to the entry of the endpoints file."""
    admin: KubernetesAPI = field(init=False)
    redox: RedoxSandbox = field(init=False)
    fleet: Fleet = field(init=False)
    ledger: Ledger = field(init=False)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> Self:
        try:
            enter = self._stack.enter_context
            self.admin = enter(KubernetesAPI.from_kubeconfig(self.api_server[0]))
            self.redox = enter(RedoxSandbox.start(token_lifetime=self.lifetime))
            self.fleet = Fleet(
                self.admin,
                self.name,
                self.count,
                namespaces=self.namespaces,
                margins=self.margins,
                keys=self.keys,
                labels={OWN: self.name},
            )
            self.fleet.register(self.redox)
            self._stack.callback(self.fleet.close)
            self.fleet.create()
            self.ledger = enter(Ledger(self.api_server[0]))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def operator(
        self, *, launch: bool = True, environment: dict[str, str] | None = None, **settings: str
    ) -> OperatorProcess:
        """Another operator for this fleet; it ends with the proof."""
        more = {
            "PROPAGATION_SECONDS": f"{self.margins.propagation:g}",
            "SAFETY_SECONDS": f"{self.margins.safety:g}",
            "RETRY_BUDGET_SECONDS": f"{self.margins.retry_budget:g}",
            "WATCH_LABEL_SELECTOR": f"{OWN}={self.name}",
        }
        operator = OperatorProcess(
            self.api_server[1],
            [sandbox_endpoint(self.redox, **self.endpoint)],
            {**more, **settings},
            environment=environment,
        )
        self._stack.enter_context(operator)
        if launch:
            operator.launch()
        return operator

    def settle(self, seconds: float = 60) -> None:
        """Until every mounted reader would be safe, and every condition is true."""
        self.ledger.wait_for(self.fleet.targets, self.margins.mounted, seconds)
        unready: dict[str, str] = {}
        for _ in polls(seconds, 0.3):
            unready = self.fleet.unready()
            if not unready:
                return
        raise TimeoutError(f"not well in {seconds} s: {unready}")

    def wait_for_a_round(self, seconds: float) -> None:
        """Until every target has a token that was issued after this call."""
        since, tokens = time.time(), self.ledger.tokens
        for _ in polls(seconds, 0.2):
            held = tokens(self.fleet.namespaces)
            if all(held[target][-1].issued_at > since for target in self.fleet.targets):
                return
        raise TimeoutError(f"not every token was refreshed in {seconds} s")

    def verdict(self) -> Verdict:
        """About all that happened until now. Of Redox's log the last 10,000 requests are seen."""
        ledger, namespaces = self.ledger, self.fleet.namespaces
        requests = self.redox.requests()
        answered = [each for each in requests if each["time"] < time.time() - WRITTEN]
        return Verdict(
            requests=requested(self.redox),
            stored=sum(len(versions) for versions in ledger.tokens(namespaces).values()),
            untimely=self.fleet.untimely(requests, ledger),
            wasted=self.fleet.wasted(answered, ledger),
            backward=ledger.backward(namespaces),
            repeated_jti=self.redox.stats()["repeatedJti"],
            least_left=ledger.left(namespaces),
            unready=self.fleet.unready(),
        )


def check_alive(operator: OperatorProcess) -> None:
    """The liveness probe succeeds; as with a kubelet, no answer at all counts at the third time."""
    answer = (0, "")
    for _ in range(3):
        answer = operator.probe("/healthz")
        if answer[0] != 0:
            break
    assert answer == (200, "ok\n"), f"{answer}\n{operator.log()[-2000:]}"


@contextlib.contextmanager
def own_api_server(**options: Any) -> Iterator[tuple[Path, Path]]:
    """A control plane of its own with the project's CRDs: the kubeconfigs that a proof needs."""
    with ControlPlane.start(**options) as cluster:
        with KubernetesAPI.from_kubeconfig(cluster.kubeconfig) as admin:
            apply_crds(admin)
        yield cluster.kubeconfig, operator_kubeconfig(cluster)
