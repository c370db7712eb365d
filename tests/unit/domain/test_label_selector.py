from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redox_operator.domain.label_selector import check_label_selector
from redox_sandbox.kubernetes.errors import StatusError
from redox_sandbox.kubernetes.selectors import parse_label_selector

GOOD = [
    "",
    "  ",
    "team",
    "!team",
    "! team",
    "team=a",
    "team==a",
    "team = a",
    "team!=a",
    "team=",
    "team in (a)",
    "team in (a, b)",
    "team notin (a,b)",
    "team in (a,)",
    "example.com/team=a",
    "team=a,tier!=b,!old,shard in (1,2)",
    " team=a , tier=b ",
    "shard>1",
    "shard<10",
    "team=" + "a" * 63,
    "a" * 63,
]
BAD = [
    ",",
    "team=a,",
    ",team=a",
    "team=a b",
    "team a",
    "team=a=b",
    "=a",
    "!",
    "!team=a",
    "team in a",
    "team in (a",
    "team in a)",
    "team notin",
    "team in",
    "(team)",
    "keyin (a)",
    "keynotin(a)",
    "notin (a)",
    "team>a",
    "team>",
    "team=-a",
    "-team",
    "team=" + "a" * 64,
    "a" * 64,
    "Example.COM/team",
    "a/b/c",
    "/team",
    "team/",
    "team=ä",
    "team&tier",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_selector_that_the_api_server_takes_is_taken(text: str) -> None:
    assert check_label_selector(text) == text.strip()
    parse_label_selector(text.strip())


@pytest.mark.parametrize("text", BAD)
def test_a_selector_that_the_api_server_refuses_is_a_fault(text: str) -> None:
    with pytest.raises(ValueError, match="is no requirement: write key"):
        check_label_selector(text)


def test_the_fault_names_the_term() -> None:
    with pytest.raises(ValueError, match="`tier in`"):
        check_label_selector("team=a, tier in,old")


@given(st.text(alphabet="ab-./=!,()<> in1", max_size=20))
def test_what_is_taken_is_what_a_second_parser_takes(text: str) -> None:
    try:
        check_label_selector(text)
    except ValueError:
        return
    try:
        parse_label_selector(text.strip())
    except StatusError as error:
        raise AssertionError(text) from error
