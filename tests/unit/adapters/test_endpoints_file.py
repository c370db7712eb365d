from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from redox_operator.adapters.endpoints_file import EndpointsFile, parse_endpoints
from redox_operator.domain.endpoint import BUILT_IN, CANADA, US, AllowedNamespaces, Endpoint
from redox_operator.domain.errors import ConfigurationError

LEAST = "{name: Sandbox, tokenUrl: 'https://sandbox.example/token'}"


def parsed(text: str, directory: Path = Path("/nowhere")) -> tuple[Endpoint, ...]:
    return parse_endpoints(text.encode(), directory)


def faults(text: str | bytes, directory: Path = Path("/nowhere")) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigurationError) as caught:
        parse_endpoints(content, directory)
    return caught.value.faults


def entry(fields: str) -> str:
    return f"endpoints: [{{name: Sandbox, tokenUrl: 'https://sandbox.example/token', {fields}}}]"


@pytest.mark.parametrize("text", ["", "# nothing", "endpoints: []"])
def test_a_file_that_adds_nothing_leaves_us_and_canada(text: str) -> None:
    assert parsed(text) == BUILT_IN


def test_an_entry_needs_a_name_and_a_url_and_has_defaults_for_the_rest() -> None:
    added = parsed(f"endpoints: [{LEAST}]")[-1]
    assert added == Endpoint(
        name="Sandbox",
        token_url="https://sandbox.example/token",
        audience="https://sandbox.example/token",
    )


def test_an_entry_may_set_everything(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("a certificate")
    text = """
endpoints:
- name: Sandbox
  tokenUrl: https://sandbox.example/token
  audience: sandbox
  caBundle: ca.crt
  fhirBaseUrl: https://sandbox.example/fhir
  requestsPerSecond: 0.5
  burst: 3
  assertionLifetimeSeconds: 120
  assertionType: client-authentication+jwt
  allowedNamespaces: {names: [clinic, ward]}
"""
    assert parsed(text, tmp_path)[-1] == Endpoint(
        name="Sandbox",
        token_url="https://sandbox.example/token",
        audience="sandbox",
        ca_bundle=str(tmp_path / "ca.crt"),
        fhir_base_url="https://sandbox.example/fhir",
        requests_per_second=0.5,
        burst=3,
        assertion_lifetime_seconds=120,
        assertion_type="client-authentication+jwt",
        allowed_namespaces=AllowedNamespaces(frozenset({"clinic", "ward"})),
    )


def test_an_entry_changes_settings_of_us_and_keeps_the_others() -> None:
    us, canada = parsed("endpoints: [{name: US, requestsPerSecond: 3, burst: 5}]")
    assert us == replace(US, requests_per_second=3, burst=5)
    assert canada == CANADA


def test_us_at_another_url_has_that_url_as_its_audience() -> None:
    us, _ = parsed("endpoints: [{name: US, tokenUrl: 'https://proxy.example/t'}]")
    assert us == Endpoint("US", "https://proxy.example/t", "https://proxy.example/t")


def test_an_empty_list_of_namespaces_allows_nobody_and_none_allows_all() -> None:
    closed = parsed(entry("allowedNamespaces: {names: []}"))[-1]
    assert not closed.allows("clinic")
    assert parsed(f"endpoints: [{LEAST}]")[-1].allows("clinic")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/t", "http://[::1]/t", "http://localhost/t", "http://127.9.9.9/t"]
)
def test_plain_http_is_possible_on_loopback_when_it_is_asked_for(url: str) -> None:
    text = f"endpoints: [{{name: Local, tokenUrl: '{url}', allowInsecure: true}}]"
    assert parsed(text)[-1].token_url == url


