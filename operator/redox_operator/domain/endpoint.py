"""A named token endpoint: where assertions go, what they claim, how fast."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class AllowedNamespaces:
    """Which namespaces may use an endpoint."""

    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One entry of the operator's configuration (RFC 6749 §3.2).

    The audience belongs to the entry, never to a credential: no author of a credential can have a
    valid assertion sent anywhere else.
    """

    name: str
    token_url: str
    audience: str
    ca_bundle: str | None = None
    """Path of a PEM file with the certificates to trust instead of the public ones."""
    fhir_base_url: str = ""
    requests_per_second: float = 12.0
    burst: int = 60
    assertion_lifetime_seconds: int = 300
    assertion_type: str = "JWT"
    """The `typ` header; RFC 7523bis wants `client-authentication+jwt`."""
    allowed_namespaces: AllowedNamespaces | None = None
    """None: all."""

    @property
    def host(self) -> str:
        """Host of the token URL, for status."""
        return urlsplit(self.token_url).hostname or ""

    def allows(self, namespace: str) -> bool:
        """Whether credentials of that namespace may use this endpoint."""
        return self.allowed_namespaces is None or namespace in self.allowed_namespaces.names


US = Endpoint(
    name="US",
    token_url="https://api.redoxengine.com/v2/auth/token",  # noqa: S106 - an address
    audience="https://api.redoxengine.com/v2/auth/token",
    fhir_base_url="https://api.redoxengine.com/fhir/R4",
)
"""Redox's production host; its development and staging environments share it."""

CANADA = Endpoint(
    name="Canada",
    token_url="https://api.ca.redoxengine.com/v2/auth/token",  # noqa: S106 - an address
    audience="https://api.ca.redoxengine.com/v2/auth/token",
    fhir_base_url="https://api.ca.redoxengine.com/fhir/R4",
)
"""Redox in Canada: `ca` stands in the host."""

BUILT_IN = (US, CANADA)
