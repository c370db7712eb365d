"""The reader of a mounted token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.consumer import Consumer, MountedToken, note_read, read_token
from demo.redox import Redox
from demo.state import Readings
from tests.unit.demo.snapshots import NOW

TOKEN = MountedToken("secret-token", "Bearer secret-token", expires_at=NOW + 40)
PATIENT: dict[str, Any] = {"Patient": {"Demographics": {}}}

Handler = Callable[[httpx.Request], httpx.Response]


def redox() -> Redox:
    return Redox(
        child=None,  # type: ignore[arg-type]
        token_url="https://redox.example/v2/auth/token",
        fhir_base_url="https://redox.example/fhir/R4/o/Development",
        data_model_url="https://redox.example/endpoint",
        ca_file=Path("ca.crt"),
        admin_url="http://redox.example",
    )


async def work(handler: Handler, *tokens: MountedToken) -> Readings:
    """The readings of a consumer after one round with each token."""
    consumer = Consumer(Path("mount"), "Example", redox())
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http:
        for token in tokens:
            await consumer.work(http, token)
    return consumer.readings


def answers(request: httpx.Request) -> httpx.Response:
    if request.headers["Authorization"] != "Bearer secret-token":
        return httpx.Response(401)
    if request.url.path == "/endpoint":
        return httpx.Response(200, json=PATIENT)
    return httpx.Response(200, json={"total": 2})


@pytest.mark.parametrize(
    ("remaining", "stale"),
    [
        pytest.param(0.5, 0, id="a token with half a second to live is not stale"),
        pytest.param(0.0, 1, id="a token is stale at its expiry"),
        pytest.param(-3.0, 1, id="a token is stale after its expiry"),
    ],
)
def test_an_expired_token_counts_as_a_stale_read(remaining: float, stale: int) -> None:
    assert note_read(Readings(), NOW + remaining, NOW).stale_reads == stale


def test_the_least_life_and_the_oldest_age_are_kept() -> None:
    readings = Readings()
    for remaining in (50, 31, 58):
        readings = note_read(readings, NOW + remaining, NOW)

    assert readings.least_remaining == 31
    assert readings.oldest_age == 29


def test_there_is_no_token_before_something_is_mounted(tmp_path: Path) -> None:
    assert read_token(tmp_path) is None


async def test_the_data_model_is_called_once_with_each_token() -> None:
    renewed = MountedToken("secret-token", "Bearer secret-token", expires_at=NOW + 80)

    readings = await work(answers, TOKEN, TOKEN, renewed)

    assert (readings.calls_ok, readings.data_model_ok, readings.tokens_used) == (3, 2, 2)
    assert readings.last_call == "GET Patient?family=Example: 200, 2 patients"


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        pytest.param(
            lambda _: httpx.Response(401, text="secret-token is not known"),
            "FHIR answered 401",
            id="a refusal",
        ),
        pytest.param(
            lambda _: httpx.Response(200, text="secret-token"),
            "FHIR answered JSONDecodeError",
            id="an answer that is no JSON",
        ),
        pytest.param(
            lambda _: httpx.Response(200, json={}),
            "FHIR answered KeyError",
            id="an answer that is no Bundle",
        ),
    ],
)
async def test_a_failed_call_is_counted_and_tells_no_text_of_the_answer(
    handler: Handler, said: str
) -> None:
    readings = await work(handler, TOKEN)

    assert (readings.calls_ok, readings.calls_failed, readings.tokens_used) == (0, 1, 0)
    assert readings.last_failure == said


def test_a_token_does_not_show_in_a_representation() -> None:
    assert "secret-token" not in repr(TOKEN)
