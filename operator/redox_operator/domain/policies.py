"""Must a token be requested, or written, and why: a chain of pure functions over one value.

Each policy sees the whole `Observed` and returns a decision or None; the first decision holds.
The chain's order is its meaning, so each line says what it makes sure of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from redox_operator.domain import refresh, rendering, target
from redox_operator.domain.access_token import AccessToken
from redox_operator.domain.credential import Credential
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.errors import (
    CredentialError,
    EndpointUnknown,
    NamespaceGone,
    NotAllowed,
    RedoxOperatorError,
    TargetConflict,
    TargetError,
    TargetImmutable,
)
from redox_operator.domain.target import Ownership, Target


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong last, and when it is tried again."""

    error: RedoxOperatorError
    since: float
    """When a failure of this reason was first seen."""
    attempts: int
    """Failures in a row."""
    retry_at: float


@dataclass(frozen=True, slots=True)
class Observed:
    """All that a decision rests on. Times are seconds since the epoch by the corrected clock."""

    now: float
    credential: Credential
    endpoint: Endpoint | None
    target: Target | None
    """None: there is no Secret of that name."""
    token: AccessToken | None = None
    """The youngest token held in memory: issued by this process, or read from the target."""
    token_input_hash: str | None = None
    """What `token` was issued for."""
    expected_input_hash: str | None = None
    """What the next one would be issued for; None while the key has not been read."""
    planned_from: AccessToken | None = None
    """The last issued token where it was not written because it dies before the stored one."""
    input_issued_at: float | None = None
    """When a changed input last brought a token."""
    request_failure: Failure | None = None
    write_failure: Failure | None = None
    waits_for: Failure | None = None
    """Why its turn at the endpoint does not come, where others were answered so."""
    endpoint_names: tuple[str, ...] = ()
    """The endpoints that the credential's namespace may use."""
    margins: refresh.Margins = field(default_factory=refresh.Margins)
    max_lifetime_seconds: float = 86400.0

    @property
    def live_token(self) -> AccessToken | None:
        """The held token while it has not expired."""
        return self.token if self.token is not None and self.token.expires_at > self.now else None


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing to do until then; None: until something changes."""

    until: float | None


@dataclass(frozen=True, slots=True)
class Issue:
    """Request a token and store it."""

    reason: str
    input_changed: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """Store the token that is held: no request is spent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The credential cannot be served; a person must act."""

    error: CredentialError


Decision = Keep | Issue | Write | Refuse
Policy = Callable[[Observed], Decision | None]


def decide(observed: Observed) -> Decision:
    """The first decision of the chain, else to keep until the refresh."""
    for policy in CHAIN:
        decision = policy(observed)
        if decision is not None:
            return decision
    return Keep(_next_time(observed))


def suspended(observed: Observed) -> Decision | None:
    """A suspended credential keeps its Secret as it is."""
    return Keep(None) if observed.credential.suspend else None


def endpoint_unknown(observed: Observed) -> Decision | None:
    """The endpoint must be one that the operator is configured with."""
    if observed.endpoint is not None:
        return None
    return Refuse(
        EndpointUnknown(
            f"No endpoint is named {observed.credential.endpoint}. Ask who runs the operator to "
            f"add it{_or_write_another(observed)}."
        )
    )


def endpoint_not_allowed(observed: Observed) -> Decision | None:
    """The endpoint must be open to the credential's namespace."""
    endpoint = observed.endpoint
    if endpoint is None or endpoint.allows(observed.credential.key.namespace):
        return None
    return Refuse(
        NotAllowed(
            f"The namespace {observed.credential.key.namespace} may not use the endpoint "
            f"{endpoint.name}. Ask who runs the operator to allow it{_or_write_another(observed)}."
        )
    )


def target_is_foreign(observed: Observed) -> Decision | None:
    """A Secret of someone else is never changed; it is found before a token is requested."""
    seen, credential = observed.target, observed.credential
    if seen is None or target.ownership(seen, credential) is not Ownership.FOREIGN:
        return None
    return Refuse(
        TargetConflict(
            f"A Secret named {credential.target.secret_name} exists and is not this credential's. "
            "Delete that Secret, or create a credential with another spec.target.secretName."
        )
    )


def target_is_immutable(observed: Observed) -> Decision | None:
    """An immutable Secret cannot be refreshed, and deleting it would break its mounts."""
    if observed.target is None or not observed.target.immutable:
        return None
    return Refuse(
        TargetImmutable(
            f"The Secret {observed.credential.target.secret_name} is immutable. Delete it; it is "
            "then created anew."
        )
    )


