"""What the Kubernetes API can do to a write, and what then becomes of the credential."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from redox_operator.domain.credential import Key
from redox_operator.domain.errors import ClusterError, ClusterUnavailable, Conflict, Invalid
from tests.support.cluster_faults import (
    Request,
    denied,
    namespace_missing,
    namespace_terminating,
    quota_exceeded,
    too_large,
    unavailable,
)
from tests.support.fake_cluster import CREDENTIALS, SECRETS
from tests.support.simulation import EHR, Simulation

LIFETIME = 300
P_S_B = 177
OTHER = Key("clinic", "other")


def conflict() -> ClusterError:
    return Conflict("The API server answered 409.", status=409)


def immutable() -> ClusterError:
    return Invalid("The API server answered 422.", status=422, immutable=True)


def invalid() -> ClusterError:
    return Invalid("The API server answered 422.", status=422)


def answered(status: int) -> Callable[[], ClusterError]:
    return lambda: ClusterUnavailable("The API server is not well.", status=status)


def of(sim: Simulation, *verbs: str, since: float = 0.0) -> list[Request]:
    """Requests for the target."""
    return [
        each
        for each in sim.cluster.log
        if each.resource == SECRETS
        and each.verb in verbs
        and each.at >= since
        and each.name in (None, "ehr-token")
    ]


# A first write that fails: what is told, how often it is tried, and how soon it heals.

ROWS = [
    pytest.param(denied, "WriteDenied", True, 6, id="RBAC or a webhook denies it: every 10 s"),
    pytest.param(quota_exceeded, "QuotaExceeded", True, 6, id="a quota is used up: every 10 s"),
    pytest.param(invalid, "WriteDenied", True, 6, id="it is refused as invalid: every 10 s"),
    pytest.param(
        immutable, "TargetImmutable", False, 6, id="it is immutable or of another type: every 10 s"
    ),
    pytest.param(too_large, "WriteDenied", True, 1, id="it is too large: every minute"),
    pytest.param(
        namespace_terminating, "WriteDenied", True, 1, id="its namespace is going: every minute"
    ),
    pytest.param(
        namespace_missing, "WriteDenied", True, 1, id="its namespace is gone: every minute"
    ),
    pytest.param(unavailable, "WriteDenied", True, 25, id="no answer: within seconds"),
    pytest.param(answered(429), "WriteDenied", True, 25, id="429: within seconds"),
    pytest.param(answered(500), "WriteDenied", True, 25, id="500: within seconds"),
    pytest.param(answered(503), "WriteDenied", True, 25, id="503: within seconds"),
]


@pytest.mark.parametrize(("error", "reason", "later", "tries"), ROWS)
def test_a_first_write_that_fails_is_told_and_tried_again(
    sim: Simulation,
    error: Callable[[], ClusterError],
    reason: str,
    later: bool,
    tries: int,
) -> None:
    sim.cluster.fail(error, verb="create", resource=SECRETS)
    sim.create()
    sim.advance(30)
    assert sim.condition("Ready") == ("False", reason)
    assert sim.healthy() == ("False", reason)
    assert sim.condition("Stalled")[0] == ("False" if later else "True")
    begun = sim.now
    sim.advance(60)
    writes = of(sim, "create", since=begun)
    assert 0.5 * tries <= len(writes) <= 1.6 * tries
    # Each is decided on what is there: it is read before it is written.
    assert len(of(sim, "get", since=begun)) >= len(writes)
    assert len(sim.requests) == 1, "the token that is held is good"
    sim.cluster.heal()
    sim.until(lambda: sim.ready() == "True", within=60.5 if tries == 1 else 11)
    # One that waited past its refresh is replaced at once.
    assert len(sim.requests) <= (2 if tries == 1 else 1)
    assert sim.condition("Stalled")[0] == "False"


@pytest.mark.parametrize(
    ("error", "requests"),
    [
        pytest.param(denied, 3, id="denied"),
        pytest.param(quota_exceeded, 3, id="quota"),
        pytest.param(too_large, 3, id="too large"),
        pytest.param(namespace_terminating, 3, id="namespace going"),
    ],
)
def test_a_token_that_may_not_be_stored_is_replaced_only_when_it_has_expired(
    sim: Simulation, error: Callable[[], ClusterError], requests: int
) -> None:
    sim.cluster.fail(error, verb="create", resource=SECRETS)
    sim.create()
    sim.advance(2 * LIFETIME + 100)
    assert len(sim.requests) <= requests
    assert sim.condition("Stalled")[0] == "True"
    sim.cluster.heal()
    sim.until(lambda: sim.ready() == "True", within=61)
    assert sim.redox.is_live(str(sim.token()))


def test_a_token_that_waited_for_a_permission_is_stored_and_then_refreshed_if_it_is_old(
    sim: Simulation,
) -> None:
    sim.cluster.fail(denied, verb="create", resource=SECRETS)
    sim.create()
    sim.advance(200)
    sim.cluster.heal()
    sim.until(lambda: sim.token() is not None, within=10.1)
    sim.until(lambda: sim.token() == "token-2", within=1)


def test_a_quota_keeps_nothing_from_being_updated(sim: Simulation, ehr: Key) -> None:
    sim.cluster.fail(quota_exceeded, verb="create", resource=SECRETS)
    sim.advance(150)
    assert sim.token() == "token-2"
    assert sim.healthy() == ("True", "TokenIssued")


def test_in_a_namespace_that_is_going_a_target_that_is_there_is_refreshed(
    sim: Simulation, ehr: Key
) -> None:
    sim.cluster.terminating.add("clinic")
    sim.advance(150)
    assert sim.token() == "token-2"


def test_with_its_credential_all_work_of_a_namespace_that_is_going_ends(sim: Simulation) -> None:
    sim.cluster.terminating.add("clinic")
    sim.create()
    sim.advance(30)
    sim.delete()
    sim.advance(1)
    requests, asked = len(sim.requests), len(of(sim, "get", "create", "patch"))
    sim.advance(600)
    assert (len(sim.requests), len(of(sim, "get", "create", "patch"))) == (requests, asked)


def test_a_conflict_is_read_again_and_decided_again_at_once(sim: Simulation, ehr: Key) -> None:
    sim.cluster.fail(conflict, verb="patch", resource=SECRETS, times=1)
    begun = sim.now
    sim.edit_secret({"data": {"access_token": "eA=="}})
    sim.until(lambda: sim.token() == "token-1", within=0.5)
    assert [each.verb for each in of(sim, "get", "patch", since=begun)] == [
        "get",
        "patch",
        "get",
        "patch",
    ]


def test_conflicts_without_end_are_met_with_pauses(sim: Simulation, ehr: Key) -> None:
    sim.cluster.fail(conflict, verb="patch", resource=SECRETS)
    begun = sim.now
    sim.edit_secret({"data": {"access_token": "eA=="}})
    sim.advance(60)
    assert len(of(sim, "patch", since=begun)) <= 45
    sim.cluster.heal()
    sim.until(lambda: sim.token() == "token-1", within=6)


@pytest.mark.parametrize("verb", ["create", "patch"])
def test_a_write_whose_outcome_is_unknown_is_read_before_it_is_repeated(
    sim: Simulation, verb: str
) -> None:
    sim.cluster.fail(verb=verb, resource=SECRETS, lost=True, times=1)
    sim.create()
    sim.advance(150)
    writes = of(sim, "create", "patch")
    assert [each.verb for each in writes] == ["create", "patch"], "none was made twice"
    assert len(sim.requests) == 2
    lost = next(each for each in writes if each.verb == verb)
    after = [each for each in of(sim, "get", "create", "patch") if each.at > lost.at]
    assert after[0].verb == "get"


def test_of_two_credentials_with_one_target_the_first_keeps_it(sim: Simulation, ehr: Key) -> None:
    sim.create("other", target={"secretName": "ehr-token"})
    sim.advance(2 * LIFETIME)
    assert sim.healthy(OTHER) == ("False", "TargetConflict")
    assert sim.condition("Stalled", OTHER) == ("True", "TargetConflict")
    assert sim.healthy(EHR) == ("True", "TokenIssued")
    assert {each.client_id for each in sim.requests} == {"client-1"}
    sim.delete(EHR)
    sim.until(lambda: sim.ready(OTHER) == "True", within=13)


def test_of_two_credentials_that_race_for_one_target_one_gets_it_and_the_other_asks_no_more(
    sim: Simulation,
) -> None:
    sim.create("ehr")
    sim.create("other", clientId="client-2", target={"secretName": "ehr-token"})
    sim.advance(5)
    told = {sim.healthy(EHR)[1]: "client-1", sim.healthy(OTHER)[1]: "client-2"}
    assert told.keys() == {"TokenIssued", "TargetConflict"}
    assert len(sim.requests) <= 2
    begun = sim.now
    sim.advance(LIFETIME)
    assert {each.client_id for each in sim.redox.between(begun)} == {told["TokenIssued"]}
    assert sim.metrics.secret_writes["created"] == 1


def test_a_credential_recreated_while_its_target_is_collected_is_served_all_along(
    sim: Simulation, ehr: Key
) -> None:
    sim.cluster.collects_garbage_after = 0.0
    sim.delete()
    sim.create(key=None)
    sim.until(lambda: sim.token() is not None, within=2)
    sim.advance(10)
    secret, credential = sim.secret(), sim.cluster.get(CREDENTIALS, *EHR)
    assert secret is not None
    assert credential is not None
    assert secret["metadata"]["ownerReferences"][0]["uid"] == credential["metadata"]["uid"]
    assert sim.ready() == "True"


@pytest.mark.parametrize("seconds", [10, 60, 120, 200, 600])
def test_after_an_outage_the_youngest_token_is_written_and_never_one_that_is_too_old(
    sim: Simulation, ehr: Key, seconds: float
) -> None:
    sim.advance(90)
    sim.cluster.fail()
    sim.advance(seconds)
    requests = len(sim.requests)
    sim.cluster.heal()
    sim.until(lambda: sim.token() != "token-1" and sim.ready() == "True", within=65)
    left = sim.expiry() - sim.clock.true_time
    assert left > P_S_B - 65
    # Nothing was requested that is not held or written.
    assert requests <= 2 + seconds // 108
    sim.advance(1)
    assert sim.token() == f"token-{len(sim.requests)}"