@pytest.mark.parametrize(
    ("url", "insecure"),
    [
        pytest.param("http://127.0.0.1/t", False, id="loopback without asking for it"),
        pytest.param("http://sandbox.example/t", True, id="another host"),
        pytest.param("http://2130706433/t", True, id="loopback as a number"),
        pytest.param("ftp://127.0.0.1/t", True, id="another scheme"),
        pytest.param("https://user@sandbox.example/t", False, id="a user"),
        pytest.param("https://sandbox.example/t?x=1", False, id="a query"),
        pytest.param("https://sandbox.example/t#x", False, id="a fragment"),
        pytest.param("https:///t", False, id="no host"),
        pytest.param("https://sandbox.example:99999/t", False, id="no port of this world"),
        pytest.param("https://[::1/t", False, id="half a bracket"),
        pytest.param("https://sandbox.example/a b", False, id="a space"),
        pytest.param("https://sändbox.example/t", False, id="a letter that is not ASCII"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_a_url_that_assertions_must_not_go_to_is_a_fault(url: str, insecure: bool) -> None:
    asked = str(insecure).lower()
    fault, *_ = faults(f"endpoints: [{{name: X, tokenUrl: '{url}', allowInsecure: {asked}}}]")
    assert fault.startswith("ENDPOINTS_FILE: endpoints[0].tokenUrl: ")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("endpoints: [", "is no YAML, line 1", id="half a list"),
        pytest.param("a: 2001-99-99", "is no YAML", id="no date"),
        pytest.param("a: !!timestamp x", "is no YAML", id="no date that is called one"),
        pytest.param("a: !!int ''", "is no YAML", id="no number that is called one"),
        pytest.param("a: !!bool x", "is no YAML", id="no boolean that is called one"),
        pytest.param("[" * 100_000, "is no YAML", id="too deep"),
        pytest.param(b"\x00\xff\x80", "is no YAML", id="no text"),
        pytest.param("x: !!python/object:os.system {}", "is no YAML, line 1", id="an object"),
        pytest.param("- name: US", "write a list of entries under", id="a bare list"),
        pytest.param("endpoints: {}", "write a list of entries under", id="a mapping"),
        pytest.param("endpoints: [US]", "write a list of entries under", id="bare names"),
        pytest.param("endpoints: &e [*e]", "write a list of entries under", id="itself"),
        pytest.param("x" * 300_000, "larger than 256 KiB", id="too large"),
        pytest.param("endpoints: [{tokenUrl: 'https://x'}]", "[0].name: write", id="no name"),
        pytest.param("endpoints: [{name: 7up}]", "[0].name: write", id="a name that is none"),
        pytest.param(
            f"endpoints: [{LEAST}, {LEAST}]", "[1].name: Sandbox stands twice", id="twice"
        ),
        pytest.param(entry("tokenURL: x"), "tokenURL: is not known. Known are", id="a typo"),
        pytest.param(entry("7: x"), ".7: is not known", id="a number as a key"),
        pytest.param(entry("burst: many"), "burst: has a value of the wrong type", id="a word"),
        pytest.param(entry("burst: true"), "burst: has a value of the wrong type", id="a boolean"),
        pytest.param(entry("burst: 0"), "burst: write 1 to 10000", id="no burst"),
        pytest.param(entry("requestsPerSecond: -1"), "requestsPerSecond: write 0", id="negative"),
        pytest.param(entry("requestsPerSecond: .nan"), "requestsPerSecond: write 0", id="nan"),
        pytest.param(
            entry("assertionLifetimeSeconds: 10"), "assertionLifetimeSeconds: write", id="too short"
        ),
        pytest.param(entry("audience: ''"), "must not be empty", id="no audience"),
        pytest.param(entry("caBundle: ca.crt"), "caBundle: /nowhere/ca.crt is no file", id="no CA"),
        pytest.param(entry(f"caBundle: {'a' * 5000}"), "is no file", id="no name of a file"),
        pytest.param(entry('caBundle: "a\\0b"'), "is no file", id="no path"),
        pytest.param(
            entry("allowedNamespaces: {names: 5}"), "names: write a list of names", id="a number"
        ),
        pytest.param(
            entry("allowedNamespaces: {names: [[a]]}"), "names: write a list of names", id="lists"
        ),
        pytest.param(
            entry("allowedNamespaces: {name: [a]}"), "allowedNamespaces: write a list", id="a typo "
        ),
    ],
)
def test_each_fault_says_where_it_is_and_what_to_write(text: str | bytes, fault: str) -> None:
    found = faults(text)
    assert len(found) == 1
    assert fault in found[0]


def test_all_faults_are_told_together() -> None:
    text = "endpoints: [{name: A, burst: 0, audience: ''}, {name: B, tokenUrl: 'http://x'}, {}]"
    assert [fault.split(":")[1].strip() for fault in faults(text)] == [
        "endpoints[0].tokenUrl",
        "endpoints[0].burst",
        "endpoints[0]",
        "endpoints[1].tokenUrl",
        "endpoints[2].name",
    ]


def test_without_a_file_there_are_us_and_canada_and_nothing_is_read_again() -> None:
    file = EndpointsFile(None)
    file.load()
    assert file.endpoints == BUILT_IN
    assert not file.reload()


def test_a_file_that_cannot_be_read_at_the_start_is_a_fault(tmp_path: Path) -> None:
    file = EndpointsFile(tmp_path / "none.yaml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        file.load()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "endpoints.yaml"
    path.write_text(f"endpoints: [{LEAST}]")
    return path


@pytest.fixture
def file(path: Path) -> EndpointsFile:
    loaded = EndpointsFile(path)
    loaded.load()
    return loaded


def test_a_file_that_did_not_change_is_not_taken_again(file: EndpointsFile) -> None:
    assert not file.reload()
    assert file.endpoints[-1].name == "Sandbox"


def test_a_file_that_changed_is_taken(file: EndpointsFile, path: Path) -> None:
    path.write_text("endpoints: []")
    assert file.reload()
    assert file.endpoints == BUILT_IN


@pytest.mark.parametrize("content", ["endpoints: 5", "[", entry("allowedNamespaces: {names: 5}")])
def test_a_faulty_file_keeps_the_last_good_endpoints_and_is_told(
    file: EndpointsFile, path: Path, content: str
) -> None:
    path.write_text(content)
    assert not file.reload()
    assert file.endpoints[-1].name == "Sandbox"
    assert len(file.faults) == 1


def test_a_file_that_vanishes_keeps_the_last_good_endpoints_and_is_told(
    file: EndpointsFile, path: Path
) -> None:
    path.unlink()
    assert not file.reload()
    assert file.endpoints[-1].name == "Sandbox"
    assert "cannot be read" in file.faults[0]


def test_a_file_that_is_as_it_was_before_its_faults_is_well_again(
    file: EndpointsFile, path: Path
) -> None:
    good = path.read_text()
    path.write_text("[")
    file.reload()
    path.write_text(good)
    assert file.reload()
    assert file.faults == []


def test_a_file_is_taken_when_the_ca_that_it_names_appears(
    file: EndpointsFile, path: Path, tmp_path: Path
) -> None:
    path.write_text(entry("caBundle: ca.crt"))
    assert not file.reload()
    (tmp_path / "ca.crt").write_text("a certificate")
    assert file.reload()
    assert file.endpoints[-1].ca_bundle == str(tmp_path / "ca.crt")
    assert file.faults == []
