"""The properties of `targets`, under structured inputs: the same ones in each run."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.strategies import INPUTS
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_the_properties_hold_for_inputs_that_look_right(name: str) -> None:
    @settings(
        deadline=None,
        derandomize=True,
        database=None,
        max_examples=150,
        suppress_health_check=list(HealthCheck),
    )
    @given(INPUTS[name])
    def holds(data: bytes) -> None:
        TARGETS[name](data)

    holds()


@pytest.mark.parametrize("name", TARGETS)
def test_the_properties_hold_for_inputs_that_are_nothing(name: str) -> None:
    @settings(deadline=None, derandomize=True, database=None, max_examples=50)
    @given(st.binary(max_size=200))
    def holds(data: bytes) -> None:
        TARGETS[name](data)

    holds()
