"""Who may request tokens: the content of the clients file.

clients:
- clientId: app-1
  jwks: {keys: [{kid: …, kty: RSA, n: …, e: …}]}
- clientId: app-2
  jwksUrl: https://app.example/jwks.json
- clientId: user-1
  userLevel: true
  jwks: …
legacyKeys:
- {apiKey: …, secret: …}
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import yaml

from .public_keys import JWK, PublicKeyInvalid, check_key_set

_CLIENT_FIELDS = {"clientId", "jwks", "jwksUrl", "userLevel"}
_LEGACY_FIELDS = {"apiKey", "secret"}


class ClientsInvalid(ValueError):
    """The clients file cannot be used; the text says where and what to write."""


@dataclass(frozen=True, slots=True)
class Client:
    """One OAuth API key of the dashboard. With a `jwks_url`, `keys` are ignored, as Redox does."""

    client_id: str
    keys: tuple[JWK, ...] = ()
    jwks_url: str | None = None
    user_level: bool = False


@dataclass(frozen=True, slots=True)
class Clients:
    """The file's content: clients by ID, and the secrets of legacy keys by API key."""

    by_id: Mapping[str, Client] = field(default_factory=dict)
    legacy_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def parse(text: str) -> Clients:
    """Read YAML or JSON. Raises `ClientsInvalid` at the first fault."""
    content = _load(text)
    unknown = content.keys() - {"clients", "legacyKeys"}
    if unknown:
        raise ClientsInvalid(f"unknown field {min(unknown)!r}: write `clients` and `legacyKeys`")
    by_id: dict[str, Client] = {}
    for index, entry in enumerate(_list(content, "clients")):
        client = _client(entry, f"clients[{index}]")
        if client.client_id in by_id:
            raise ClientsInvalid(f"clients[{index}]: clientId {client.client_id!r} comes twice")
        by_id[client.client_id] = client
    secrets = dict(
        _legacy_key(entry, f"legacyKeys[{index}]")
        for index, entry in enumerate(_list(content, "legacyKeys"))
    )
    return Clients(by_id, secrets)


def _load(text: str) -> dict[str, Any]:
    try:
        # JSON is YAML too, and a hundred times faster to read.
        content = json.loads(text)
    except ValueError:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            content = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader in C
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" in line {mark.line + 1}" if mark else ""
            raise ClientsInvalid(f"not YAML{where}: write a list `clients`") from None
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise ClientsInvalid("write a mapping with a list `clients`")
    return content


def _list(content: Mapping[str, Any], name: str) -> list[Any]:
    value = content.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ClientsInvalid(f"{name}: write a list")
    return value


def _client(entry: object, where: str) -> Client:
    fields = _fields(entry, where, _CLIENT_FIELDS)
    url = fields.get("jwksUrl")
    if url is not None:
        _check_url(url, where)
    user_level = fields.get("userLevel", False)
    if not isinstance(user_level, bool):
        raise ClientsInvalid(f"{where}: userLevel is true or false")
    if url is None and "jwks" not in fields:
        raise ClientsInvalid(f"{where}: write `jwks: {{keys: […]}}` or `jwksUrl`")
    try:
        keys = check_key_set(fields["jwks"]) if "jwks" in fields else ()
    except PublicKeyInvalid as error:
        raise ClientsInvalid(f"{where}: jwks: {error}") from None
    return Client(_text(fields, "clientId", where), keys, url, user_level)


def _legacy_key(entry: object, where: str) -> tuple[str, str]:
    fields = _fields(entry, where, _LEGACY_FIELDS)
    return _text(fields, "apiKey", where), _text(fields, "secret", where)


def _fields(entry: object, where: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise ClientsInvalid(f"{where}: write a mapping with {', '.join(sorted(known))}")
    unknown = entry.keys() - known
    if unknown:
        names = ", ".join(sorted(known))
        raise ClientsInvalid(f"{where}: unknown field {str(min(unknown))!r}: known are {names}")
    return entry


def _text(fields: Mapping[str, Any], name: str, where: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise ClientsInvalid(f"{where}: {name} is required, a text")
    return value


def _check_url(url: object, where: str) -> None:
    parts = urlsplit(url if isinstance(url, str) else "")
    host = parts.hostname or ""
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        raise ClientsInvalid(f"{where}: jwksUrl is an https address, or plain http on loopback")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
