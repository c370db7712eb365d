"""The endpoints of the configuration: US, Canada, and what ENDPOINTS_FILE adds or changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from redox_operator.domain.endpoint import BUILT_IN, AllowedNamespaces, Endpoint
from redox_operator.domain.errors import ConfigurationError

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}")
_KEYS = {
    "name": str,
    "tokenUrl": str,
    "audience": str,
    "caBundle": str,
    "fhirBaseUrl": str,
    "requestsPerSecond": (int, float),
    "burst": int,
    "assertionLifetimeSeconds": int,
    "assertionType": str,
    "allowInsecure": bool,
    "allowedNamespaces": dict,
}
_MAX_SIZE = 256 * 1024


class EndpointsFile:
    """Reads the file, and again when it changed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._content: bytes | None = None
        self.endpoints: tuple[Endpoint, ...] = BUILT_IN
        """The last good ones."""
        self.faults: list[str] = []
        """What is wrong with the file as it stands; empty where nothing is."""

    def load(self) -> None:
        """Read the file. Raises `ConfigurationError` with all its faults."""
        if self._path is None:
            return
        try:
            content = self._path.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                [f"ENDPOINTS_FILE: {self._path} cannot be read ({error.strerror})."]
            ) from error
        self.endpoints = parse_endpoints(content, self._path.parent)
        self._content, self.faults = content, []

    def reload(self) -> bool:
        """Read the file if it changed; whether the endpoints may have. A fault keeps the last."""
        if self._path is None:
            return False
        try:
            if self._path.read_bytes() == self._content:
                restored, self.faults = bool(self.faults), []
                return restored
            self.load()
        except ConfigurationError as error:
            self.faults = error.faults
            return False
        except OSError as error:
            self.faults = [f"ENDPOINTS_FILE: {self._path} cannot be read ({error.strerror})."]
            return False
        return True


def parse_endpoints(content: bytes, directory: Path) -> tuple[Endpoint, ...]:
    """All endpoints with those of the file's text; paths in it are relative to `directory`.

    Raises `ConfigurationError` with all faults.
    """
    faults: list[str] = []
    endpoints = {endpoint.name: endpoint for endpoint in BUILT_IN}
    seen: set[str] = set()
    for index, entry in enumerate(_entries(content, faults)):
        where = f"ENDPOINTS_FILE: endpoints[{index}]"
        before = len(faults)
        _check_types(entry, where, faults)
        name = entry.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            faults.append(f"{where}.name: write a letter, then up to 62 letters, digits or dashes.")
        elif name in seen:
            faults.append(f"{where}.name: {name} stands twice. Keep one entry.")
        if len(faults) > before or not isinstance(name, str):
            continue
        seen.add(name)
        endpoint = _endpoint(entry, name, endpoints.get(name), directory)
        _check_endpoint(endpoint, entry, where, faults)
        endpoints[name] = endpoint
    if faults:
        raise ConfigurationError(faults)
    return tuple(endpoints.values())


def _entries(content: bytes, faults: list[str]) -> list[Mapping[str, Any]]:
    if len(content) > _MAX_SIZE:
        faults.append("ENDPOINTS_FILE: larger than 256 KiB.")
        return []
    try:
        parsed = yaml.safe_load(content)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        faults.append(f"ENDPOINTS_FILE: is no YAML{line}.")
        return []
    except (ValueError, LookupError, AttributeError, RecursionError):
        # What PyYAML raises besides: `!!int ''`, `!!bool x`, `!!timestamp x`, 2026-02-30.
        faults.append("ENDPOINTS_FILE: is no YAML.")
        return []
    if parsed is None:
        return []
    entries = parsed.get("endpoints") if isinstance(parsed, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        faults.append("ENDPOINTS_FILE: write a list of entries under `endpoints:`.")
        return []
    return entries


def _check_types(entry: Mapping[str, Any], where: str, faults: list[str]) -> None:
    for key, value in entry.items():
        kind = _KEYS.get(key)
        if kind is None:
            faults.append(f"{where}.{key}: is not known. Known are {', '.join(_KEYS)}.")
        elif not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):  # type: ignore[arg-type]
            faults.append(f"{where}.{key}: has a value of the wrong type.")


def _endpoint(
    entry: Mapping[str, Any], name: str, base: Endpoint | None, directory: Path
) -> Endpoint:
    token_url = entry.get("tokenUrl", base.token_url if base is not None else "")
    moved = base is None or token_url != base.token_url
    if base is None or moved:
        base = Endpoint(name=name, token_url=token_url, audience=token_url)
    snake = {re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), key): entry[key] for key in entry}
    known = {field.name for field in fields(Endpoint)} - {"name", "ca_bundle", "allowed_namespaces"}
    changes = {key: value for key, value in snake.items() if key in known}
    if "caBundle" in entry:
        changes["ca_bundle"] = str(directory / entry["caBundle"])
    if "allowedNamespaces" in entry:
        names = _list(entry["allowedNamespaces"].get("names")) or ()
        changes["allowed_namespaces"] = AllowedNamespaces(frozenset(map(str, names)))
    return replace(base, **changes)


def _check_endpoint(
    endpoint: Endpoint, entry: Mapping[str, Any], where: str, faults: list[str]
) -> None:
    _check_url(endpoint.token_url, entry.get("allowInsecure", False), where, faults)
    allowed = entry.get("allowedNamespaces", {})
    if set(allowed) - {"names"}:
        faults.append(f"{where}.allowedNamespaces: write a list `names`.")
    elif _list(allowed.get("names", [])) is None:
        faults.append(f"{where}.allowedNamespaces.names: write a list of names.")
    if not 0 <= endpoint.requests_per_second <= 10_000:
        faults.append(f"{where}.requestsPerSecond: write 0 (no limit) to 10000.")
    if not 1 <= endpoint.burst <= 10_000:
        faults.append(f"{where}.burst: write 1 to 10000.")
    if not 60 <= endpoint.assertion_lifetime_seconds <= 3600:
        faults.append(f"{where}.assertionLifetimeSeconds: write 60 to 3600.")
    if not endpoint.audience or not endpoint.assertion_type:
        faults.append(f"{where}: audience and assertionType must not be empty.")
    if endpoint.ca_bundle is not None and not _is_file(endpoint.ca_bundle):
        faults.append(f"{where}.caBundle: {endpoint.ca_bundle} is no file that can be read.")


def _list(value: object) -> list[str] | None:
    """The value if it is a list of texts."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    return None


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError:
        return False


def _check_url(url: str, allow_insecure: bool, where: str, faults: list[str]) -> None:
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_valid = urlsplit(""), False
    if not _PRINTABLE.fullmatch(url) or not parts.hostname or not port_is_valid:
        faults.append(f"{where}.tokenUrl: write a URL such as https://host/path.")
    elif parts.username is not None or parts.fragment or parts.query:
        faults.append(f"{where}.tokenUrl: must have no user, query or fragment.")
    elif parts.scheme == "http" and allow_insecure and _is_loopback(parts.hostname):
        return
    elif parts.scheme != "https":
        faults.append(
            f"{where}.tokenUrl: must begin with https://. Plain http is possible only on "
            "loopback, with allowInsecure: true."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
