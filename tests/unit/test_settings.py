from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from redox_operator.domain.errors import ConfigurationError
from redox_operator.domain.refresh import Margins
from redox_operator.settings import PREFIX, Address, Settings, add_arguments, parse_settings


def settings(environment: dict[str, str] | None = None, *flags: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    variables = {PREFIX + name: value for name, value in (environment or {}).items()}
    return parse_settings(vars(parser.parse_args(flags)), variables)


def faults(environment: dict[str, str], *flags: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        settings(environment, *flags)
    return caught.value.faults


def test_without_any_setting_the_defaults_of_the_contract_hold() -> None:
    assert settings() == Settings(
        namespaces=(),
        endpoints_file=None,
        key_namespace="default",
        require_key_label=False,
        watch_secrets=True,
        watch_label_selector=None,
        leader_election=False,
        lease_name="redox-operator",
        lease_namespace=None,
        margins=Margins(propagation=92, safety=10, retry_budget=75),
        max_lifetime_seconds=86400,
        workers=20,
        health_address=Address("", 8080),
        metrics_address=Address("", 9090),
        log_format="json",
        log_level="INFO",
    )


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("NAMESPACES", "clinic, ward,clinic,", "namespaces", ("clinic", "ward")),
        ("NAMESPACES", "", "namespaces", ()),
        ("ENDPOINTS_FILE", "/etc/endpoints.yaml", "endpoints_file", Path("/etc/endpoints.yaml")),
        ("KEY_NAMESPACE", "keys", "key_namespace", "keys"),
        ("REQUIRE_KEY_LABEL", "True", "require_key_label", True),
        ("WATCH_SECRETS", "false", "watch_secrets", False),
        ("WATCH_LABEL_SELECTOR", "shard=1", "watch_label_selector", "shard=1"),
        ("LEASE_NAME", "shard-1", "lease_name", "shard-1"),
        ("LEASE_NAMESPACE", "leases", "lease_namespace", "leases"),
        ("PROPAGATION_SECONDS", "122.5", "margins", Margins(propagation=122.5)),
        ("SAFETY_SECONDS", "0", "margins", Margins(safety=0)),
        ("RETRY_BUDGET_SECONDS", "10", "margins", Margins(retry_budget=10)),
        ("MAX_LIFETIME_SECONDS", "3600", "max_lifetime_seconds", 3600),
        ("WORKERS", " 5 ", "workers", 5),
        ("HEALTH_ADDRESS", "127.0.0.1:0", "health_address", Address("127.0.0.1", 0)),
        ("METRICS_ADDRESS", "[::1]:9091", "metrics_address", Address("::1", 9091)),
        ("LOG_FORMAT", "TEXT", "log_format", "text"),
        ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
    ],
)
def test_each_setting_is_a_variable_and_a_flag(
    name: str, text: str, field: str, value: object
) -> None:
    flag = "--" + name.lower().replace("_", "-")
    assert getattr(settings({name: text}), field) == value
    assert getattr(settings({}, f"{flag}={text}"), field) == value


