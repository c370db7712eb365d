"""An access token (RFC 6749 §1.4) and when it was sent for and dies."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A Bearer token. Times are whole seconds since the epoch by the corrected clock."""

    value: str = field(repr=False)
    issued_at: float
    """The moment when the request was *sent*: `expires_in` counts from there, to be safe."""
    expires_at: float
    scope: str = ""

    @property
    def token_type(self) -> str:
        """The canonical spelling, whatever the endpoint's was (RFC 6749 §5.1: any case)."""
        return "Bearer"

    @property
    def authorization(self) -> str:
        """The value of an `Authorization` header (RFC 6750 §2.1)."""
        return f"{self.token_type} {self.value}"

    @property
    def lifetime(self) -> float:
        """Seconds from sending to expiry."""
        return self.expires_at - self.issued_at


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """A token and what else the answer told."""

    token: AccessToken
    date: float | None
    """The answer's `Date` header in seconds since the epoch, if it had one."""
