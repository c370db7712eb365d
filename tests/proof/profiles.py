"""How many scenarios are drawn: the same few each time, or many new ones."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

IS_LONG = os.environ.get("REDOX_OPERATOR_PROOF") == "long"

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def drawn(examples: int, **more: int) -> settings:
    """So many examples, or a hundred times as many where the long proof is asked for."""
    if IS_LONG:
        return settings(
            deadline=None,
            max_examples=100 * examples,
            print_blob=True,
            suppress_health_check=_SLOW,
            **more,  # type: ignore[arg-type]
        )
    return settings(
        deadline=None,
        max_examples=examples,
        derandomize=True,
        database=None,
        suppress_health_check=_SLOW,
        **more,  # type: ignore[arg-type]
    )
