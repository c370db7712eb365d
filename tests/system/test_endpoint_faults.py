"""A token endpoint that is down, slow, lying or refusing, for a while, beside others that are well.

Each fault has an endpoint of its own and all happen at once: whoever is well shows that no fault
of a neighbour reaches it, and whoever is not shows that its outage is bridged.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from redox_operator.domain.refresh import Margins
from tests.support.fleet import Fleet
from tests.support.kubernetes_api import KubernetesAPI, polls
from tests.support.ledger import Ledger
from tests.support.operator_process import OperatorProcess, sandbox_endpoint
from tests.support.proof import check_alive
from tests.support.redox_sandbox import RedoxSandbox

LIFETIME = 40
MARGINS = Margins(propagation=5, safety=2, retry_budget=20)
LONGEST = LIFETIME - MARGINS.mounted
"""Seconds from one token to the next, beyond which a mounted reader may hold a stale one."""
AWAY = 14
"""Seconds for which the faults last: within the retry budget, and longer than any refresh waits."""
MEMBERS = 8
OWN = "tests/own-operator"

FAULTS: dict[str, list[dict[str, Any]]] = {
    "down": [{"fault": "reset"}],
    "unavailable": [{"fault": "status", "status": 503}],
    "hanging": [{"fault": "hang"}],
    "slow": [{"fault": "slow", "seconds": 4}],
    "garbled": [{"fault": "garbage"}],
    "ahead": [{"fault": "clock", "seconds": 120}],
    "behind": [{"fault": "clock", "seconds": -120}],
    "short": [{"fault": "answer", "fields": {"expires_in": 20}}],
    "limiting": [{"fault": "status", "status": 429, "headers": {"Retry-After": "3"}}],
}


@dataclass(slots=True)
class Place:
    """An endpoint and those who use it."""

    redox: RedoxSandbox
    fleet: Fleet
    ledger: Ledger
    longest: float = float("inf")
    """Seconds for which a target has held one token at most."""

    def rounds(self) -> int:
        """How many tokens the target with the fewest has had."""
        tokens = self.ledger.tokens(self.fleet.namespaces)
        return min((len(tokens.get(target, ())) for target in self.fleet.targets), default=0)


@pytest.fixture(scope="module")
def places(api_server: tuple[Any, Any], admin: KubernetesAPI) -> Iterator[dict[str, Place]]:
    """Every place, after its fault came and went."""
    with contextlib.ExitStack() as stack:
        ledger = stack.enter_context(Ledger(api_server[0]))
        found: dict[str, Place] = {}
        for name in ("well", *FAULTS):
            redox = stack.enter_context(RedoxSandbox.start(token_lifetime=LIFETIME))
            fleet = Fleet(
                admin,
                f"is-{name}",
                MEMBERS,
                namespaces=1,
                margins=MARGINS,
                labels={OWN: "endpoint-faults"},
                endpoint=name,
            )
            fleet.register(redox)
            stack.callback(fleet.close)
            found[name] = Place(redox, fleet.create(), ledger)
        operator = stack.enter_context(
            OperatorProcess.start(
                api_server[1],
                [sandbox_endpoint(place.redox, name=name) for name, place in found.items()],
                PROPAGATION_SECONDS=f"{MARGINS.propagation:g}",
                SAFETY_SECONDS=f"{MARGINS.safety:g}",
                RETRY_BUDGET_SECONDS=f"{MARGINS.retry_budget:g}",
                WATCH_LABEL_SELECTOR=f"{OWN}=endpoint-faults",
            )
        )
        targets = {target for place in found.values() for target in place.fleet.targets}
        ledger.wait_for(targets, MARGINS.mounted, 30)
        for name, rules in FAULTS.items():
            found[name].redox.set_faults(rules)
        for _ in polls(AWAY, 1):
            check_alive(operator)
        before = {name: place.rounds() for name, place in found.items()}
        for place in found.values():
            place.redox.clear_faults()
        for _ in polls(LIFETIME, 0.5):
            if all(place.rounds() > before[name] + 1 for name, place in found.items()):
                break
        for place in found.values():
            place.longest = ledger.longest(place.fleet.namespaces, time.time())
        yield found


@pytest.fixture
def place(request: pytest.FixtureRequest, places: dict[str, Place]) -> Place:
    """The place that the test names."""
    return places[request.param]


pytestmark = [
    pytest.mark.parametrize(
        "api_server", [pytest.param("real", marks=pytest.mark.controlplane)], indirect=True
    )
]
every = pytest.mark.parametrize("place", ["well", *FAULTS], indirect=True)


@every
def test_no_reader_is_left_with_a_stale_token_where_the_endpoint_is(place: Place) -> None:
    assert place.longest <= LONGEST


@every
def test_no_expiry_goes_back_where_the_endpoint_is(place: Place) -> None:
    assert place.ledger.backward(place.fleet.namespaces) == []


@every
def test_no_assertion_is_sent_twice_or_refused_where_the_endpoint_is(place: Place) -> None:
    assert place.redox.stats()["repeatedJti"] == 0
    requests = place.redox.requests()
    refused = [request["reason"] for request in requests if request["outcome"] == "refused"]
    # The clock of an endpoint that errs is learnt from the first refusal, by one credential or two.
    assert len(refused) <= MEMBERS, refused


@every
def test_all_conditions_are_true_again_where_the_endpoint_was(place: Place) -> None:
    assert place.fleet.unready() == {}


@pytest.mark.parametrize("place", ["well"], indirect=True)
def test_who_is_well_asks_for_nothing_that_is_not_due_and_is_not_late(place: Place) -> None:
    assert place.fleet.untimely(place.redox.requests(), place.ledger) == []
    replaced = place.ledger.replacements(place.fleet.namespaces)
    late = [each.after.issued_at - place.fleet.due(each.before) for each in replaced]
    assert max(late) < 5


@pytest.mark.parametrize("place", ["limiting"], indirect=True)
def test_nobody_asks_while_a_retry_after_lasts(place: Place) -> None:
    requests = place.redox.requests()
    first = next(n for n, request in enumerate(requests) if request["outcome"] == "fault")
    limited = [n for n, request in enumerate(requests) if request["outcome"] == "fault"]
    # What was under way when the first refusal came is heard later.
    alone = [n for n in limited if requests[n]["time"] > requests[first]["time"] + 1]
    for number in alone[:-1]:
        pause = requests[number + 1]["time"] - requests[number]["time"]
        assert pause >= 3, f"asked again after {pause:.1f} s"


@pytest.mark.parametrize("place", ["unavailable", "hanging"], indirect=True)
def test_an_outage_is_probed_and_not_flooded(place: Place) -> None:
    faulty = [each for each in place.redox.requests() if each["outcome"] in ("fault", "abandoned")]
    # Full jitter from 1 s with a cap of 5 s: at most some twelve tries in that time.
    assert 0 < len(faulty) <= 15 * MEMBERS
