"""When no whole answer comes: what happened, in a sentence of ours.

Nothing is chained: a library's exception holds the request, and may quote the answer.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx

from redox_operator.adapters.token_endpoint.timeouts import Timeouts
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.errors import EndpointUnavailable

_AGAIN = "another attempt follows by itself"
_NETWORK = "check firewall, network policies and HTTPS_PROXY"
_DISCONNECTED = "Server disconnected without sending a response."

# OpenSSL's X509_V_ERR_* that call for different answers.
_CLOCK_ERRORS = {9: "is not valid yet", 10: "has expired"}
_HOST_ERRORS = {62, 64}


def ca_bundle_unreadable(endpoint: Endpoint, error: OSError) -> EndpointUnavailable:
    """The file of the certificates to trust is missing, unreadable, or holds none."""
    if endpoint.ca_bundle is None:
        return EndpointUnavailable(
            "The public certificates cannot be read: correct SSL_CERT_FILE or SSL_CERT_DIR of the "
            "operator, or remove it."
        )
    what = (
        "holds no valid PEM certificates" if isinstance(error, ssl.SSLError) else "cannot be read"
    )
    return EndpointUnavailable(
        f"The caBundle {endpoint.ca_bundle} of the endpoint {endpoint.name} {what}: correct the "
        "file, or caBundle in the operator's configuration."
    )


def no_answer(
    error: Exception, endpoint: Endpoint, timeouts: Timeouts, *, status: int | None
) -> EndpointUnavailable:
    """The error to raise. `status` is that of an answer which broke off."""
    return EndpointUnavailable(_sentence(error, endpoint, timeouts, status), status=status)


def _sentence(error: Exception, endpoint: Endpoint, timeouts: Timeouts, status: int | None) -> str:
    host = endpoint.host
    match error:
        case TimeoutError():
            return f"{host} sent no whole answer within {timeouts.total:g} s: {_AGAIN}; {_NETWORK}."
        case httpx.ConnectTimeout():
            return f"No connection to {host} came about within {timeouts.connect:g} s: {_NETWORK}."
        case httpx.ReadTimeout():
            return f"{host} was silent for {timeouts.read:g} s: {_AGAIN}."
        case httpx.WriteTimeout():
            return f"{host} took no request within {timeouts.write:g} s: {_AGAIN}; {_NETWORK}."
        case httpx.PoolTimeout():
            return (
                f"All connections to {host} were busy for {timeouts.pool:g} s, because it answers "
                f"slowly: {_AGAIN}."
            )
        case httpx.ProxyError():
            return (
                f"The proxy did not connect to {host}: check HTTPS_PROXY and NO_PROXY of the "
                "operator, and what the proxy allows."
            )
        case httpx.ConnectError():
            return _connect_sentence(error, host)
        case httpx.RemoteProtocolError() if status is None and str(error) != _DISCONNECTED:
            return (
                f"{host} answered something that is no HTTP: check the tokenUrl of the endpoint "
                f"{endpoint.name}, and proxies on the way."
            )
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | UnicodeError():
            return (
                f"The tokenUrl of the endpoint {endpoint.name} cannot be used: write an https "
                "address in the operator's configuration."
            )
        case _ if status is None:
            return f"The connection to {host} broke before an answer came: {_AGAIN}."
        case _:
            return f"The answer of {host} broke off: {_AGAIN}."


def _connect_sentence(error: Exception, host: str) -> str:
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return _certificate_sentence(cause, host)
            case ssl.SSLError():
                return (
                    f"No TLS connection to {host} came about: check the tokenUrl of the endpoint, "
                    "and proxies on the way."
                )
            case socket.gaierror():
                return (
                    f"The host name {host} could not be resolved: check the tokenUrl of the "
                    "endpoint, and DNS in the cluster."
                )
            case ConnectionRefusedError():
                return (
                    f"{host} refused the connection: check the tokenUrl of the endpoint, then "
                    "firewall and network policies."
                )
            case _:
                pass
    return f"{host} could not be reached: {_NETWORK}."


def _certificate_sentence(error: ssl.SSLCertVerificationError, host: str) -> str:
    code = error.verify_code
    if code in _CLOCK_ERRORS:
        return (
            f"The certificate of {host} {_CLOCK_ERRORS[code]}: check the clock of this node; if it "
            "is right, the endpoint must renew its certificate."
        )
    if code in _HOST_ERRORS:
        return (
            f"The certificate of {host} is for another host: check the tokenUrl of the endpoint, "
            "and proxies on the way."
        )
    return (
        f"The certificate of {host} is not signed by a trusted authority: write the right one into "
        "caBundle of the endpoint, and look for a proxy that replaces certificates."
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and what led to it, also through groups (several addresses of one host)."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for part in error.exceptions:
                yield from _causes(part)
        error = error.__cause__ or error.__context__
