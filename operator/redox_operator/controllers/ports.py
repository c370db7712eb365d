"""What the controllers need of the world; the adapters have it, and so have the tests' fakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from redox_operator.domain.access_token import TokenResponse
from redox_operator.domain.credential import Credential, Key
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.private_key import KeySet, KeySetSummary, SigningKey
from redox_operator.domain.rendering import Rendered
from redox_operator.domain.target import Target

Leads = Callable[[], bool]
"""Whether this replica may work now."""


class TargetReadLike(Protocol):
    """A target that was read whole."""

    @property
    def target(self) -> Target:
        """The Secret's metadata."""
        ...

    @property
    def access_token(self) -> str | None:
        """The token in it, where our keys are as they were written."""
        ...


class SecretsPort(Protocol):
    """Private keys and target Secrets; raises `ClusterError`, key and target errors."""

    async def read_private_key(self, credential: Credential) -> bytes: ...
    async def read_target(self, credential: Credential) -> TargetReadLike | None: ...
    async def create_target(self, credential: Credential, rendered: Rendered) -> Target: ...
    async def patch_target(
        self, credential: Credential, rendered: Rendered, seen: Target
    ) -> Target: ...
    async def list_targets(self, namespace: str | None) -> list[tuple[str, str, Target]]: ...


class CredentialsPort(Protocol):
    """Credentials and their status; raises a `ClusterError`."""

    async def list(self, namespace: str | None) -> tuple[list[dict[str, Any]], str]: ...

    async def patch_status(self, key: Key, uid: str, patch: dict[str, Any]) -> str | None: ...


class KeyParserPort(Protocol):
    """Private keys, parsed in a child process; raises `KeyInvalid`."""

    on_settled: Callable[[], None]
    """Called when a key was parsed, or found to be none; not for what was known already."""

    async def parse(
        self, content: bytes, *, namespace: str, key_id: str | None, algorithm: str | None
    ) -> KeySet: ...
    async def inspect(
        self, content: bytes, *, namespace: str, key_id: str | None, algorithm: str | None
    ) -> KeySetSummary: ...


class SignPort(Protocol):
    """Signs a client assertion; raises `KeyInvalid` where the signature does not verify."""

    def __call__(
        self,
        key: SigningKey,
        *,
        client_id: str,
        audience: str,
        issued_at: float,
        lifetime: int,
        assertion_type: str,
        jti: str,
    ) -> str: ...


class TokenEndpointPort(Protocol):
    """Requests access tokens; raises a `TokenRequestError`."""

    async def request_token(
        self, endpoint: Endpoint, assertion: str, *, scopes: Sequence[str], sent_at: float
    ) -> TokenResponse: ...


class EventsPort(Protocol):
    """Events of the cluster."""

    async def post(self, key: Key, uid: str, *, warning: bool, reason: str, note: str) -> None: ...


class MetricsPort(Protocol):
    """What is counted as it happens; gauges are read from the records when scraped."""

    def token_request(self, endpoint: str, outcome: str, seconds: float) -> None: ...
    def secret_write(self, outcome: str) -> None: ...
    def lateness(self, seconds: float) -> None: ...
