"""Failures on request: what a test can make the server do to its clients."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal, get_args

from redox_sandbox.kubernetes.cluster import Cluster
from redox_sandbox.kubernetes.errors import StatusError
from redox_sandbox.kubernetes.serving.paths import RequestInfo
from redox_sandbox.kubernetes.watching import Watches

Action = Literal["status", "hang", "reset", "slow", "stall"]
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure and the requests that it meets; an empty condition meets all.

    `status` answers `code`; `hang` answers nothing; `reset` cuts the connection; `slow` answers
    after `seconds`; `stall` opens a watch and sends nothing on it. With `after` the request is
    carried out first and only its answer is lost.
    """

    action: Action
    verbs: tuple[str, ...] = ()
    resource: str = ""
    subresource: str | None = None
    namespace: str = ""
    name: str = ""
    user_agent: str = ""
    times: int | None = None
    code: int = 503
    reason: str = ""
    message: str = ""
    retry_after: int | None = None
    seconds: float = 1.0
    after: bool = False

    def __post_init__(self) -> None:
        if self.action not in get_args(Action):
            raise ValueError(f"action must be one of {', '.join(get_args(Action))}")

    def meets(self, info: RequestInfo, user_agent: str) -> bool:
        """Tell whether a request is one of those."""
        return (
            (not self.verbs or info.verb in self.verbs)
            and self.resource in ("", info.plural, f"{info.plural}.{info.group}")
            and self.subresource in (None, info.subresource)
            and self.namespace in ("", info.namespace)
            and self.name in ("", info.name)
            and self.user_agent in user_agent
        )

    def error(self) -> StatusError:
        """Return the error that `status` answers."""
        reason = self.reason or _REASONS.get(self.code, "")
        message = self.message or f"the sandbox was told to answer {self.code}"
        details = {"retryAfterSeconds": self.retry_after} if self.retry_after else None
        return StatusError(self.code, reason, message, details, retry_after=self.retry_after)


@dataclass(slots=True)
class Faults:
    """The failures in force, and what can be done to history and open watches."""

    cluster: Cluster
    watches: Watches
    _rules: dict[int, Fault] = field(default_factory=dict)
    _ids: count[int] = field(default_factory=lambda: count(1))
    _frozen: dict[str, int] = field(default_factory=dict)

    def add(self, fault: Fault) -> int:
        """Put a failure into force; return the number by which it is removed."""
        number = next(self._ids)
        self._rules[number] = fault
        return number

    def remove(self, number: int) -> None:
        """Take a failure out of force, if it still is."""
        self._rules.pop(number, None)

    def clear(self) -> None:
        """Take all failures out of force, and read the present again."""
        self._rules.clear()
        self._frozen.clear()

    def in_force(self) -> dict[int, Fault]:
        """Return the failures in force by number."""
        return dict(self._rules)

    def take(self, info: RequestInfo, user_agent: str) -> Fault | None:
        """Return the first failure that meets a request, and count it."""
        for number, fault in self._rules.items():
            if fault.meets(info, user_agent):
                if fault.times is not None:
                    self._rules[number] = replace(fault, times=fault.times - 1)
                    if fault.times <= 1:
                        del self._rules[number]
                return fault
        return None

    def compact(self, resource: str | None = None) -> None:
        """Forget the history: watches and continued lists from before get 410."""
        self.cluster.store.compact(resource)

    def rewind(self, revision: int) -> None:
        """Restore an earlier state, as from a backup of etcd; watches are dropped."""
        self.cluster.store.rewind(revision)
        self.drop_watches()

    def freeze_reads(self, resource: str, revision: int) -> None:
        """Serve gets and lists of a resource, named as in the store, from an earlier state."""
        self._frozen[resource] = revision

    def thaw_reads(self) -> None:
        """Read the present again."""
        self._frozen.clear()

    def frozen_at(self, storage: str) -> int | None:
        """Return the revision that a resource is read at, if not the present."""
        return self._frozen.get(storage)

    def drop_watches(self, plural: str | None = None) -> int:
        """End open watches cleanly; return how many."""
        watches = self.watches.of(plural)
        for watch in watches:
            watch.end()
        return len(watches)

    def stall_watches(self, plural: str | None = None) -> int:
        """Let open watches fall silent without closing them; return how many."""
        watches = self.watches.of(plural)
        for watch in watches:
            watch.stall()
        return len(watches)

    def fail_watches(self, plural: str | None = None, code: int = 410) -> int:
        """Send an ERROR event to open watches and end them; return how many."""
        watches = self.watches.of(plural)
        error = Fault("status", code=code, message="the sandbox was told to end this watch").error()
        for watch in watches:
            watch.fail(error)
        return len(watches)
