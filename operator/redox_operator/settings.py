"""The settings of the process: environment variables and flags of the same names."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redox_operator.domain.errors import ConfigurationError
from redox_operator.domain.label_selector import check_label_selector
from redox_operator.domain.refresh import Margins

PREFIX = "REDOX_OPERATOR_"
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_OBJECT_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; an empty host means every interface."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, parsed and valid."""

    namespaces: tuple[str, ...] = ()
    endpoints_file: Path | None = None
    key_namespace: str = "default"
    require_key_label: bool = False
    watch_secrets: bool = True
    watch_label_selector: str | None = None
    leader_election: bool = False
    lease_name: str = "redox-operator"
    lease_namespace: str | None = None
    """None only where there is no leader election."""
    margins: Margins = field(default_factory=Margins)
    max_lifetime_seconds: float = 86400.0
    workers: int = 20
    health_address: Address = field(default_factory=lambda: Address("", 8080))
    metrics_address: Address = field(default_factory=lambda: Address("", 9090))
    log_format: str = "json"
    log_level: str = "INFO"


@dataclass(frozen=True, slots=True)
class _Setting:
    name: str
    default: str
    parse: Callable[[str], Any]
    meaning: str


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("write true or false")
    return text.lower() == "true"


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError("write a number of seconds") from None
        if not low <= value <= high:
            raise ValueError(f"write {low:g} to {high:g} seconds")
        return value

    return parse


def _count(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or len(text) > len(str(high)) or not low <= int(text) <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return int(text)

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        for choice in choices:
            if text.lower() == choice.lower():
                return choice
        raise ValueError(f"write one of {', '.join(choices)}")

    return parse


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError("write host:port or :port")
    return Address(host.strip("[]"), int(port))


def _namespaces(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if any(not _NAMESPACE.fullmatch(name) for name in names):
        raise ValueError("write names of namespaces, separated by commas")
    return names


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _text(text: str) -> str | None:
    return text or None


def _selector(text: str) -> str | None:
    return check_label_selector(text) or None


def _object_name(text: str) -> str:
    if len(text) > 253 or not _OBJECT_NAME.fullmatch(text):
        raise ValueError("write the name of an object: lower case letters, digits, - and .")
    return text


def _namespace(text: str) -> str | None:
    if text and not _NAMESPACE.fullmatch(text):
        raise ValueError("write the name of a namespace")
    return text or None


_SETTINGS = (
    _Setting("NAMESPACES", "", _namespaces, "comma-separated namespaces to serve; empty: all"),
    _Setting("ENDPOINTS_FILE", "", _path, "YAML file with more endpoints"),
    _Setting("KEY_NAMESPACE", "", _text, "namespace of shared keys; empty: the operator's own"),
    _Setting("REQUIRE_KEY_LABEL", "false", _boolean, "key Secrets must carry the role label"),
    _Setting("WATCH_SECRETS", "true", _boolean, "false: no list or watch on Secrets"),
    _Setting("WATCH_LABEL_SELECTOR", "", _selector, "label selector of the credentials to serve"),
    _Setting("LEADER_ELECTION", "false", _boolean, "several replicas, of which one works"),
    _Setting("LEASE_NAME", "redox-operator", _object_name, "Lease that says which one"),
    _Setting("LEASE_NAMESPACE", "", _namespace, "its namespace; empty: the operator's own"),
    _Setting("PROPAGATION_SECONDS", "92", _seconds(0, 3600), "how late kubelets show a change"),
    _Setting("SAFETY_SECONDS", "10", _seconds(0, 3600), "what a reader still needs of a token"),
    _Setting("RETRY_BUDGET_SECONDS", "75", _seconds(0, 3600), "outage that is bridged"),
    _Setting("MAX_LIFETIME_SECONDS", "86400", _seconds(1, 31_536_000), "longest life believed"),
    _Setting("WORKERS", "20", _count(1, 1000), "concurrent issues per endpoint"),
    _Setting("HEALTH_ADDRESS", ":8080", _address, "/healthz and /readyz"),
    _Setting("METRICS_ADDRESS", ":9090", _address, "/metrics"),
    _Setting("LOG_FORMAT", "json", _one_of("json", "text"), "json or text"),
    _Setting("LOG_LEVEL", "INFO", _one_of("DEBUG", "INFO", "WARNING", "ERROR"), "least level"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A flag for each setting."""
    for setting in _SETTINGS:
        parser.add_argument(
            _flag(setting.name),
            metavar="VALUE",
            help=f"{setting.meaning} (default: {setting.default or 'none'})",
        )


def parse_settings(
    arguments: Mapping[str, str | None],
    environment: Mapping[str, str] | None = None,
    namespace_file: Path = _NAMESPACE_FILE,
) -> Settings:
    """The settings; a flag goes before its environment variable.

    `namespace_file` tells a pod its own namespace.

    Raises `ConfigurationError` with all faults, unknown variables of our prefix among them.
    """
    environ = os.environ if environment is None else environment
    faults, values = _unknown(environ), {}
    for setting in _SETTINGS:
        name = setting.name.lower()
        given = arguments.get(name)
        source = _flag(setting.name) if given is not None else PREFIX + setting.name
        text = environ.get(PREFIX + setting.name, setting.default) if given is None else given
        try:
            values[name] = setting.parse(text.strip())
        except ValueError as error:
            faults.append(f"{source}: {error}.")
    own = _own_namespace(namespace_file)
    if values.get("leader_election") and values.get("lease_namespace", "") is None:
        values["lease_namespace"] = own
        if own is None:
            faults.append(
                f"{PREFIX}LEASE_NAMESPACE: leader election needs it outside of a pod; write the "
                "namespace of the Lease."
            )
    if faults:
        raise ConfigurationError(faults)
    margins = Margins(
        values.pop("propagation_seconds"),
        values.pop("safety_seconds"),
        values.pop("retry_budget_seconds"),
    )
    values["key_namespace"] = values["key_namespace"] or own or "default"
    return Settings(margins=margins, **values)


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = {PREFIX + setting.name for setting in _SETTINGS}
    given: Sequence[str] = sorted(name for name in environ if name.startswith(PREFIX))
    return [
        f"{name}: is no setting. See `redox-operator run --help`."
        for name in given
        if name not in known and not _is_service_link(name)
    ]


def _is_service_link(name: str) -> bool:
    """Variables that Kubernetes sets for a Service named like the operator."""
    return name.endswith(("_SERVICE_HOST", "_PORT")) or "_PORT_" in name


def _flag(name: str) -> str:
    return "--" + name.lower().replace("_", "-")


def _own_namespace(namespace_file: Path) -> str | None:
    """The namespace of the pod; None outside of one."""
    try:
        return namespace_file.read_text().strip() or None
    except OSError:
        return None
