"""Named endpoints."""

from __future__ import annotations

import pytest

from redox_operator.domain.endpoint import BUILT_IN, CANADA, US, AllowedNamespaces, Endpoint
from tests.support.builders import endpoint


@pytest.mark.parametrize(
    ("built_in", "host"),
    [
        pytest.param(US, "api.redoxengine.com", id="US"),
        pytest.param(CANADA, "api.ca.redoxengine.com", id="Canada"),
    ],
)
def test_what_is_built_in_is_of_redox(built_in: Endpoint, host: str) -> None:
    assert built_in in BUILT_IN
    assert built_in.host == host
    assert built_in.token_url == built_in.audience == f"https://{host}/v2/auth/token"
    assert built_in.fhir_base_url == f"https://{host}/fhir/R4"


def test_assertions_are_jwts_that_live_five_minutes_unless_an_entry_says_otherwise() -> None:
    plain = Endpoint(name="Sandbox", token_url="https://a.b/c", audience="d")
    assert (plain.assertion_type, plain.assertion_lifetime_seconds) == ("JWT", 300)
    assert (plain.requests_per_second, plain.burst) == (12, 60)


def test_what_is_built_in_asks_at_half_of_the_lower_documented_limit() -> None:
    assert {(each.requests_per_second, each.burst) for each in BUILT_IN} == {(12.0, 60)}
    # 7,500 in 5 minutes; a burst on top of it stays below as well.
    assert 12 * 300 + 60 <= 7500 / 2


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        pytest.param(None, True, id="nothing said allows all"),
        pytest.param(AllowedNamespaces(), False, id="an empty list allows nobody"),
        pytest.param(AllowedNamespaces(frozenset({"clinic"})), True, id="the namespace is named"),
        pytest.param(AllowedNamespaces(frozenset({"lab"})), False, id="another one is named"),
    ],
)
def test_a_namespace_may_use_an_endpoint(allowed: AllowedNamespaces | None, expected: bool) -> None:
    assert endpoint(allowed_namespaces=allowed).allows("clinic") is expected


@pytest.mark.parametrize(
    ("url", "host"),
    [
        pytest.param("https://sandbox.example:8443/v2/auth/token", "sandbox.example", id="port"),
        pytest.param("http://[::1]:80/token", "::1", id="an address of IPv6"),
        pytest.param("", "", id="none"),
    ],
)
def test_the_host_is_what_status_shows(url: str, host: str) -> None:
    assert endpoint(token_url=url).host == host
