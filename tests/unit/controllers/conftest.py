"""The operator in a simulated world."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from redox_operator.domain.credential import Key
from tests.support.simulation import Simulation


@pytest.fixture
def sim() -> Iterator[Simulation]:
    """A world in which an operator runs and nothing fails."""
    with Simulation() as made:
        yield made


@pytest.fixture
def ehr(sim: Simulation) -> Key:
    """A credential that is served and on schedule."""
    key = sim.create()
    sim.advance(3)
    assert sim.ready(key) == "True"
    return key
