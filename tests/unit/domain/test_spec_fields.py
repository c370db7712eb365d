"""Fields of a spec, one kind at a time."""

from __future__ import annotations

import re
from typing import Any

import pytest

from redox_operator.domain.errors import SpecInvalid
from redox_operator.domain.spec_fields import (
    Text,
    read_flag,
    read_object,
    read_set,
    read_texts,
    read_whole_number,
)

WORD = Text(re.compile(r"[a-z]+"), 5, "write a word of at most 5 letters")


def test_a_text_of_the_right_form_is_read() -> None:
    assert WORD.read("apple", "spec.fruit") == "apple"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("cherry", id="too long"),
        pytest.param("fig1", id="another form"),
        pytest.param("fig\n", id="a line end"),
        pytest.param("", id="empty"),
        pytest.param(None, id="left out"),
        pytest.param(["fig"], id="a list"),
    ],
)
def test_any_other_value_is_refused_with_what_to_write(value: object) -> None:
    with pytest.raises(SpecInvalid, match=r"^spec\.fruit: write a word of at most 5 letters\.$"):
        WORD.read(value, "spec.fruit")


@pytest.mark.parametrize(
    ("value", "required", "expected"),
    [
        pytest.param({"a": 1}, True, {"a": 1}, id="an object"),
        pytest.param(None, False, {}, id="an optional one left out is empty"),
        pytest.param(None, True, None, id="a required one left out"),
        pytest.param([], False, None, id="a list"),
        pytest.param("a", False, None, id="a text"),
    ],
)
def test_an_object_is_read(value: object, required: bool, expected: dict[str, Any] | None) -> None:
    if expected is not None:
        assert read_object(value, "spec.a", required=required) == expected
    else:
        with pytest.raises(SpecInvalid, match=r"kubectl explain redoxcredentials\.spec\.a"):
            read_object(value, "spec.a", required=required)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param({"a": "b", "c": "d"}, None, id="names and values"),
        pytest.param(None, None, id="left out"),
        pytest.param({"A": "b"}, "spec.m: write a word", id="a name of another form"),
        pytest.param({5: "b"}, "spec.m: write a word", id="a name that is no text"),
        pytest.param({"a": "B"}, "spec.m[a]: write a word", id="a value of another form"),
        pytest.param({"a": "", "b": "", "c": ""}, "spec.m: write at most 2 entries", id="too many"),
    ],
)
def test_a_map_of_texts_is_read(value: Any, message: str | None) -> None:
    if message is None:
        assert read_texts(value, "spec.m", names=WORD, values=WORD, most=2) == (value or {})
    else:
        with pytest.raises(SpecInvalid, match=re.escape(message)):
            read_texts(value, "spec.m", names=WORD, values=WORD, most=2)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(["b", "a"], None, id="items in their order"),
        pytest.param(None, None, id="left out"),
        pytest.param("ab", "spec.l: write a list of at most 2 items", id="a text"),
        pytest.param(["a", "b", "c"], "spec.l: write a list of at most 2 items", id="too many"),
        pytest.param(["a", "B"], "spec.l[1]: write a word", id="an item of another form"),
        pytest.param(["a", "a"], "spec.l: write each item once", id="an item twice"),
    ],
)
def test_a_set_is_read(value: Any, message: str | None) -> None:
    if message is None:
        assert read_set(value, "spec.l", items=WORD, most=2) == tuple(value or ())
    else:
        with pytest.raises(SpecInvalid, match=re.escape(message)):
            read_set(value, "spec.l", items=WORD, most=2)


@pytest.mark.parametrize("value", [1, 5, None])
def test_a_whole_number_within_its_bounds_is_read(value: int | None) -> None:
    assert read_whole_number(value, "spec.n", lowest=1, highest=5) == value


@pytest.mark.parametrize("value", [0, 6, 2.5, "3", True, [3]])
def test_any_other_number_is_refused(value: object) -> None:
    with pytest.raises(SpecInvalid, match=r"^spec\.n: write a whole number from 1 to 5\.$"):
        read_whole_number(value, "spec.n", lowest=1, highest=5)


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), (None, False)])
def test_a_flag_is_read(value: object, expected: bool) -> None:
    assert read_flag(value, "spec.f") is expected


@pytest.mark.parametrize("value", ["true", 1, 0, []])
def test_what_only_looks_like_a_flag_is_refused(value: object) -> None:
    with pytest.raises(SpecInvalid, match=r"^spec\.f: write true or false"):
        read_flag(value, "spec.f")
