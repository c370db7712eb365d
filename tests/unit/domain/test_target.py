"""The target Secret: whose it is, which token it holds, whether it is as it was written."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redox_operator.domain import target as targets
from redox_operator.domain.target import (
    Ownership,
    Target,
    applied,
    applied_annotation,
    input_hash,
    is_intact,
    ownership,
    same_input,
    stored_token,
)
from redox_operator.domain.timestamps import format_time
from tests.support.builders import (
    NOW,
    TOKEN,
    UID,
    credential,
    endpoint,
    owner,
    target,
    target_secret,
    target_spec,
    token,
)

REFERENCE = {targets.CREDENTIAL: "RedoxCredential/ehr"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, Ownership.OURS, id="its controller is this credential"),
        pytest.param(
            {"annotations": {}}, Ownership.OURS, id="ours without its annotations is still ours"
        ),
        pytest.param({"owner": None}, Ownership.ADOPTABLE, id="restored without its controller"),
        pytest.param(
            {"owner": owner(uid="former")}, Ownership.ADOPTABLE, id="of a namesake before this one"
        ),
        pytest.param(
            {"owner": None, "annotations": {}},
            Ownership.FOREIGN,
            id="nobody's, and no annotation names this credential",
        ),
        pytest.param(
            {"owner": owner(uid="former"), "annotations": {}},
            Ownership.FOREIGN,
            id="a namesake's, and no annotation names this credential",
        ),
        pytest.param(
            {"owner": None, "annotations": {targets.CREDENTIAL: "RedoxCredential/lab"}},
            Ownership.FOREIGN,
            id="the annotation names another credential",
        ),
        pytest.param(
            {"owner": None, "annotations": {targets.CREDENTIAL: "ClusterRedoxCredential/ehr"}},
            Ownership.FOREIGN,
            id="the annotation names another kind",
        ),
        pytest.param(
            {"owner": owner(uid="other", name="lab")},
            Ownership.FOREIGN,
            id="its controller has another name",
        ),
        pytest.param(
            {"owner": owner(uid="other", kind="ClusterRedoxCredential")},
            Ownership.FOREIGN,
            id="its controller has another kind",
        ),
        pytest.param(
            {"owner": owner(uid="other", group="example.com")},
            Ownership.FOREIGN,
            id="its controller has another group",
        ),
        pytest.param(
            {"owner": None, "type": "kubernetes.io/tls"},
            Ownership.FOREIGN,
            id="an adoptable one is Opaque",
        ),
    ],
)
def test_whose_a_secret_is(changes: dict[str, Any], expected: Ownership) -> None:
    assert ownership(target(**changes), credential()) is expected


def test_the_annotation_names_kind_and_name() -> None:
    assert target().annotations.items() >= REFERENCE.items()


def at(issued: float, expires: float) -> dict[str, str]:
    return {
        targets.ISSUED_AT: format_time(NOW + issued),
        targets.EXPIRES_AT: format_time(NOW + expires),
    }


@pytest.mark.parametrize(
    ("annotations", "counts"),
    [
        pytest.param(at(0, 300), True, id="issued now"),
        pytest.param(at(-400, -100), True, id="expired: it counts, and is known to be dead"),
        pytest.param(at(300, 600), True, id="issued in the future, within a clock correction"),
        pytest.param(at(301, 601), False, id="issued in the future, beyond any correction"),
        pytest.param(at(0, 86400), True, id="the longest life"),
        pytest.param(at(0, 86401), False, id="a longer life than the longest"),
        pytest.param(at(0, 1), True, id="the shortest life"),
        pytest.param(at(0, 0), False, id="no life"),
        pytest.param(at(0, -1), False, id="expired before it was issued"),
        pytest.param({}, False, id="no times"),
        pytest.param({targets.ISSUED_AT: format_time(NOW)}, False, id="no expiry"),
        pytest.param({targets.EXPIRES_AT: format_time(NOW + 300)}, False, id="no issue"),
        pytest.param(at(0, 300) | {targets.EXPIRES_AT: "soon"}, False, id="a time by hand"),
    ],
)
def test_a_stored_token_counts(annotations: dict[str, str], counts: bool) -> None:
    stored = stored_token(target(annotations=annotations), NOW, 86400)
    assert (stored is not None) is counts


def test_a_target_of_which_only_metadata_was_read_is_taken_as_it_was_written() -> None:
    seen = Target(uid="uid", resource_version="1", labels={}, annotations=at(0, 300))
    assert (seen.type, seen.immutable, seen.intact) == ("Opaque", False, True)
    assert stored_token(seen, NOW, 86400) is not None


def test_a_stored_token_does_not_count_when_its_data_was_changed() -> None:
    assert stored_token(target(intact=False), NOW, 86400) is None


def test_a_stored_token_is_the_token_that_was_stored() -> None:
    issued = token(scope="system/Patient.read")
    assert stored_token(target(issued), NOW, 86400, TOKEN) == issued


def test_a_stored_token_has_no_value_where_only_metadata_was_read() -> None:
    stored = stored_token(target(), NOW, 86400)
    assert stored is not None
    assert stored.value == ""


def test_a_fraction_of_a_second_is_not_stored() -> None:
    issued = token(issued_at=NOW + 0.75)
    stored = stored_token(target(issued), NOW, 86400, TOKEN)
    assert stored == token(issued_at=NOW)


INPUT = {"credential": credential(scopes=("b", "a")), "endpoint": endpoint(), "thumbprint": "t"}


def hash_of(**changes: Any) -> str:
    return input_hash(**(INPUT | changes))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"credential": credential(client_id="other")}, id="the client"),
        pytest.param({"endpoint": endpoint(token_url="https://b/")}, id="the token URL"),
        pytest.param({"endpoint": endpoint(audience="https://b/")}, id="the audience"),
        pytest.param({"credential": credential(scopes=("a",))}, id="the scopes"),
        pytest.param({"credential": credential(scopes=("a b",))}, id="how the scopes are cut"),
        pytest.param({"thumbprint": "other"}, id="the first key"),
        pytest.param(
            {"credential": credential(scopes=("b", "a"), refresh_request="1")}, id="the annotation"
        ),
    ],
)
def test_another_token_is_wanted_when_this_changes(changes: dict[str, Any]) -> None:
    assert hash_of(**changes) != hash_of()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"credential": credential(scopes=("a", "b"))}, id="the order of the scopes"),
        pytest.param(
            {"credential": credential(scopes=("b", "a"), uid="other", generation=9)},
            id="a recreated credential",
        ),
        pytest.param(
            {"credential": credential(scopes=("b", "a"), target=target_spec(labels={"a": "b"}))},
            id="the target",
        ),
        pytest.param(
            {"endpoint": endpoint(name="Sandbox", burst=1)}, id="settings of the endpoint"
        ),
    ],
)
def test_no_other_token_is_wanted_when_this_changes(changes: dict[str, Any]) -> None:
    assert hash_of(**changes) == hash_of()


def test_the_hash_of_the_input_has_a_version() -> None:
    version, _, digest = hash_of().partition(":")
    assert version == "v1"
    assert len(digest) == 64


@pytest.mark.parametrize(
    ("stored", "expected", "same"),
    [
        pytest.param("v1:a", "v1:a", True, id="equal"),
        pytest.param("v1:a", "v1:b", False, id="different"),
        pytest.param("v2:a", "v1:b", True, id="a version of a later operator"),
        pytest.param("", "v1:b", True, id="no version"),
        pytest.param(None, "v1:b", True, id="nothing stored"),
        pytest.param("v1:a", None, True, id="the key was not read yet"),
    ],
)
def test_inputs_are_compared(stored: str | None, expected: str | None, same: bool) -> None:
    assert same_input(stored, expected) is same


AUTHORS = credential(target=target_spec(string_data={"curl.header": "$(authorization)"}))


def stored_content() -> tuple[dict[str, str], dict[str, str]]:
    """Annotations and decoded data of a target that was written."""
    secret = target_secret(of=AUTHORS)
    data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    return secret["metadata"]["annotations"], data


def test_a_target_is_intact_after_it_was_written() -> None:
    assert is_intact(*stored_content())


@pytest.mark.parametrize(
    "key", ["access_token", "token_type", "expires_at", "authorization", "curl.header"]
)
def test_a_target_is_not_intact_when_a_key_of_ours_was_changed(key: str) -> None:
    annotations, data = stored_content()
    assert not is_intact(annotations, data | {key: data[key] + " "})
    assert not is_intact(annotations, {name: data[name] for name in data if name != key})


@pytest.mark.parametrize("name", [targets.EXPIRES_AT, targets.ISSUED_AT, targets.CONTENT_HASH])
def test_a_target_is_not_intact_when_its_times_or_hash_were_changed(name: str) -> None:
    annotations, data = stored_content()
    assert not is_intact(annotations | {name: "2026-11-23T12:00:01Z"}, data)
    assert not is_intact({each: annotations[each] for each in annotations if each != name}, data)


def test_a_target_is_not_intact_when_the_list_of_what_was_applied_was_changed() -> None:
    annotations, data = stored_content()
    forged = applied_annotation(["foreign"], [], [])
    assert not is_intact(annotations | {targets.APPLIED: forged}, data | {"foreign": "x"})


def test_keys_of_others_do_not_count() -> None:
    annotations, data = stored_content()
    assert is_intact(annotations | {"foreign": "x"}, data | {"foreign": "x"})


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_any_other_data_breaks_the_hash(changes: dict[str, str]) -> None:
    annotations, data = stored_content()
    ours = {key: changes.get(key, data[key]) for key in data}
    assert is_intact(annotations, data | changes) is (ours == data)


@given(st.sampled_from(["access_token", "authorization", "curl.header"]), st.text())
def test_any_edit_of_a_key_of_ours_breaks_the_hash(key: str, value: str) -> None:
    annotations, data = stored_content()
    assert is_intact(annotations, data | {key: value}) is (value == data[key])


NAMES = st.frozensets(st.text(max_size=12), max_size=5)


@given(NAMES, NAMES, NAMES)
def test_what_was_applied_is_read_back(
    data: frozenset[str], labels: frozenset[str], annotations: frozenset[str]
) -> None:
    text = applied_annotation(data, labels, annotations)
    assert applied({targets.APPLIED: text}) == {
        "data": tuple(sorted(data)),
        "labels": tuple(sorted(labels)),
        "annotations": tuple(sorted(annotations)),
    }


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="no annotation"),
        pytest.param("", id="empty"),
        pytest.param("no JSON", id="no JSON"),
        pytest.param("[" * 100_000, id="nested beyond measure"),
        pytest.param("1" * 10_000, id="a number beyond measure"),
        pytest.param("null", id="null"),
        pytest.param('["data"]', id="a list"),
        pytest.param('{"data": "access_token"}', id="a text for a list"),
        pytest.param('{"data": [1, null, ["a"]]}', id="no names"),
    ],
)
def test_a_list_of_what_was_applied_that_cannot_be_read_is_empty(text: str | None) -> None:
    annotations = {} if text is None else {targets.APPLIED: text}
    assert applied(annotations) == {"data": (), "labels": (), "annotations": ()}


def test_a_list_of_what_was_applied_does_not_depend_on_the_authors_order() -> None:
    text = applied_annotation(["b", "a"], [], [])
    assert json.loads(text) == {"data": ["a", "b"], "labels": [], "annotations": []}


def test_a_target_never_holds_data() -> None:
    assert TOKEN not in repr(target())
    assert base64.b64encode(TOKEN.encode()).decode() not in repr(target())


def test_ownership_goes_by_the_uid_and_by_nothing_else() -> None:
    seen = target(owner=replace(owner(), name="renamed", kind="Other"))
    assert seen.owner is not None
    assert seen.owner.uid == UID
    assert ownership(seen, credential()) is Ownership.OURS
