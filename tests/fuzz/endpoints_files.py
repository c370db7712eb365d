"""The text of ENDPOINTS_FILE."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from redox_operator.adapters.endpoints_file import parse_endpoints
from redox_operator.domain.endpoint import BUILT_IN, Endpoint
from redox_operator.domain.errors import ConfigurationError
from redox_operator.domain.token_bucket import TokenBucket


def endpoints_file(data: bytes) -> None:
    """It becomes endpoints that can be used, or `ConfigurationError` with all its faults."""
    read = _read(data)
    if isinstance(read, ConfigurationError):
        assert read.faults
        assert all(fault.startswith("ENDPOINTS_FILE: ") for fault in read.faults)
    else:
        _check(read)


def _read(data: bytes) -> tuple[Endpoint, ...] | ConfigurationError:
    try:
        return parse_endpoints(data, Path("/nowhere"))
    except ConfigurationError as error:
        return error


def _check(endpoints: tuple[Endpoint, ...]) -> None:
    names = [endpoint.name for endpoint in endpoints]
    assert len(set(names)) == len(names)
    assert {endpoint.name for endpoint in BUILT_IN} <= set(names)
    for endpoint in endpoints:
        parts = urlsplit(endpoint.token_url)
        assert parts.scheme == "https" or _is_loopback(str(parts.hostname))
        assert endpoint.audience
        assert hash(endpoint) == hash(endpoint)
        assert endpoint.allows("clinic") in (True, False)
        TokenBucket(endpoint.requests_per_second, endpoint.burst, now=0.0)


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith(("127.", "::ffff:127."))
