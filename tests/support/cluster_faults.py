"""Requests to the fake API server, and how they fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from redox_operator.domain.errors import (
    ClusterError,
    ClusterUnavailable,
    Forbidden,
    Invalid,
    NotFound,
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived."""

    at: float
    """Boot clock."""
    verb: str
    resource: str
    """`secrets`, `redoxcredentials`, `redoxcredentials/status` or `events`."""
    namespace: str | None
    name: str | None

    @property
    def is_write(self) -> bool:
        """Whether it may change something."""
        return self.verb in ("create", "patch")


@dataclass(slots=True)
class Fault:
    """Requests that fail; None matches everything."""

    error: Callable[[], ClusterError]
    verb: str | None = None
    resource: str | None = None
    namespace: str | None = None
    name: str | None = None
    lost: bool = False
    """The request takes effect, and only its answer is lost."""
    times: float = float("inf")
    delay: float = 0.0

    def matches(self, request: Request) -> bool:
        """Whether this request fails."""
        pairs = (
            (self.verb, request.verb),
            (self.resource, request.resource),
            (self.namespace, request.namespace),
            (self.name, request.name),
        )
        return self.times > 0 and all(mine in (None, its) for mine, its in pairs)


def unavailable() -> ClusterError:
    """No answer."""
    return ClusterUnavailable("The API server did not answer.")


def denied() -> ClusterError:
    """403 by RBAC or an admission webhook."""
    return Forbidden("The API server answered 403.")


def quota_exceeded() -> ClusterError:
    """403 by a ResourceQuota."""
    return Forbidden("The API server answered 403.", quota=True)


def namespace_terminating() -> ClusterError:
    """403: the namespace is being deleted."""
    return Forbidden("The API server answered 403.", terminating=True)


def namespace_missing() -> ClusterError:
    """404: there is no such namespace."""
    return NotFound("The API server answered 404.", status=404)


def too_large() -> ClusterError:
    """413."""
    return Invalid("The API server answered 413.", status=413, too_large=True)
