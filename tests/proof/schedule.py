"""One credential's schedule: the domain's policies in a loop, without controllers, tasks or I/O.

Time jumps from one decision to the next, so a life of a token costs a millisecond.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from redox_operator.domain import policies, refresh
from redox_operator.domain.access_token import AccessToken
from redox_operator.domain.clock_correction import ClockCorrection, Reading
from redox_operator.domain.conditions import Situation, conditions
from redox_operator.domain.credential import Credential
from redox_operator.domain.errors import (
    ClientRejected,
    ClusterUnavailable,
    EndpointUnavailable,
    RedoxOperatorError,
)
from redox_operator.domain.policies import Failure, Observed
from redox_operator.domain.target import Target, same_input, stored_token
from tests.proof.premise import Premise
from tests.support import builders
from tests.support.virtual_time import EPOCH

MAX_LIFETIME = 86400.0
DECISIONS = 8
"""In one instant; more would be a loop that never sleeps."""


@dataclass(slots=True)
class Clocks:
    """The machine's clocks; `boot` is the truth."""

    boot: float = 1000.0
    step: float = 0.0

    def read(self) -> Reading:
        """Both."""
        return Reading(EPOCH + self.boot + self.step, self.boot)


@dataclass(frozen=True, slots=True)
class Sent:
    """A token request."""

    at: float
    """Boot clock."""
    decision: policies.Issue
    lifetime: float
    """Of the token that came; 0 where none did."""


@dataclass(slots=True)
class Memory:
    """What a process knows and loses."""

    token: AccessToken | None = None
    input_hash: str | None = None
    planned_from: AccessToken | None = None
    input_issued_at: float | None = None
    request_failure: Failure | None = None
    write_failure: Failure | None = None
    """`retry_at` of both is of the boot clock."""
    correction: ClockCorrection = field(default_factory=ClockCorrection)


