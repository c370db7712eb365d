"""Inputs that are kept: seeds for the search, and what was found and mended."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.fuzz.properties import assert_says_what_to_do, assert_tells_nothing
from tests.fuzz.seeds import key_secrets
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file())
SECONDS = 1.0
"""Of the processor's time; the slowest takes a tenth."""


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.parent.name + "/" + path.name) for path in FILES]
)
def test_the_properties_hold_for_an_input_that_is_kept(path: Path) -> None:
    begun = time.process_time()
    TARGETS[path.parent.name](path.read_bytes())
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize("name", key_secrets())
def test_the_properties_hold_for_a_good_key(name: str) -> None:
    TARGETS["key-secret"](key_secrets()[name])


def test_every_parser_has_inputs_that_are_kept_and_no_other_has() -> None:
    assert {path.parent.name for path in FILES} == TARGETS.keys()


def test_inputs_that_are_kept_are_small() -> None:
    assert [path.name for path in FILES if path.stat().st_size > 16 * 1024 + 1] == []


def test_a_message_that_repeats_the_input_is_noticed() -> None:
    with pytest.raises(AssertionError, match="repeats the input"):
        assert_tells_nothing(b'{"d": "MIIEvQIBADANBgkqhkiG9w0B"}', ["wrong: MIIEvQIBADANBgkqhk."])


def test_a_message_without_advice_is_noticed() -> None:
    with pytest.raises(AssertionError):
        assert_says_what_to_do("It is wrong.")
