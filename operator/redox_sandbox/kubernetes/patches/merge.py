"""JSON merge patch (RFC 7386)."""

from __future__ import annotations

from typing import Any


def merge(document: Any, patch: Any) -> Any:
    """Return the patched document; neither argument changes."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result
