from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from redox_operator import logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Put the handlers and levels back that others log with."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {
        name: logger.level
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
    }
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger):
            logger.setLevel(levels.get(name, logging.NOTSET))


class Lines:
    """What goes to standard error."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured

    @property
    def text(self) -> list[str]:
        """The lines since the last time."""
        return self._captured.readouterr().err.split("\n")[:-1]

    @property
    def parsed(self) -> list[dict[str, Any]]:
        """The same as JSON."""
        return [json.loads(line) for line in self.text]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return Lines(capsys)


def test_a_line_is_one_json_object_with_what_it_was_given(lines: Lines) -> None:
    logs.configure("json", "INFO")
    logging.getLogger("redox_operator.x").info(
        "issued a token", extra={"credential": "clinic/ehr", "duration_seconds": 0.25}
    )
    (line,) = lines.parsed
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "redox_operator.x",
        "message": "issued a token",
        "credential": "clinic/ehr",
        "duration_seconds": 0.25,
    }


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("two\nlines", id="a line feed"),
        pytest.param("a\r\nb\u2028c\x00d", id="other separators"),
        pytest.param('quotes " and \\', id="quotes"),
        pytest.param("\ud800", id="half a character"),
        pytest.param("é 漢", id="letters that are not ASCII"),
    ],
)
def test_whatever_a_message_holds_it_is_one_line(lines: Lines, message: str) -> None:
    logs.configure("json", "INFO")
    logging.getLogger("x").warning("%s", message)
    (line,) = lines.parsed
    assert line["message"] == message


def test_values_that_are_no_json_are_shown_as_text(lines: Lines) -> None:
    logs.configure("json", "INFO")
    logging.getLogger("x").warning("m", extra={"path": ValueError("text"), "some": {1}})
    (line,) = lines.parsed
    assert (line["path"], line["some"]) == ("text", "{1}")


def test_a_traceback_is_never_written(lines: Lines) -> None:
    logs.configure("json", "INFO")
    try:
        int("s3cret")
    except ValueError:
        logging.getLogger("aiohttp.server").exception("Error handling request")
    (line,) = lines.text
    assert "s3cret" not in line


def test_text_for_people_is_one_line_too(lines: Lines) -> None:
    logs.configure("text", "INFO")
    logging.getLogger("x").warning("no token: %s", "why", extra={"credential": "clinic/ehr"})
    (line,) = lines.text
    assert line[8:] == " WARNING no token: why credential=clinic/ehr"


@pytest.mark.parametrize("logger", ["kopf.objects", "httpx", "httpcore.http11", "asyncio"])
def test_libraries_are_heard_from_warnings_on(lines: Lines, logger: str) -> None:
    logs.configure("json", "DEBUG")
    logging.getLogger(logger).info("chatter")
    logging.getLogger(logger).warning("trouble")
    assert [line["message"] for line in lines.parsed] == ["trouble"]


def test_the_level_holds_for_the_operators_own_lines(lines: Lines) -> None:
    logs.configure("json", "WARNING")
    own = logging.getLogger("redox_operator.controllers")
    own.info("chatter")
    own.warning("trouble")
    assert [line["message"] for line in lines.parsed] == ["trouble"]


def test_at_level_error_libraries_are_not_louder_than_the_operator(lines: Lines) -> None:
    logs.configure("json", "ERROR")
    logging.getLogger("kopf").warning("trouble")
    assert not lines.text
