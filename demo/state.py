"""What the demo knows at one moment: values only, for the view and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Status:
    """What a RedoxCredential says of itself. Times in seconds since the epoch."""

    ready: str = "Unknown"
    """Status of the condition Ready: `True`, `False` or `Unknown`."""
    reason: str = ""
    message: str = ""
    expires_at: float | None = None
    next_refresh_at: float | None = None


@dataclass(frozen=True, slots=True)
class Readings:
    """What the consumer of one mounted token has seen so far. Times in seconds."""

    calls_ok: int = 0
    """FHIR calls that were answered with what was asked for."""
    calls_failed: int = 0
    data_model_ok: int = 0
    data_model_failed: int = 0
    tokens_used: int = 0
    """Different tokens with which a FHIR call succeeded."""
    stale_reads: int = 0
    """Reads of a token that had expired."""
    least_remaining: float | None = None
    """The shortest life that a token had left when it was read."""
    oldest_age: float | None = None
    """The age of the oldest token that was read."""
    last_call: str = ""
    last_failure: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One credential."""

    name: str
    key_format: str
    status: Status = field(default_factory=Status)
    issued: int = 0
    """Tokens that the sandbox has issued to its client."""
    readings: Readings = field(default_factory=Readings)

    @property
    def renewals(self) -> int:
        """Issues after the first one."""
        return max(0, self.issued - 1)


@dataclass(frozen=True, slots=True)
class Totals:
    """Counted by the sandbox and by the operator's metrics, not by the demo."""

    token_requests: int = 0
    refused: int = 0
    repeated_jti: int = 0
    secret_writes: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole demo at one moment."""

    now: float
    """Seconds since the epoch."""
    elapsed: float
    """Seconds since the credentials were created."""
    cluster: str
    hint: tuple[str, ...]
    rows: tuple[Row, ...]
    totals: Totals = field(default_factory=Totals)
    notices: tuple[str, ...] = ()
    """What does not answer at the moment."""

    @property
    def stale_reads(self) -> int:
        """Of all consumers."""
        return sum(row.readings.stale_reads for row in self.rows)

    @property
    def calls(self) -> tuple[int, int]:
        """FHIR calls of all consumers: ok and failed."""
        return (
            sum(row.readings.calls_ok for row in self.rows),
            sum(row.readings.calls_failed for row in self.rows),
        )

    @property
    def data_model_calls(self) -> tuple[int, int]:
        """Data Model calls of all consumers: ok and failed."""
        return (
            sum(row.readings.data_model_ok for row in self.rows),
            sum(row.readings.data_model_failed for row in self.rows),
        )
