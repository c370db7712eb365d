"""Placeholders: one pass, and a dollar by two."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from redox_operator.domain.placeholders import NAMES, allowed, expand, is_valid

VALUES = {name: name.upper() for name in NAMES}
PLACEHOLDERS = [f"$({name})" for name in NAMES]


def test_the_names_are_those_of_the_contract() -> None:
    assert allowed() == (
        "$(accessToken), $(tokenType), $(expiresAt), $(authorization), $(scope), $(fhirBaseUrl)"
    )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("plain", "plain", id="no placeholder"),
        pytest.param("Authorization: $(authorization)", "Authorization: AUTHORIZATION", id="one"),
        pytest.param("$(scope)$(scope)", "SCOPESCOPE", id="twice"),
        pytest.param("".join(PLACEHOLDERS), "".join(VALUES.values()), id="all"),
        pytest.param("$$", "$", id="two dollars are one"),
        pytest.param("$$(scope)", "$(scope)", id="two dollars before a placeholder write it out"),
        pytest.param("$$$(scope)", "$SCOPE", id="the third dollar begins a placeholder"),
        pytest.param("$$$$(scope)", "$$(scope)", id="four dollars are two"),
        pytest.param("$$(no such name)", "$(no such name)", id="what is written out is not read"),
        pytest.param("costs $5, or 5 $", "costs $5, or 5 $", id="a dollar before anything else"),
        pytest.param("${scope} $scope", "${scope} $scope", id="a shell's variables"),
        pytest.param("$(scope)\n$(scope)", "SCOPE\nSCOPE", id="several lines"),
    ],
)
def test_a_template_is_expanded(template: str, expected: str) -> None:
    assert is_valid(template)
    assert expand(template, VALUES) == expected


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("$(token)", id="an unknown name"),
        pytest.param("$(AccessToken)", id="another case"),
        pytest.param("$( scope )", id="spaces"),
        pytest.param("$()", id="no name"),
        pytest.param("$(scope", id="not closed"),
        pytest.param("$(scope$(scope)", id="nested"),
        pytest.param("$$$(token)", id="an unknown name after a dollar"),
        pytest.param("$(scope) $(", id="not closed after a good one"),
    ],
)
def test_a_template_is_refused(template: str) -> None:
    assert not is_valid(template)


@given(st.dictionaries(st.sampled_from(NAMES), st.text(alphabet="$()acdeopsT", max_size=20)))
def test_values_are_never_scanned_again(some: dict[str, str]) -> None:
    values = VALUES | some
    for name in NAMES:
        assert expand(f"<$({name})>", values) == f"<{values[name]}>"


@given(
    st.lists(
        st.sampled_from([*PLACEHOLDERS, "$$", "$ ", "text"])
        | st.text(alphabet="ab$() ", max_size=4)
    )
)
def test_a_valid_template_expands_piece_by_piece(pieces: list[str]) -> None:
    # A piece that ends in a dollar would form another token with the next.
    assume(all(piece == "$$" or not piece.endswith("$") for piece in pieces))
    assume(all(is_valid(piece) for piece in pieces))
    whole = "".join(pieces)

    assert is_valid(whole)
    assert expand(whole, VALUES) == "".join(expand(piece, VALUES) for piece in pieces)


@given(st.text())
def test_any_text_can_be_written_with_its_dollars_doubled(text: str) -> None:
    doubled = text.replace("$", "$$")
    assert is_valid(doubled)
    assert expand(doubled, VALUES) == text
