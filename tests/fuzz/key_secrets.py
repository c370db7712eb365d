"""The value of a key Secret, and what the child process answers about it."""

from __future__ import annotations

import json

from redox_operator.adapters.client_assertion import key_set
from redox_operator.adapters.client_assertion.messages import (
    Fault,
    Question,
    answer_from_message,
    answer_to_message,
)
from redox_operator.adapters.client_assertion.signing import sign
from redox_operator.domain.credential import ALGORITHMS
from redox_operator.domain.errors import KeyInvalid
from redox_operator.domain.private_key import MAX_KEYS, KeySet, KeySetSummary
from tests.fuzz.properties import assert_says_what_to_do, assert_tells_nothing

ASKED: tuple[tuple[str | None, str | None], ...] = ((None, None), ("k", None), (None, "PS256"))
"""Key ID and algorithm of the spec."""


def key_secret(data: bytes) -> None:
    """A PEM, a JWK, a JWK Set or anything else becomes keys that sign, or `KeyInvalid`."""
    for key_id, wanted in ASKED:
        try:
            summary = key_set.inspect(data, key_id=key_id, algorithm=wanted)
            keys = key_set.parse(data, key_id=key_id, algorithm=wanted)
        except KeyInvalid as fault:
            assert_says_what_to_do(fault.message)
            assert_tells_nothing(data, [fault.message, repr(fault)])
            continue
        assert keys.summary == summary
        assert 1 <= len(keys.keys) <= MAX_KEYS
        _check(data, keys, key_id, wanted)


def _check(data: bytes, keys: KeySet, key_id: str | None, wanted: str | None) -> None:
    for key in keys.keys:
        assert key.algorithm in ALGORITHMS
        assert wanted in (None, key.algorithm)
        assert 1 <= len(key.key_id) <= 256
        assert all("!" <= character <= "~" for character in key.key_id)
        assertion = sign(
            key,
            client_id="client",
            audience="https://redox.example/token",
            issued_at=1_700_000_000.0,
            lifetime=300,
            assertion_type="JWT",
            jti="once",
        )
        assert assertion.count(".") == 2
    # What keys are called is told; their private members are not.
    names = [name for key in keys.keys for name in (key.key_id, key.thumbprint)]
    assert_tells_nothing(data, [repr(keys)], public=names)
    assert KeySet(keys.keys) == answer_from_message(
        json.loads(json.dumps(answer_to_message(keys))), Question(data, key_id, wanted, True)
    )


def child_answer(data: bytes) -> None:
    """A message that a child of somebody's making sent is an answer, or `ValueError`."""
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(message, dict):
        return
    for thorough in (True, False):
        try:
            answer = answer_from_message(message, Question(b"", None, None, thorough))
        except ValueError:
            continue
        assert isinstance(answer, Fault | (KeySet if thorough else KeySetSummary))
        assert isinstance(answer, Fault) or answer.keys
