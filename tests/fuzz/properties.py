"""What holds of every parser's output."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"[!-~]{12,}")
"""Long enough not to be a word of a sentence of ours."""


def assert_tells_nothing(of: bytes | str, told: Iterable[str], public: Iterable[str] = ()) -> None:
    """No longer run of characters of the input stands in what is told, but for public ones."""
    text = of.decode("utf-8", "replace") if isinstance(of, bytes) else of
    told, public = list(told), list(public)
    for word in _WORD.findall(text):
        for start in range(0, len(word) - 11, 6):
            piece = word[start : start + 12]
            if any(piece in each for each in public):
                continue
            assert not any(piece in each for each in told), "the output repeats the input"


def assert_says_what_to_do(message: str) -> None:
    """A sentence, with what is wrong and what to do."""
    assert message.endswith("."), message
    assert ": " in message or ". " in message, message
    assert "\n" not in message, message
