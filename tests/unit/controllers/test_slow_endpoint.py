"""A token endpoint that is slow for some requests, or for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from redox_operator.domain.credential import Key
from redox_operator.domain.endpoint import CANADA, US
from redox_operator.domain.errors import TokenRequestError
from tests.support.fake_token_endpoint import TokenRequest, limited, rejected, unavailable
from tests.support.simulation import EHR, Simulation


def slow_to_answer(*seconds: float) -> Callable[[TokenRequest], float]:
    """How long the first request takes, the second, and so on; those after are answered soon."""
    pauses = list(seconds)
    return lambda _: pauses.pop(0) if pauses else 0.0


def answers(
    *errors: TokenRequestError | None,
) -> Callable[[TokenRequest], TokenRequestError | None]:
    """What comes back, in the order of the answers; then tokens."""
    left = list(errors)
    return lambda _: left.pop(0) if left else None


def times(sim: Simulation) -> list[float]:
    """When requests were sent, from the first on."""
    return [round(each.at - sim.requests[0].at, 1) for each in sim.requests]


@pytest.mark.parametrize(
    ("seconds", "sent", "took"),
    [
        pytest.param([4.5], [0], 4.6, id="an answer within five seconds is waited for"),
        pytest.param([60, 1], [0, 5], 6.1, id="what hangs is joined by another"),
        pytest.param([7, 60], [0, 5], 7.1, id="the first answer wins, though it is the older one"),
        pytest.param([60, 60, 1], [0, 5, 10], 11.1, id="and by a third"),
        pytest.param([60] * 3 + [1], [0, 5, 10, 15], 16.1, id="and one more when the first ends"),
        pytest.param([12, 12, 12], [0, 5, 10], 12.1, id="an endpoint may be slow for all"),
    ],
)
def test_a_token_comes_though_requests_hang(
    sim: Simulation, seconds: list[float], sent: list[float], took: float
) -> None:
    sim.redox.slowness = slow_to_answer(*seconds)
    sim.create()
    assert sim.until(lambda: sim.ready() == "True", within=20) == pytest.approx(took, abs=0.2)
    sim.advance(20)
    assert times(sim) == sent


def test_each_joined_attempt_has_an_assertion_of_its_own_and_three_are_under_way_at_most(
    sim: Simulation,
) -> None:
    sim.redox.hangs = True
    sim.create()
    sim.advance(100)
    assert len({each.jti for each in sim.requests}) == len(sim.requests)
    assert len({each.issued_at for each in sim.requests}) == len(sim.requests)
    ends = [(each.at, 1) for each in sim.requests] + [(each.at + 15, -1) for each in sim.requests]
    under_way = most = 0
    for _, change in sorted(ends):
        under_way += change
        most = max(most, under_way)
    assert most == 3


def test_the_others_are_dropped_and_counted_when_one_is_answered(sim: Simulation) -> None:
    sim.redox.slowness = slow_to_answer(60, 60, 1)
    sim.create()
    sim.advance(40)
    assert sim.metrics.token_requests == Counter(
        {("US", "issued"): 1, ("US", "dropped"): 2},
    )
    assert sim.stored()["access_token"] == "token-1"


def test_a_late_answer_is_used_though_a_request_after_it_failed(sim: Simulation) -> None:
    sim.redox.slowness = slow_to_answer(8, 0)
    sim.redox.refuse = answers(unavailable(), None)
    sim.create()
    assert sim.until(lambda: sim.ready() == "True", within=20) == pytest.approx(8.1, abs=0.2)
    assert times(sim) == [0, 5]


def test_a_refusal_ends_the_turn_and_is_told(sim: Simulation) -> None:
    sim.redox.slowness = slow_to_answer(14, 0)
    sim.redox.refuse = answers(rejected(), None)
    sim.create()
    sim.advance(5.5)
    assert sim.healthy() == ("False", "ClientRejected")
    sim.until(lambda: sim.ready() == "True", within=1.5)
    assert times(sim) == [0, 5, pytest.approx(6.1, abs=0.2)]
    assert sim.metrics.token_requests["US", "dropped"] == 1


def test_nothing_joins_while_the_endpoint_wants_fewer_requests(sim: Simulation) -> None:
    sim.redox.slowness = slow_to_answer(14, 0)
    sim.redox.refuse = answers(limited(retry_after=60)(None), None)  # type: ignore[arg-type]
    sim.create()
    sim.advance(13)
    assert times(sim) == [0, 5]
    # The answer to the first is as good as any.
    sim.until(lambda: sim.ready() == "True", within=2)
    sim.advance(30)
    assert times(sim) == [0, 5]


def test_nothing_joins_for_a_credential_whose_last_answer_was_a_rejection(sim: Simulation) -> None:
    sim.redox.rejected_clients = {"client-1"}
    sim.create()
    sim.advance(0.5)
    sim.redox.rejected_clients = set()
    sim.redox.slowness = slow_to_answer(14)
    sim.advance(14)
    assert len(sim.requests) == 2
    sim.until(lambda: sim.ready() == "True", within=2)


@pytest.mark.parametrize("change", ["suspended", "another client", "another endpoint", "deleted"])
def test_nothing_joins_for_what_is_no_longer_wanted(sim: Simulation, change: str) -> None:
    sim.redox.hanging_clients = {"client-1"}
    sim.create()
    sim.advance(3)
    match change:
        case "suspended":
            sim.edit(suspend=True)
        case "another client":
            sim.edit(clientId="client-2")
        case "another endpoint":
            sim.edit(endpoint="Canada")
        case _:
            sim.delete()
    sim.advance(25)
    assert [each.url for each in sim.requests if each.client_id == "client-1"].count(
        US.token_url
    ) == 1


def test_a_slow_endpoint_loses_no_refresh(sim: Simulation) -> None:
    keys = [sim.create(f"c{number}", f"n{number % 4}") for number in range(40)]
    sim.advance(100)
    sim.redox.delay = 8.0
    sim.metrics.latenesses.clear()
    sim.advance(400)
    assert all(sim.healthy(key) == ("True", "TokenIssued") for key in keys)
    assert max(sim.metrics.latenesses) < 30
    assert sim.operator._endpoints.get("US").held_by == frozenset()  # type: ignore[union-attr]


def test_joined_attempts_keep_to_the_rate() -> None:
    slow = replace(US, requests_per_second=1.0, burst=2)
    with Simulation(endpoints=(slow, CANADA)) as sim:
        sim.redox.hangs = True
        for number in range(10):
            sim.create(f"c{number}", f"n{number}")
        begun = sim.now
        sim.advance(60)
        for each in sim.requests:
            seen = len(sim.redox.between(begun, each.at + 1e-6))
            assert seen <= 2 + (each.at - begun) * 1.0 + 1e-3


def test_a_hanging_refresh_is_told_of_and_harms_no_reader(sim: Simulation, ehr: Key) -> None:
    sim.advance(80)
    sim.redox.hangs = True
    sim.advance(70)
    assert sim.healthy() == ("False", "EndpointUnavailable")
    assert sim.ready() == "True"
    sim.redox.hangs = False
    sim.until(lambda: sim.token(EHR) == "token-2", within=5.2)
    sim.until(lambda: sim.healthy() == ("True", "TokenIssued"), within=1)
