"""The syntax of label selectors, as the API server takes them: equality- and set-based.

A faulty one has every list and watch refused; it is found when the process starts instead.
"""

from __future__ import annotations

import re

_PART = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_KEY_TEXT = rf"(?=(?:[^/\s]{{1,253}}/)?[^/]*$)(?:{_LABEL}(?:\.{_LABEL})*/)?{_PART}"
_KEY = re.compile(_KEY_TEXT)
_VALUE = re.compile(rf"(?:{_PART})?")
_TERM = re.compile(
    r"(?P<absent>!)?\s*(?P<key>[^\s=!,()<>]+)\s*"
    r"(?:(?P<compared>==|=|!=|<|>)\s*(?P<value>[^\s=!,()<>]*)"
    r"|(?<=\s)(?:in|notin)\s*\((?P<values>[^()]*)\))?"
)
_COMMA = re.compile(r",(?![^(]*\))")


def check_label_selector(text: str) -> str:
    """The selector as it was given, without spaces around it.

    Raises `ValueError`, which names the first term that is no requirement.
    """
    selector = text.strip()
    for term in _COMMA.split(selector) if selector else ():
        if not _is_requirement(term.strip()):
            raise ValueError(
                f"`{term.strip()}` is no requirement: write key, !key, key=value, key!=value, "
                "key in (a, b) or key notin (a, b), separated by commas"
            )
    return selector


def _is_requirement(term: str) -> bool:
    found = _TERM.fullmatch(term)
    if found is None or not _KEY.fullmatch(found["key"]):
        return False
    compared, value, values = found["compared"], found["value"], found["values"]
    if found["absent"]:
        return compared is None and values is None
    if values is not None:
        return all(_VALUE.fullmatch(each.strip()) for each in values.split(","))
    if compared in ("<", ">"):
        return value.isdecimal() and value.isascii()
    return compared is None or _VALUE.fullmatch(value) is not None
