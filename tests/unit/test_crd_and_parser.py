"""The CRD and the operator say the same: schema, parser and status walked both ways."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redox_operator.domain import conditions, errors
from redox_operator.domain.credential import ALGORITHMS, Credential, parse_credential
from redox_operator.domain.errors import SpecInvalid
from redox_operator.domain.status import Facts, status
from tests.support.builders import NOW, credential_body, situation
from tests.support.crd_cases import ACCEPTED, REFUSED
from tests.support.crd_schema import FIELDS, LEAVES, SPEC, STATUS, allowed

FULL: dict[str, Any] = {
    "clientId": "client-2",
    "privateKey": {"secretRef": {"name": "keys", "key": "redox.jwk"}, "keyId": "kid-2"},
    "endpoint": "Canada",
    "algorithm": "ES256",
    "scopes": ["system/Patient.read"],
    "target": {
        "secretName": "elsewhere",
        "labels": {"team": "integration"},
        "annotations": {"example.com/owner": "integration"},
        "stringData": {"curl.header": "Authorization: $(authorization)"},
    },
    "refresh": {"beforeExpirySeconds": 200},
    "suspend": True,
}
"""A spec with every field."""


class Recorded(Mapping[str, Any]):
    """An object that remembers which of its fields were read."""

    def __init__(self, content: Mapping[str, Any], path: str, read: set[str]) -> None:
        self._content, self._path, self._read = content, path, read

    def __getitem__(self, name: str) -> Any:
        path = f"{self._path}.{name}"
        self._read.add(path)
        value = self._content[name]
        if isinstance(value, list):
            self._read.add(f"{path}[]")
        return Recorded(value, path, self._read) if isinstance(value, Mapping) else value

    def __iter__(self) -> Iterator[str]:
        self._read.add(f"{self._path}[*]")
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)


def spec_with(path: str, value: Any) -> dict[str, Any]:
    """The full spec with another value at a path of the schema."""
    *parents, last = (
        path.removeprefix(".spec.").replace("[]", ".[]").replace("[*]", ".*").split(".")
    )
    spec = copy.deepcopy(FULL)
    place: Any = spec
    for name in parents:
        place = place[name]
    if last == "[]":
        place[:] = [value]
    elif last == "*":
        place["a"] = value
    else:
        place[last] = value
    return spec


def parsed(spec: dict[str, Any], name: str = "ehr") -> Credential:
    return parse_credential(credential_body(name, **spec))


def is_taken(spec: dict[str, Any]) -> bool:
    try:
        parsed(spec)
    except SpecInvalid:
        return False
    return True


def test_the_parser_reads_every_field_of_the_schema_and_no_other() -> None:
    read: set[str] = set()
    parse_credential(Recorded(credential_body(**FULL), "", read))

    maps = {path.removesuffix("[*]") for path in read if path.endswith("[*]")}
    entries = {path for path in read if path.startswith(tuple(f"{each}." for each in maps))}
    assert {path for path in read - entries if path.startswith(".spec")} == SPEC.keys()


OTHER: dict[str, Any] = {
    ".spec.clientId": "client-3",
    ".spec.privateKey.secretRef.name": "other",
    ".spec.privateKey.secretRef.key": "other",
    ".spec.privateKey.keyId": "other",
    ".spec.endpoint": "US",
    ".spec.algorithm": "RS256",
    ".spec.scopes": [],
    ".spec.scopes[]": "other",
    ".spec.target.secretName": "other",
    ".spec.target.labels[*]": "other",
    ".spec.target.annotations[*]": "other",
    ".spec.target.stringData[*]": "other",
    ".spec.refresh.beforeExpirySeconds": 100,
    ".spec.suspend": False,
}


def test_every_field_of_the_schema_has_another_value_here() -> None:
    assert OTHER.keys() == LEAVES.keys()


@pytest.mark.parametrize("path", OTHER)
def test_every_field_of_the_schema_makes_a_difference(path: str) -> None:
    assert parsed(spec_with(path, OTHER[path])) != parsed(FULL)


LIMITED = [
    path for path, schema in LEAVES.items() if schema["type"] == "string" and "enum" not in schema
]


@pytest.mark.parametrize("path", LIMITED)
def test_a_text_is_as_long_as_the_schema_lets_it_be(path: str) -> None:
    longest = LEAVES[path]["maxLength"]
    assert is_taken(spec_with(path, "a" * longest))
    assert not is_taken(spec_with(path, "a" * (longest + 1)))


@pytest.mark.parametrize("path", [path for path in SPEC if "maxProperties" in SPEC[path]])
def test_a_map_is_as_large_as_the_schema_lets_it_be(path: str) -> None:
    names = [f"name-{n}" for n in range(SPEC[path]["maxProperties"] + 1)]
    assert is_taken(spec_with(path, dict.fromkeys(names[1:], "")))
    assert not is_taken(spec_with(path, dict.fromkeys(names, "")))


def test_a_list_is_as_long_as_the_schema_lets_it_be() -> None:
    (path,) = (path for path in SPEC if SPEC[path]["type"] == "array")
    items = [f"scope-{n}" for n in range(SPEC[path]["maxItems"] + 1)]
    assert is_taken(spec_with(path, items[1:]))
    assert not is_taken(spec_with(path, items))


def test_a_number_is_within_the_bounds_of_the_schema() -> None:
    (path,) = (path for path in SPEC if SPEC[path]["type"] == "integer")
    lowest, highest = SPEC[path]["minimum"], SPEC[path]["maximum"]
    assert [
        is_taken(spec_with(path, value)) for value in (lowest - 1, lowest, highest, highest + 1)
    ] == [False, True, True, False]


def test_the_algorithms_are_those_of_the_schema() -> None:
    assert SPEC[".spec.algorithm"]["enum"] == list(ALGORITHMS)
    assert max(map(len, ALGORITHMS)) == SPEC[".spec.algorithm"]["maxLength"]


CHARACTERS = st.text(alphabet='aZ5-._/ !~"\\[]#\n$(:é', max_size=6)


@given(
    st.sampled_from([path for path in LIMITED if "x-kubernetes-validations" in SPEC[path]]),
    CHARACTERS,
)
@example(".spec.privateKey.secretRef.key", ".")
@example(".spec.privateKey.secretRef.key", "..")
@example(".spec.privateKey.secretRef.key", "...a")
@example(".spec.privateKey.secretRef.name", "a.b-c.d")
@example(".spec.privateKey.secretRef.name", "a..b")
@example(".spec.target.labels[*]", "")
@example(".spec.clientId", "a\n")
def test_a_text_is_of_the_form_that_the_rules_have(path: str, text: str) -> None:
    assert is_taken(spec_with(path, text)) == allowed(path, text)


NAMES = (
    CHARACTERS
    | st.from_regex(
        r"(([a-z.]{1,3}\.)?(velero\.io|k8s\.io|example\.com)/)?[A-Za-z._-]{1,3}", fullmatch=True
    )
    | st.sampled_from(["a" * 253 + "/b", "a" * 254 + "/b", "a/" + "b" * 63, "a/" + "b" * 64])
    | st.sampled_from(["app.kubernetes.io/name", "app.kubernetes.io/instance", "kubernetes.io"])
)


@given(st.sampled_from(["labels", "annotations"]), NAMES)
def test_a_label_or_annotation_has_a_name_that_the_rules_have(part: str, name: str) -> None:
    path = f".spec.target.{part}"
    assert is_taken(spec_with(path, {name: "x"})) == allowed(path, {name: "x"})


@given(CHARACTERS | st.sampled_from(["scope", "scopes", "access_token.a", "issued_", "." * 3]))
@example(".")
@example("..a")
@example("a" * 253)
@example("a" * 254)
def test_a_data_key_has_a_name_that_the_rules_have(name: str) -> None:
    path = ".spec.target.stringData"
    assert is_taken(spec_with(path, {name: ""})) == allowed(path, {name: ""})


@pytest.mark.parametrize("spec", ACCEPTED)
def test_the_parser_takes_what_the_api_server_takes(spec: dict[str, Any]) -> None:
    assert parsed(spec)


PRUNED = "unknown field"


@pytest.mark.parametrize(
    ("spec", "field"),
    [pytest.param(*case.values[:2], id=case.id) for case in REFUSED if case.values[2] != PRUNED],
)
def test_the_parser_refuses_what_the_api_server_refuses_and_names_the_same_field(
    spec: dict[str, Any], field: str
) -> None:
    with pytest.raises(SpecInvalid) as refused:
        parsed(spec)
    named = refused.value.message.partition(":")[0]
    assert normal(field).startswith(normal(named))


def normal(field: str) -> str:
    """A path with one way to write an entry of a map: `labels.a` and `labels[a]` are the same."""
    return re.sub(r"[\[\].]+", ".", field).strip(".")


def test_the_parser_refuses_a_name_as_long_as_the_api_server_refuses() -> None:
    (rule,) = (
        found
        for rule in FIELDS[""]["x-kubernetes-validations"]
        if (found := re.match(r"self\.metadata\.name\.size\(\) <= (\d+)", rule["rule"]))
    )
    longest = int(rule[1])
    key = {"privateKey": {"secretRef": {"name": "key"}}}
    assert parsed(key, "a" * longest)
    with pytest.raises(SpecInvalid, match=f"at most {longest} characters"):
        parsed(key, "a" * (longest + 1))


FACTS = Facts("ehr-token", "kid-1", "api.redoxengine.com", NOW + 123, NOW + 198)
REASONS = {
    *(each.reason for each in vars(errors).values() if hasattr(each, "reason")),
    conditions.PENDING,
    conditions.TOKEN_ISSUED,
    conditions.TOKEN_EXPIRED,
    conditions.SUSPENDED,
    conditions.LIFETIME_TOO_SHORT,
}


def test_the_status_has_every_field_of_the_schema_and_no_other() -> None:
    told = status(situation(), FACTS, None)
    written = {f".status.{name}" for name in told}
    written |= {f".status.conditions[].{name}" for each in told["conditions"] for name in each}
    assert written | {".status", ".status.conditions[]"} == STATUS.keys()


def test_the_status_has_values_of_the_types_of_the_schema() -> None:
    kinds = {"string": str, "integer": int, "array": list}
    told = status(situation(), FACTS, None)
    wrong = {
        name
        for name, value in told.items()
        if not isinstance(value, kinds[STATUS[f".status.{name}"]["type"]])
    }
    assert wrong == set()


def test_a_condition_has_what_the_schema_requires() -> None:
    schema = STATUS[".status.conditions[]"]
    told = status(situation(), FACTS, None)["conditions"]
    assert all(each.keys() >= set(schema["required"]) for each in told)
    statuses = STATUS[".status.conditions[].status"]["enum"]
    assert {each["status"] for each in told} <= set(statuses) == {"True", "False", "Unknown"}


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_is_of_the_form_that_the_schema_has(reason: str) -> None:
    assert re.fullmatch(STATUS[".status.conditions[].reason"]["pattern"], reason)


def test_the_times_of_the_status_are_date_times_in_the_schema() -> None:
    told = status(situation(), FACTS, None)
    times = {name for name in told if name.endswith("Time")}
    assert times == {
        path.removeprefix(".status.")
        for path, schema in STATUS.items()
        if schema.get("format") == "date-time" and "[" not in path
    }
