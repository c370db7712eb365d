"""What is logged while the proof runs is looked at, and not kept."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

_SECRET = re.compile(r'\btoken-\d+|"jti"|"iss"')


class _Look(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{record.getMessage()} {vars(record)}"
        if _SECRET.search(text):
            self.seen.append(text)


@pytest.fixture(autouse=True)
def log_without_secrets() -> Iterator[None]:
    """Look at each line; keeping them all would take longer than what they tell of."""
    logger, look = logging.getLogger("redox_operator"), _Look()
    before = logger.propagate, logger.level
    logger.addHandler(look)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    yield
    logger.removeHandler(look)
    logger.propagate = before[0]
    logger.setLevel(before[1])
    assert look.seen == []
