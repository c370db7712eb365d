"""An answer of the token endpoint: status line, headers, an empty line, body."""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import httpx

from redox_operator.adapters.token_endpoint.answer import Answer, read_answer
from redox_operator.adapters.token_endpoint.refusal import read_refusal
from redox_operator.adapters.token_endpoint.success import read_success
from redox_operator.domain.access_token import TokenResponse
from redox_operator.domain.errors import EndpointUnavailable, TokenRequestError
from redox_operator.domain.timestamps import format_time
from tests.fuzz.properties import assert_says_what_to_do, assert_tells_nothing

NOW = 1_795_435_200.75
MAX_LIFETIME = 86400.0
_TOKEN = re.compile(r"[!-~]{1,32768}")

Result = TypeVar("Result")


class Body(httpx.AsyncByteStream):
    """A body that is there at once, in two pieces."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        middle = len(self._content) // 2
        yield self._content[:middle]
        yield self._content[middle:]


def token_answer(data: bytes) -> None:
    """It becomes a token that is safe to store, or the error that says what to do."""
    head, _, body = data.partition(b"\n\n")
    status_line, *lines = head.split(b"\n")
    status = int(status_line) if re.fullmatch(rb"[1-5][0-9]{2}", status_line) else 200
    headers = [(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    response = httpx.Response(status, headers=headers, stream=Body(body))
    answer = _run(read_answer(response, now=NOW))
    _check_headers(answer)
    if status != 200:
        _check_error(read_refusal(answer), body)
        return
    outcome = read_success(
        answer, scopes=["a", "b"], sent_at=NOW, max_lifetime_seconds=MAX_LIFETIME
    )
    if isinstance(outcome, TokenResponse):
        _check_token(outcome)
    else:
        _check_error(outcome, body)


def _check_headers(answer: Answer) -> None:
    for seconds in (answer.date, answer.retry_after):
        assert seconds is None or math.isfinite(seconds)
    assert answer.retry_after is None or answer.retry_after >= 0
    assert answer.rate_limit is None or answer.rate_limit >= 0


def _check_error(error: TokenRequestError, body: bytes) -> None:
    assert_says_what_to_do(error.message)
    public = ["access_token", str(vars(error).get("code"))]
    assert_tells_nothing(body, [error.message, repr(error)], public)
    assert not isinstance(error, EndpointUnavailable) or error.status != 200


def _check_token(response: TokenResponse) -> None:
    token = response.token
    assert _TOKEN.fullmatch(token.value)
    assert not set(token.value) & set(' "\\')
    assert 1 <= token.lifetime <= MAX_LIFETIME
    assert token.issued_at <= NOW
    assert format_time(token.expires_at)
    assert all("!" <= each <= "~" for each in token.scope.replace(" ", ""))
    assert len(token.value) < 12 or token.value not in repr(response)


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """The result of what waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    raise AssertionError("it waits")
