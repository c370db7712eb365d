"""Reading bodies: JSON or YAML, at most 3 MiB."""

from __future__ import annotations

import json
from typing import Any

import yaml
from aiohttp import web

from redox_sandbox.kubernetes.errors import bad_request, too_large, unsupported_media_type
from redox_sandbox.kubernetes.serving import protobuf

BODY_LIMIT = 3 * 1024 * 1024
_JSON, _YAML = "application/json", "application/yaml"


def media_type(request: web.BaseRequest) -> str:
    """Return the body's media type without parameters."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


async def read_body(request: web.BaseRequest) -> bytes:
    """Read the body.

    Raises:
        StatusError: 413, it is longer than any object may be.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise too_large(BODY_LIMIT)
        chunks.append(chunk)
    return b"".join(chunks)


def parse_object(kind: str, media: str, content: bytes) -> Any:
    """Parse the body of a create or update.

    Raises:
        StatusError: 415, another media type; 400, it is not what its media type says.
    """
    if media == protobuf.MEDIA_TYPE:
        return protobuf.decode(content)
    if media not in ("", _JSON, _YAML):
        raise unsupported_media_type(f"{_JSON}, {_YAML}, {protobuf.MEDIA_TYPE}")
    unrecognized = f"the object provided is unrecognized (must be of type {kind})"
    try:
        return _parse_yaml(content) if media == _YAML else json.loads(content)
    except (ValueError, yaml.YAMLError) as error:
        why = "unexpected end of JSON input" if not content else "invalid character"
        raise bad_request(
            f"{unrecognized}: couldn't get version/kind; json parse error: {why}"
        ) from error


def parse_patch(media: str, content: bytes) -> Any:
    """Parse a patch; an apply patch may be YAML.

    Raises:
        StatusError: 400, it is not what its media type says.
    """
    try:
        if media.endswith("yaml") and not content.lstrip().startswith(b"{"):
            return _parse_yaml(content)
        return json.loads(content)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request("invalid JSON patch") from error


def parse_optional(content: bytes) -> Any:
    """Parse the `DeleteOptions` of a deletion, which may be absent.

    Raises:
        StatusError: 400, it is none.
    """
    if not content:
        return None
    try:
        options = json.loads(content)
    except ValueError as error:
        raise bad_request("couldn't get version/kind; json parse error") from error
    kind = options.get("kind", "DeleteOptions") if isinstance(options, dict) else ""
    if kind != "DeleteOptions":
        version = options.get("apiVersion", "") if isinstance(options, dict) else ""
        raise bad_request(f'no kind "{kind}" is registered for version "{version}" in scheme')
    return options


class _Loader(yaml.SafeLoader):
    """YAML as JSON has it: what looks like a time is a string."""


_Loader.yaml_implicit_resolvers = {
    mark: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for mark, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _parse_yaml(content: bytes) -> Any:
    return yaml.load(content, Loader=_Loader)  # noqa: S506 - it is a SafeLoader
