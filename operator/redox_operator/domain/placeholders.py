"""Placeholders in `stringData`: `$(accessToken)` and its fellows, as in a Pod's `args`.

One pass: a value that looks like a placeholder is never expanded again. `$$` is a dollar, so that
`$$(x)` writes `$(x)`; a dollar before anything else stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

NAMES = ("accessToken", "tokenType", "expiresAt", "authorization", "scope", "fhirBaseUrl")

_TOKEN = re.compile(r"\$\$|\$\(([^)]*)\)|\$\(")


def allowed() -> str:
    """The placeholders as an author writes them."""
    return ", ".join(f"$({name})" for name in NAMES)


def is_valid(template: str) -> bool:
    """Whether every placeholder is closed and known."""
    return all(
        match.group() == "$$" or match.group(1) in NAMES for match in _TOKEN.finditer(template)
    )


def expand(template: str, values: Mapping[str, str]) -> str:
    """The template with its placeholders replaced; `values` has all of `NAMES`."""

    def value(match: re.Match[str]) -> str:
        return "$" if match.group() == "$$" else values[match.group(1)]

    return _TOKEN.sub(value, template)
