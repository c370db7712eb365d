"""The one exception tree.

RedoxOperatorError
├── ConfigurationError            the process cannot start, or keeps its last good configuration
├── CredentialError               has a condition reason; says what to do
│   ├── SpecInvalid               a spec that the CRD's rules would refuse
│   ├── EndpointUnknown
│   ├── NotAllowed
│   ├── KeyNotFound
│   ├── KeyInvalid
│   ├── TokenRequestError
│   │   ├── EndpointUnavailable
│   │   │   └── RateLimited
│   │   ├── ResponseInvalid
│   │   ├── ClientRejected
│   │   └── LifetimeTooLong
│   └── TargetError
│       ├── TargetConflict
│       ├── TargetImmutable
│       ├── WriteDenied
│       │   ├── NamespaceGone     being deleted, or deleted: nothing can be created there
│       │   └── TargetTooLarge
│       └── QuotaExceeded
└── ClusterError                  the Kubernetes API did not do what was asked
    ├── Conflict                  409: read again, decide again
    ├── NotFound                  404
    ├── Forbidden                 403: RBAC, admission, quota or a terminating namespace
    ├── Invalid                   400, 413 or 422: the object cannot be stored as it is
    └── ClusterUnavailable        no answer, 429 or 5xx: the outcome is unknown

Messages never hold tokens, assertions, keys, or text of an answer: only an HTTP status, a known
OAuth `error` code, and sentences of ours. What a library said is chained, never shown.
"""

from __future__ import annotations

import enum
from typing import ClassVar


class Stalls(enum.Enum):
    """When a failure becomes `Stalled=True`, which Flux and Helm report as failed."""

    NEVER = "heals by itself"
    LATER = "a person may have to act: after five minutes"
    NOW = "a person must act"


class Retry(enum.Enum):
    """How a failed credential is tried again."""

    BACKOFF = "full jitter, by the distance to the deadline"
    REJECTED = "after 1, 10, 60 s, then every 5 min; at once when spec, endpoint or key change"
    LOOK = "looked at every 10 s"
    CHANGE = "when spec, configuration or target change; looked at every minute besides"


class RedoxOperatorError(Exception):
    """Everything that the operator raises on purpose."""


class ConfigurationError(RedoxOperatorError):
    """One or more faults of the process configuration, reported together."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class CredentialError(RedoxOperatorError):
    """A credential cannot be served as it stands. `reason` is the condition's reason."""

    reason: ClassVar[str]
    stalls: ClassVar[Stalls] = Stalls.NOW
    retry: ClassVar[Retry] = Retry.CHANGE

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class SpecInvalid(CredentialError):
    """The spec breaks a rule of the CRD, so the installed CRD is not the operator's."""

    reason = "SpecInvalid"


class EndpointUnknown(CredentialError):
    """No endpoint of that name is configured."""

    reason = "EndpointUnknown"


class NotAllowed(CredentialError):
    """The namespace may not use what it refers to."""

    reason = "NotAllowed"


class KeyNotFound(CredentialError):
    """The private-key Secret, or the key in it, does not exist or may not be read."""

    reason = "KeyNotFound"
    stalls = Stalls.LATER
    retry = Retry.LOOK


class KeyInvalid(CredentialError):
    """The private-key Secret holds no usable private key."""

    reason = "KeyInvalid"
    retry = Retry.LOOK


class TokenRequestError(CredentialError):
    """A token request brought no token."""

    def __init__(
        self, message: str, *, status: int | None = None, date: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status of the answer; None when there was none."""
        self.date = date
        """The answer's `Date` header in seconds since the epoch, if it had one."""


class EndpointUnavailable(TokenRequestError):
    """No answer, an interrupted one, or a 5xx: another attempt may succeed."""

    reason = "EndpointUnavailable"
    stalls = Stalls.NEVER
    retry = Retry.BACKOFF

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        date: float | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, date=date)
        self.retry_after = retry_after
        """Seconds that `Retry-After` asks to wait (RFC 9110 §10.2.3), if it was sent."""


class RateLimited(EndpointUnavailable):
    """429: the endpoint wants fewer requests."""

    reason = "RateLimited"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = 429,
        date: float | None = None,
        retry_after: float | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__(message, status=status, date=date, retry_after=retry_after)
        self.limit = limit
        """The answer's `X-RateLimit-Limit`, if it was sent."""


class ResponseInvalid(TokenRequestError):
    """A success that is no token response (RFC 6749 §5.1)."""

    reason = "ResponseInvalid"
    stalls = Stalls.NEVER
    retry = Retry.BACKOFF


class LifetimeTooLong(TokenRequestError):
    """`expires_in` above MAX_LIFETIME_SECONDS."""

    reason = "LifetimeTooLong"
    retry = Retry.REJECTED


class ClientRejected(TokenRequestError):
    """The endpoint refused the client or its assertion (RFC 6749 §5.2)."""

    reason = "ClientRejected"
    stalls = Stalls.LATER
    retry = Retry.REJECTED

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        date: float | None = None,
        code: str | None = None,
        public_key_not_found: bool = False,
    ) -> None:
        super().__init__(message, status=status, date=date)
        self.code = code
        """The OAuth `error` code, if it is a registered one."""
        self.public_key_not_found = public_key_not_found
        """Whether the endpoint said that it does not know the key: the next key of a set may do."""


class TargetError(CredentialError):
    """The target Secret cannot be written."""

    retry = Retry.LOOK


class TargetConflict(TargetError):
    """A Secret of that name exists and is not ours."""

    reason = "TargetConflict"


class TargetImmutable(TargetError):
    """The target Secret is immutable, or of another type."""

    reason = "TargetImmutable"


class WriteDenied(TargetError):
    """RBAC, an admission webhook or a terminating namespace refuses the write."""

    reason = "WriteDenied"
    stalls = Stalls.LATER


class NamespaceGone(WriteDenied):
    """The namespace is being deleted or does not exist: soon the credential does not, either."""

    retry = Retry.CHANGE


class TargetTooLarge(WriteDenied):
    """The Secret would be larger than the API server, or the operator, takes."""

    retry = Retry.CHANGE


class QuotaExceeded(TargetError):
    """A ResourceQuota refuses another Secret."""

    reason = "QuotaExceeded"
    stalls = Stalls.LATER


class ClusterError(RedoxOperatorError):
    """The Kubernetes API answered with an error. `status` is the HTTP status, if any."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Conflict(ClusterError):
    """409: the object changed since it was read, or exists already."""


class NotFound(ClusterError):
    """404: the object, its namespace or its kind does not exist."""


class Forbidden(ClusterError):
    """403: RBAC, an admission webhook, a quota or a terminating namespace."""

    def __init__(self, message: str, *, quota: bool = False, terminating: bool = False) -> None:
        super().__init__(message, status=403)
        self.quota = quota
        """Whether a ResourceQuota is used up."""
        self.terminating = terminating
        """Whether the namespace is being deleted."""


class Invalid(ClusterError):
    """400, 413 or 422: the object cannot be stored as it is."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        immutable: bool = False,
        too_large: bool = False,
    ) -> None:
        super().__init__(message, status=status)
        self.immutable = immutable
        """Whether what was to change is immutable, or a Secret's type."""
        self.too_large = too_large


class ClusterUnavailable(ClusterError):
    """No answer, 429 or 5xx: whether the request took effect is unknown."""
