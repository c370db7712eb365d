"""Requests to the API server: bounded in number, time and size, with errors of our own."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import yaml
from kubernetes.aio import client, config

from redox_operator.domain.errors import (
    ClusterError,
    ClusterUnavailable,
    ConfigurationError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
)

TIMEOUT = 10.0
"""Seconds for one request; a write that takes longer, its wait for a slot included, has an unknown
outcome."""
CONCURRENCY = 32
"""Requests under way at once: more only wait inside the API server."""
MAX_BODY = 8 * 1024 * 1024
"""Bytes of an answer; lists come in pages that stay below."""

METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
MERGE_PATCH = "application/merge-patch+json"

_READS = frozenset({"get", "list"})
_METHODS = {"get": "GET", "list": "GET", "create": "POST", "patch": "PATCH"}

_IMMUTABLE = frozenset(
    {
        *(("FieldValueForbidden", field) for field in ("data", "immutable", "type")),
        ("FieldValueInvalid", "type"),
    }
)
"""Causes of a 422 by which a Secret refuses a change whatever it is."""
_TOO_LARGE = frozenset({"FieldValueTooLong", "FieldValueTooMany"})

OnRequest = Callable[[str, str, str], None]
"""Called with verb, resource and HTTP status (`error` where there was no answer)."""


class Connection:
    """One API server, as the account of the kubeconfig or of the pod."""

    def __init__(self, configuration: client.Configuration, user_agent: str) -> None:
        configuration.connection_pool_maxsize = CONCURRENCY
        # The environment is asked for a proxy once, not, with a read of ~/.netrc, at each request.
        configuration.client_session_kwargs = {"trust_env": False}
        configuration.proxy = configuration.proxy or _proxy(str(configuration.host))
        self._configuration = configuration
        self._user_agent = user_agent
        self._api = client.ApiClient(configuration)
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self.on_request: OnRequest = lambda _verb, _resource, _code: None

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self._configuration.host)

    async def authorization(self) -> dict[str, str]:
        """The header that authenticates, read anew when the account's token is rotated."""
        token = await self._configuration.get_api_key_with_prefix("BearerToken")
        return {"Authorization": token} if token else {}

    def session(
        self,
        middleware: aiohttp.ClientMiddlewareType,
        response_class: type[aiohttp.ClientResponse],
    ) -> aiohttp.ClientSession:
        """A session of its own for the watches, in the running loop; the caller closes it."""
        connector = aiohttp.TCPConnector(limit=0, ssl=self._api.rest_client.ssl_context)
        return aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": self._user_agent},
            middlewares=(middleware,),
            response_class=response_class,
            proxy=self._configuration.proxy,
            read_bufsize=2**21,
        )

    async def request(
        self,
        verb: str,
        resource: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        max_body: int = MAX_BODY,
    ) -> dict[str, Any]:
        """The answer's JSON object.

        Raises a `ClusterError`: `ClusterUnavailable` where the outcome is unknown, `Invalid` for
        an answer above `max_body` bytes.
        """
        url = self.server + path + ("?" + urlencode(query) if query else "")
        code = "error"
        try:
            # A write must not begin long after it was decided; reads may wait for their turn.
            wait = None if verb in _READS else TIMEOUT
            async with asyncio.timeout(wait) as limit, self._slots:
                if wait is None:
                    limit.reschedule(asyncio.get_running_loop().time() + TIMEOUT)
                headers = {
                    "Accept": accept,
                    "Content-Type": content_type,
                    "User-Agent": self._user_agent,
                    **await self.authorization(),
                }
                answer = await self._api.rest_client.request(
                    _METHODS[verb], url, headers=headers, body=body, _request_timeout=TIMEOUT
                )
                response = answer.response
                code = str(response.status)
                content = await _read(response, max_body)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ClusterUnavailable(
                f"The API server did not answer {verb} {resource} ({type(error).__name__})."
            ) from error
        finally:
            self.on_request(verb, resource, code)
        status = int(code)
        if content is None:
            raise Invalid(
                f"{verb} {resource}: the object is larger than {max_body} bytes.", too_large=True
            )
        parsed = _parsed(content)
        if status >= 300:
            raise _error(verb, resource, status, parsed or {})
        if parsed is None:
            # Taken for an empty list, it would have everything forgotten.
            raise ClusterUnavailable(
                f"The answer to {verb} {resource} is no JSON object: look for a proxy in front of "
                "the API server."
            )
        return parsed

    async def close(self) -> None:
        """Close all connections."""
        await self._api.close()


_UNUSABLE = (
    *(config.ConfigException, yaml.YAMLError),
    *(OSError, ValueError, KeyError, TypeError, AttributeError),
)
"""What a kubeconfig that is missing, damaged or no kubeconfig makes the library raise."""


async def connect(user_agent: str) -> Connection:
    """The cluster of `KUBECONFIG`, else the in-cluster account.

    Raises `ConfigurationError` where neither is there.
    """
    configuration = client.Configuration()
    kubeconfig = os.environ.get("KUBECONFIG")
    try:
        if kubeconfig:
            await config.load_kube_config(kubeconfig, client_configuration=configuration)
        elif "KUBERNETES_SERVICE_HOST" in os.environ:
            config.load_incluster_config(configuration)
        else:
            await config.load_kube_config(client_configuration=configuration)
        return Connection(configuration, user_agent)
    except _UNUSABLE as error:
        raise ConfigurationError(
            ["No cluster: set KUBECONFIG to a readable kubeconfig, or run inside a cluster."]
        ) from error


def _proxy(server: str) -> str | None:
    """The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name for the API server."""
    parts = urlsplit(server)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)


async def _read(response: aiohttp.ClientResponse, max_body: int) -> bytes | None:
    """The body, or None where it is larger than `max_body` bytes."""
    if (response.content_length or 0) > max_body:
        response.close()
        return None
    chunks = bytearray()
    async for chunk in response.content.iter_chunked(65536):
        chunks += chunk
        if len(chunks) > max_body:
            response.close()
            return None
    return bytes(chunks)


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(content)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _error(verb: str, resource: str, status: int, answer: dict[str, Any]) -> ClusterError:
    """The error that a `metav1.Status` means. Its text may quote the object, so it is not shown."""
    message = f"{verb} {resource}: the API server answered {status}."
    text = str(answer.get("message", ""))
    details = (answer.get("details") or {}).get("causes") or ()
    causes = {(cause.get("reason"), cause.get("field")) for cause in details}
    reasons = {reason for reason, _ in causes}
    if status == 404:
        return NotFound(message, status=status)
    if status == 409:
        return Conflict(message, status=status)
    if status == 403:
        quota = "exceeded quota" in text or "status unknown for quota" in text
        return Forbidden(message, quota=quota, terminating="NamespaceTerminating" in reasons)
    if status in (400, 413, 422):
        return Invalid(
            message,
            status=status,
            immutable=bool(causes & _IMMUTABLE),
            too_large=status == 413 or bool(reasons & _TOO_LARGE),
        )
    if status in (401, 408, 429) or status >= 500:
        return ClusterUnavailable(message, status=status)
    return ClusterError(message, status=status)
