"""An access token."""

from __future__ import annotations

from redox_operator.domain.access_token import TokenResponse
from tests.support.builders import NOW, TOKEN, token


def test_a_token_is_a_bearer_token() -> None:
    assert token().token_type == "Bearer"
    assert token().authorization == f"Bearer {TOKEN}"


def test_its_life_counts_from_sending() -> None:
    assert token(lifetime=300).lifetime == 300
    assert token(lifetime=300).expires_at == NOW + 300


def test_its_value_is_never_shown() -> None:
    assert TOKEN not in repr(token())
    assert TOKEN not in repr(TokenResponse(token(), date=NOW))