def namespace_is_gone(observed: Observed) -> Decision | None:
    """Nothing is created in a namespace that is being deleted; soon the credential is, too."""
    failure = observed.write_failure
    if observed.target is not None or failure is None or observed.now >= failure.retry_at:
        return None
    return Keep(failure.retry_at) if isinstance(failure.error, NamespaceGone) else None


def input_changed(observed: Observed) -> Decision | None:
    """A token for another client, endpoint, scope or key is wanted, at most one per 30 s."""
    if observed.live_token is None or _same_input(observed):
        return None
    earliest = (observed.input_issued_at or 0.0) + refresh.INPUT_INTERVAL
    if _held_back(observed) is not None or observed.now < earliest:
        return None
    return Issue("InputChanged", input_changed=True)


def target_differs(observed: Observed) -> Decision | None:
    """What was edited, deleted or adopted is written from the token that is held."""
    token = observed.live_token
    if token is None or observed.endpoint is None:
        return None
    failure = observed.write_failure
    if failure is not None and observed.now < failure.retry_at:
        return None
    if observed.target is None:
        return Write("TargetMissing")
    if target.ownership(observed.target, observed.credential) is Ownership.ADOPTABLE:
        return Write("TargetAdopted")
    # The hash of the token's own input: a repair must not make a new input look served.
    wanted = rendering.render(
        observed.credential, observed.endpoint, token, observed.token_input_hash
    )
    return Write("TargetDiffers") if rendering.differs(observed.target, wanted) else None


def token_missing(observed: Observed) -> Decision | None:
    """There must be a token that has not expired."""
    if observed.live_token is not None or _held_back(observed) is not None:
        return None
    if observed.now < refresh_time(observed):
        return None
    return Issue("TokenMissing" if observed.token is None else "TokenExpired")


def refresh_due(observed: Observed) -> Decision | None:
    """A token is replaced long before it dies; but not one that could not even be stored."""
    if observed.now < refresh_time(observed) or _held_back(observed) is not None:
        return None
    return None if _is_denied(observed) else Issue("RefreshDue")


CHAIN: tuple[Policy, ...] = (
    suspended,  # the author's word comes first
    endpoint_unknown,  # nothing is requested from nowhere
    endpoint_not_allowed,  # nor on behalf of someone who may not
    target_is_foreign,  # nothing is requested that could not be stored
    target_is_immutable,
    namespace_is_gone,
    input_changed,  # before a repair, which would write what is no longer wanted
    target_differs,  # before an issue, which may have to wait for the endpoint
    token_missing,
    refresh_due,
)


def _or_write_another(observed: Observed) -> str:
    names = ", ".join(observed.endpoint_names)
    return f", or write one of {names} as spec.endpoint" if names else ""


def _same_input(observed: Observed) -> bool:
    return target.same_input(observed.token_input_hash, observed.expected_input_hash)


def _held_back(observed: Observed) -> float | None:
    """Until when a failed request keeps the next one back; None: it does not."""
    failure = observed.request_failure
    if failure is None or observed.now >= failure.retry_at:
        return None
    return failure.retry_at


def _is_denied(observed: Observed) -> bool:
    """Whether the held token waits for a permission: another one could not be stored either."""
    failure = observed.write_failure
    return failure is not None and isinstance(failure.error, TargetError)


def refresh_time(observed: Observed) -> float:
    """When the next refresh starts; without a live token, as soon as one may be requested."""
    token, credential = observed.live_token, observed.credential
    if token is None:
        # Tokens that die within seconds must not have the endpoint asked every second.
        issued = [each for each in (observed.token, observed.planned_from) if each is not None]
        earliest = (each.issued_at + refresh.MIN_INTERVAL for each in issued)
        return max([observed.now, *earliest])
    return refresh.refresh_time(
        observed.planned_from or token,
        credential.uid,
        observed.margins,
        credential.before_expiry_seconds,
    )


def _next_time(observed: Observed) -> float | None:
    """When the chain may decide otherwise though nothing changed."""
    times = []
    token = observed.live_token
    if token is not None:
        times.append(token.expires_at)
    if _held_back(observed) is None:
        times.append(refresh_time(observed))
    if observed.request_failure is not None:
        times.append(observed.request_failure.retry_at)
    if observed.write_failure is not None:
        times.append(observed.write_failure.retry_at)
    if token is not None and not _same_input(observed):
        times.append((observed.input_issued_at or 0.0) + refresh.INPUT_INTERVAL)
    return min((time for time in times if time > observed.now), default=None)