class Schedule:
    """The policies, an endpoint, a Secret, and what goes wrong with them."""

    def __init__(self) -> None:
        self.clocks = Clocks()
        self.premise = Premise(self.clocks)  # type: ignore[arg-type]  # it has what is read
        self.credential: Credential = builders.credential()
        self.endpoint_error: RedoxOperatorError | None = None
        self.cluster_error: RedoxOperatorError | None = None
        self.lifetime = 300.0
        self.fraction = 0.5
        """The draw of every pause."""
        self.input = 0
        self.running = True
        self.memory = Memory()
        self.target: Target | None = None
        self.sent: list[Sent] = []
        self.disturbed: list[float] = []
        """Boot clock of restarts and clock steps, after which what was issued may not count."""
        self.dies_at = 0.0
        """Boot clock when the stored token dies."""
        self.stored_at = 0.0
        """Boot clock when it was issued."""
        self.violations: list[str] = []

    @property
    def is_well(self) -> bool:
        """Whether nobody is away: attempts in vain come often, and days of them take long."""
        return self.endpoint_error is None and self.cluster_error is None

    @property
    def now(self) -> float:
        """The corrected time."""
        return self.memory.correction.now(self.clocks.read())

    @property
    def expected(self) -> str:
        """What the next token is issued for."""
        return f"v1:{self.input}"

    def restart(self) -> None:
        """A new process, which knows what the Secret says."""
        self.memory, self.running = Memory(), True
        self.disturbed.append(self.clocks.boot)
        self.read()

    def read(self) -> None:
        """Hold the token of the Secret, if it counts."""
        if self.target is None:
            return
        token = stored_token(self.target, self.now, MAX_LIFETIME, "t")
        if token is not None:
            self.memory.token = token
            self.memory.input_hash = self.target.annotations.get("redox-operator.dev/input-hash")

    def advance(self, seconds: float) -> None:
        """Let time pass, and do all that is due meanwhile."""
        end = self.clocks.boot + seconds
        while self.clocks.boot < end:
            pause = self.work() if self.running else None
            left = end - self.clocks.boot
            self.clocks.boot += left if pause is None else min(left, max(pause, 0.01))
            self.look()

    def work(self) -> float | None:
        """Decide and act until nothing is to be done now; seconds until something may be."""
        for _ in range(DECISIONS):
            observed = self.observe()
            decision = policies.decide(observed)
            match decision:
                case policies.Issue():
                    self.request(decision)
                case policies.Write():
                    self.write(observed)
                case policies.Keep():
                    if decision.until is None:
                        return None
                    return decision.until - observed.now
                case policies.Refuse():
                    self.violations.append(f"refused: {decision.error}")
                    return None
        self.violations.append(f"at {self.clocks.boot}: it does not come to rest")
        return 1.0

    def observe(self) -> Observed:
        """What the policies see."""
        memory, by_wall = self.memory, self.now - self.clocks.boot
        issued_at = memory.input_issued_at
        return Observed(
            now=self.now,
            credential=self.credential,
            endpoint=builders.endpoint(),
            target=self.target,
            token=memory.token,
            token_input_hash=memory.input_hash,
            expected_input_hash=self.expected,
            planned_from=memory.planned_from,
            input_issued_at=None if issued_at is None else by_wall + issued_at,
            request_failure=_by_wall(memory.request_failure, by_wall),
            write_failure=_by_wall(memory.write_failure, by_wall),
        )

    def request(self, decision: policies.Issue) -> None:
        """Ask the endpoint; its answer takes no time."""
        lifetime = self.lifetime if self.endpoint_error is None else 0.0
        self.sent.append(Sent(self.clocks.boot, decision, lifetime))
        reading = self.clocks.read()
        if self.endpoint_error is not None:
            self.memory.request_failure = self.failed(
                self.memory.request_failure, self.endpoint_error
            )
            return
        memory = self.memory
        memory.correction.observe(math.floor(EPOCH + self.clocks.boot), reading, reading)
        issued_at = float(math.floor(self.now))
        held, same = memory.token, same_input(memory.input_hash, self.expected)
        new = AccessToken("t", issued_at, issued_at + self.lifetime)
        memory.request_failure = None
        if held is not None and not same:
            memory.input_issued_at = self.clocks.boot
        elif held is not None and new.expires_at < held.expires_at > new.issued_at:
            memory.planned_from = new
            return
        memory.token, memory.input_hash, memory.planned_from = new, self.expected, None

    def write(self, observed: Observed) -> None:
        """Store the held token."""
        memory = self.memory
        if self.cluster_error is not None:
            memory.write_failure = self.failed(memory.write_failure, self.cluster_error)
            return
        assert memory.token is not None
        self.look()
        seen = None
        if self.target is not None:
            seen = stored_token(self.target, observed.now, MAX_LIFETIME)
            stored_for = self.target.annotations.get("redox-operator.dev/input-hash")
            if (
                seen is not None
                and same_input(stored_for, memory.input_hash)
                and memory.token.expires_at < seen.expires_at
            ):
                self.violations.append(f"at {self.clocks.boot}: the stored expiry went back")
        if seen is None or seen.expires_at != memory.token.expires_at:
            self.stored_at = self.clocks.boot
            self.dies_at = self.sent[-1].at + memory.token.lifetime if self.sent else 0.0
        self.target = builders.target(
            memory.token, of=self.credential, input_hash=memory.input_hash
        )
        memory.write_failure = None

    def failed(self, before: Failure | None, error: RedoxOperatorError) -> Failure:
        """One more failure."""
        attempts = 1 if before is None else before.attempts + 1
        if isinstance(error, ClientRejected):
            delay = refresh.rejected_delay(attempts)
        else:
            token = self.memory.token
            early = token is None or self.now < refresh.deadline(token, refresh.Margins())
            delay = max(0.1, refresh.retry_delay(attempts, self.fraction, before_deadline=early))
        return Failure(error, self.now, attempts, self.clocks.boot + delay)

    def look(self) -> None:
        """The properties that hold at every instant."""
        if self.target is None:
            return
        stored = stored_token(self.target, self.now, MAX_LIFETIME)
        self.look_at_conditions(stored)
        if stored is None:
            return
        left = self.dies_at - self.clocks.boot
        issued_at = self.dies_at - stored.lifetime
        needed = self.premise.margins.mounted
        if left < needed - 1 and self.premise.holds(
            self.credential.key, issued_at, stored.lifetime
        ):
            self.violations.append(f"at {self.clocks.boot}: {left:.1f} s left")

    def look_at_conditions(self, stored: AccessToken | None) -> None:
        """Status tells the truth, and never two things at once."""
        failure = self.memory.request_failure
        error = failure.error if failure is not None else None
        told = {
            each["type"]: each["status"]
            for each in conditions(
                Situation(
                    now=self.now,
                    generation=1,
                    token=stored,
                    suspended=self.credential.suspend,
                    pending_change=not same_input(self.memory.input_hash, self.expected),
                    error=error,  # type: ignore[arg-type]
                    error_since=0.0 if failure is None else failure.since,
                )
            )
        }
        live = stored is not None and stored.expires_at > self.now
        if (told["Ready"] == "True") != live:
            self.violations.append(f"at {self.clocks.boot}: Ready is {told['Ready']}")
        if set(told) != {"Ready", "RefreshHealthy", "Reconciling", "Stalled"}:
            self.violations.append("a condition is missing")


def unavailable() -> RedoxOperatorError:
    """The endpoint does not answer."""
    return EndpointUnavailable("The endpoint did not answer.")


def rejected() -> RedoxOperatorError:
    """The endpoint knows the client no more."""
    return ClientRejected("The endpoint rejected the client.", status=400)


def no_cluster() -> RedoxOperatorError:
    """The API server does not answer."""
    return ClusterUnavailable("The API server did not answer.")


def _by_wall(failure: Failure | None, by_wall: float) -> Failure | None:
    return None if failure is None else replace(failure, retry_at=by_wall + failure.retry_at)
