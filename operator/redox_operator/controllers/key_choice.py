"""Which key of a set signs: the first, unless the endpoint does not know it."""

from __future__ import annotations

from redox_operator.controllers.records import KeyChoice, Record
from redox_operator.domain.private_key import KeySet

CHOICE_HOLDS = 300.0
"""Seconds for which a later key of a set signs before the first is tried again."""


def key_index(record: Record, boot: float) -> int:
    """The place in the set of the key that signs now; `boot` is the time of the boot clock."""
    choice, known = record.key_choice, record.key_reading
    if choice is None or known is None or choice.content_hash != known.content_hash:
        return 0
    return choice.index if boot < choice.until else 0


def try_next_key(
    record: Record, keys: KeySet, content_hash: str, refused: int, boot: float
) -> bool:
    """Move on within the set; False when every key of it has been refused in this round."""
    choice, count = record.key_choice, len(keys.keys)
    tried = 1
    if choice is not None and (choice.content_hash, choice.index) == (content_hash, refused):
        tried += choice.tried
    if tried >= count:
        record.key_choice = None
        return False
    record.key_choice = KeyChoice(
        content_hash=content_hash,
        index=(refused + 1) % count,
        until=boot + CHOICE_HOLDS,
        tried=tried,
    )
    return True


def accept_key(record: Record) -> None:
    """The endpoint took an assertion: a later refusal begins another round."""
    if record.key_choice is not None:
        record.key_choice.tried = 0
