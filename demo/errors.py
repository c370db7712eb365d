"""What ends a demo early."""

from __future__ import annotations

from collections.abc import Sequence


class DemoError(Exception):
    """The demo cannot go on; one sentence, and the last lines of a log where there is one."""

    def __init__(self, sentence: str, log: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.log = tuple(log)