def test_a_flag_goes_before_its_variable() -> None:
    assert settings({"WORKERS": "5"}, "--workers", "7").workers == 7


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("NAMESPACES", "Clinic", "write names of namespaces"),
        ("NAMESPACES", "a/b", "write names of namespaces"),
        ("REQUIRE_KEY_LABEL", "yes", "write true or false"),
        ("WATCH_SECRETS", "", "write true or false"),
        ("LEADER_ELECTION", "maybe", "write true or false"),
        ("WATCH_LABEL_SELECTOR", "shard in a", "`shard in a` is no requirement"),
        ("LEASE_NAME", "", "write the name of an object"),
        ("LEASE_NAME", "a/b", "write the name of an object"),
        ("LEASE_NAME", "a" * 254, "write the name of an object"),
        ("LEASE_NAMESPACE", "a.b", "write the name of a namespace"),
        ("PROPAGATION_SECONDS", "soon", "write a number of seconds"),
        ("PROPAGATION_SECONDS", "nan", "write 0 to 3600 seconds"),
        ("SAFETY_SECONDS", "-1", "write 0 to 3600 seconds"),
        ("RETRY_BUDGET_SECONDS", "inf", "write 0 to 3600 seconds"),
        ("MAX_LIFETIME_SECONDS", "0", "write 1 to"),
        ("WORKERS", "0", "write a whole number from 1 to 1000"),
        ("WORKERS", "2.5", "write a whole number from 1 to 1000"),
        ("WORKERS", "9" * 10_000, "write a whole number from 1 to 1000"),
        ("HEALTH_ADDRESS", "8080", "write host:port or :port"),
        ("HEALTH_ADDRESS", "host:http", "write host:port or :port"),
        ("METRICS_ADDRESS", ":70000", "write host:port or :port"),
        ("LOG_FORMAT", "xml", "write one of json, text"),
        ("LOG_LEVEL", "TRACE", "write one of DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_a_fault_names_the_setting_and_says_what_to_write(name: str, text: str, what: str) -> None:
    (by_variable,) = faults({name: text})
    assert by_variable.startswith(f"{PREFIX}{name}: {what}")
    flag = "--" + name.lower().replace("_", "-")
    (by_flag,) = faults({}, f"{flag}={text}")
    assert by_flag.startswith(f"{flag}: {what}")


def in_pod(tmp_path: Path, **variables: str) -> Settings:
    """Settings as a pod of the namespace `operators` has them."""
    file = tmp_path / "namespace"
    file.write_text("operators")
    environment = {PREFIX + name: value for name, value in variables.items()}
    return parse_settings({}, environment, namespace_file=file)


def test_in_a_pod_the_lease_and_shared_keys_are_in_its_namespace(tmp_path: Path) -> None:
    made = in_pod(tmp_path, LEADER_ELECTION="true")
    assert made.leader_election
    assert (made.lease_namespace, made.key_namespace) == ("operators", "operators")


def test_the_namespace_of_the_lease_can_be_another(tmp_path: Path) -> None:
    made = in_pod(tmp_path, LEADER_ELECTION="true", LEASE_NAMESPACE="leases")
    assert made.lease_namespace == "leases"
    outside = settings({"LEADER_ELECTION": "true", "LEASE_NAMESPACE": "leases"})
    assert outside.lease_namespace == "leases"


def test_outside_of_a_pod_leader_election_needs_a_namespace(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_settings({}, {PREFIX + "LEADER_ELECTION": "true"}, tmp_path / "none")
    (fault,) = caught.value.faults
    assert fault.startswith("REDOX_OPERATOR_LEASE_NAMESPACE: ")
    assert "write the namespace" in fault


def test_a_faulty_namespace_of_the_lease_is_told_once() -> None:
    assert len(faults({"LEADER_ELECTION": "true", "LEASE_NAMESPACE": "A"})) == 1


def test_all_faults_are_told_together() -> None:
    found = faults({"WORKERS": "x", "LOG_LEVEL": "x", "NO_SUCH_THING": "x"}, "--health-address=x")
    assert len(found) == 4


def test_a_variable_that_is_no_setting_is_a_fault() -> None:
    (fault,) = faults({"PROPAGATION": "92"})
    assert fault.startswith("REDOX_OPERATOR_PROPAGATION: is no setting.")


@pytest.mark.parametrize(
    "name",
    [
        "SERVICE_HOST",
        "SERVICE_PORT",
        "SERVICE_PORT_METRICS",
        "PORT",
        "PORT_9090_TCP",
        "PORT_9090_TCP_ADDR",
        "METRICS_SERVICE_HOST",
        "METRICS_PORT_9090_TCP_PROTO",
    ],
)
def test_variables_that_kubernetes_sets_for_a_service_are_no_faults(name: str) -> None:
    assert settings({name: "10.0.0.1"}) == settings()


def test_variables_of_others_are_ignored() -> None:
    assert parse_settings({}, {"WORKERS": "x", "REDOX_WORKERS": "x"}).workers == 20


def test_help_names_each_flag_with_its_default() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    told = parser.format_help()
    for flag in ("--namespaces", "--watch-secrets", "--propagation-seconds", "--log-level"):
        assert flag in told
    assert "(default: 92)" in told
