"""Rules for names, label keys and values, with apimachinery's sentences."""

from __future__ import annotations

import re
from collections.abc import Callable

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = rf"({_QUALIFIED})?"
_DATA_KEY = r"[-._a-zA-Z0-9]+"

_SUBDOMAIN_SENTENCE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.',"
    " and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    f"validation is '{_SUBDOMAIN}')"
)
_LABEL_SENTENCE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must"
    " start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
    f"validation is '{_LABEL}')"
)
_PART_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    f"validation is '{_QUALIFIED}')"
)
_VALUE_SENTENCE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
    f"'12345', regex used for validation is '{_VALUE}')"
)
_DATA_KEY_SENTENCE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',"
    f"  or 'KEY_NAME',  or 'key-name', regex used for validation is '{_DATA_KEY}')"
)

NameRule = Callable[[str], list[str]]


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text) is not None


def _longer_than(limit: int, text: str, unit: str = "bytes") -> list[str]:
    return [f"must be no more than {limit} {unit}"] if len(text) > limit else []


def subdomain_faults(name: str) -> list[str]:
    """Check a DNS subdomain (RFC 1123): the name of most objects."""
    faults = _longer_than(253, name, "characters")
    return faults if _matches(_SUBDOMAIN, name) else [*faults, _SUBDOMAIN_SENTENCE]


def label_faults(name: str) -> list[str]:
    """Check a DNS label (RFC 1123): the name of a namespace."""
    faults = _longer_than(63, name, "characters")
    if _matches(_LABEL, name):
        return faults
    dotted = _matches(_SUBDOMAIN, name)
    return [*faults, "must not contain dots" if dotted else _LABEL_SENTENCE]


def path_segment_faults(name: str) -> list[str]:
    """Check a path segment: the name of a role or role binding."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{mark}'" for mark in "/%" if mark in name]


def label_key_faults(key: str) -> list[str]:
    """Check a qualified name: the key of a label or annotation, a finalizer."""
    prefix, slash, name = key.rpartition("/")
    if prefix.count("/"):
        return [f"a valid label key {_PART_RULE} {_PREFIX_HINT}"]
    faults: list[str] = []
    if slash and not prefix:
        faults.append("prefix part must be non-empty")
    elif slash:
        faults += [f"prefix part {fault}" for fault in subdomain_faults(prefix)]
    if not name:
        return [*faults, "name part must be non-empty", f"name part {_PART_RULE}"]
    faults += [f"name part {fault}" for fault in _longer_than(63, name)]
    if not _matches(_QUALIFIED, name):
        faults.append(f"name part {_PART_RULE}")
    return faults


_PREFIX_HINT = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"


def label_value_faults(value: str) -> list[str]:
    """Check the value of a label."""
    faults = _longer_than(63, value)
    return faults if _matches(_VALUE, value) else [*faults, _VALUE_SENTENCE]


def data_key_faults(key: str) -> list[str]:
    """Check a key of the data of a Secret or ConfigMap."""
    faults = _longer_than(253, key, "characters")
    if not _matches(_DATA_KEY, key):
        return [*faults, _DATA_KEY_SENTENCE]
    if key in (".", ".."):
        return [*faults, f"must not be '{key}'"]
    return [*faults, "must not start with '..'"] if key.startswith("..") else faults
