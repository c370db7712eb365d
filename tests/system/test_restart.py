"""A process that ends and begins again, and what goes on while it is away."""

from __future__ import annotations

from tests.support.bench import Bench
from tests.support.keys import ec_pem
from tests.support.kubernetes_api import polls
from tests.support.operator_process import OperatorProcess

CADENCE = 10.0
"""No token of 30 s is refreshed earlier after its issue, whatever the jitter."""


def test_a_kill_and_restart_mid_life_requests_and_writes_nothing_before_it_is_due(
    own_bench: Bench, own_operator: OperatorProcess
) -> None:
    for number in range(5):
        own_bench.credential(f"c{number}", key=ec_pem("P-384", number=number))
    for number in range(5):
        own_bench.wait_secret(f"c{number}-token")
        own_bench.wait_condition(f"c{number}", "Ready", "True", "TokenIssued")
    secrets = {f"c{n}": own_bench.secret(f"c{n}-token") for n in range(5)}
    paths = {f"c{n}": f"{own_bench.credentials}/c{n}" for n in range(5)}
    objects = {name: own_bench.admin.get(path) for name, path in paths.items()}

    own_operator.kill()
    own_operator.launch()
    for _ in polls(5):
        if own_operator.metric("ready", namespace=own_bench.namespace) == 5:
            break

    assert own_operator.metric("ready", namespace=own_bench.namespace) == 5
    assert own_operator.metric("token_requests_total") == 0
    assert own_operator.metric("secret_writes_total") == 0
    for name, secret in secrets.items():
        assert own_bench.secret(f"{name}-token") == secret
        assert own_bench.admin.get(paths[name]) == objects[name]
        assert len(own_bench.requests(name)) == 1


def test_sigterm_ends_it_with_code_zero_at_once(
    own_bench: Bench, own_operator: OperatorProcess
) -> None:
    own_bench.credential()
    own_bench.wait_secret()
    own_bench.redox.set_faults([{"fault": "hang", "clientId": f"{own_bench.namespace}-ehr"}])
    own_bench.annotate("ehr", "hang")

    code, seconds = own_operator.terminate()

    assert code == 0
    assert seconds < 5


def test_a_key_that_was_rotated_while_it_was_away_is_used_at_once(
    own_bench: Bench, own_operator: OperatorProcess
) -> None:
    own_bench.credential()
    first = own_bench.wait_secret()
    own_operator.kill()
    rotated = ec_pem("P-384", number=7)
    own_bench.client("ehr", rotated)
    own_bench.key_secret("ehr", rotated)

    own_operator.launch()

    own_bench.wait_secret(other_than=first["access_token"], seconds=10)
    assert len(own_bench.requests()) == 2


def test_a_target_edited_while_it_was_away_is_replaced_by_a_fresh_token(
    own_bench: Bench, own_operator: OperatorProcess
) -> None:
    own_bench.credential()
    first = own_bench.wait_secret()
    own_operator.kill()
    own_bench.admin.patch(
        own_bench.secret_path("ehr-token"), {"data": {"access_token": "Zm9yZ2Vk"}}
    )

    own_operator.launch()

    def replaced(data: dict[str, str]) -> bool:
        return data["access_token"] not in ("forged", first["access_token"])

    for _ in polls(10):
        if replaced(own_bench.wait_secret()):
            break
    assert replaced(own_bench.wait_secret())


def test_deletions_while_it_is_away_wait_for_nothing(
    own_bench: Bench, own_operator: OperatorProcess
) -> None:
    own_bench.credential("one")
    own_bench.credential("two")
    own_bench.wait_secret("one-token")
    own_bench.wait_secret("two-token")
    own_operator.kill()

    own_bench.admin.delete(f"{own_bench.credentials}/one")
    own_bench.admin.wait_gone(own_bench.secret_path("one-token"), 15)
    own_bench.admin.delete(f"/api/v1/namespaces/{own_bench.namespace}")
    own_bench.admin.wait_gone(f"/api/v1/namespaces/{own_bench.namespace}", 30)


def test_credentials_deleted_while_it_is_away_are_not_served_again(
    own_bench: Bench, own_operator: OperatorProcess
) -> None:
    own_bench.credential()
    own_bench.wait_secret()
    own_operator.kill()
    own_bench.admin.delete(f"{own_bench.credentials}/ehr")

    own_operator.launch()

    own_bench.admin.wait_gone(own_bench.secret_path("ehr-token"), 15)
    assert own_operator.metric("token_requests_total") == 0
