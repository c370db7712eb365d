"""LIST: selectors, pages, revisions."""

from __future__ import annotations

import pytest

from tests.conformance.answers import Cause, failure, forbidden, invalid, status
from tests.conformance.objects import API_VERSION, config_map, widget
from tests.conformance.server import Answer, Server


def names(answer: Answer) -> list[str]:
    assert answer.code == 200, answer.body
    return [item["metadata"]["name"] for item in answer.body["items"]]


@pytest.fixture
def labelled(server: Server, configmaps: str) -> str:
    """ConfigMaps a to d, with tier, app and nothing; and whatever the server puts there itself."""
    for name, labels in {
        "a": {"tier": "one", "app": "x"},
        "b": {"tier": "two", "app": "x"},
        "c": {"tier": "one", "app": "y"},
        "d": {"app": "z"},
    }.items():
        server.make(configmaps, config_map(name, {"labels": labels}))
    return configmaps


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("tier=one", "ac"),
        ("tier==one", "ac"),
        ("app,tier!=one", "bd"),
        ("tier in (one, two)", "abc"),
        ("app,tier notin (one)", "bd"),
        ("tier", "abc"),
        ("app,!tier", "d"),
        ("tier=one,app=x", "a"),
        ("tier=none", ""),
        ("tier in (one),app notin (y, z)", "a"),
    ],
)
def test_a_label_selector_selects(
    server: Server, labelled: str, selector: str, selected: str
) -> None:
    assert names(server.get(f"{labelled}?labelSelector={selector}")) == list(selected)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a===b", "unable to parse requirement: found '=', expected: identifier"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
    ],
)
def test_a_label_selector_that_is_none_is_400(
    server: Server, configmaps: str, selector: str, message: str
) -> None:
    answer = server.get(f"{configmaps}?labelSelector={selector}")

    assert status(answer) == failure(400, "BadRequest", message)


def test_a_field_selector_selects_by_name(server: Server, labelled: str, widgets: str) -> None:
    server.make(widgets, widget("w"))

    assert names(server.get(f"{labelled}?fieldSelector=metadata.name=b")) == ["b"]
    others = server.get(f"{labelled}?labelSelector=app&fieldSelector=metadata.name!=b")
    assert names(others) == ["a", "c", "d"]
    assert names(server.get(f"{widgets}?fieldSelector=metadata.name=w")) == ["w"]


def test_a_secret_is_selected_by_its_type(server: Server, secret_path: str) -> None:
    server.make(secret_path, {"metadata": {"name": "s"}, "type": "example.com/special"})

    assert names(server.get(f"{secret_path}?fieldSelector=type=example.com/special")) == ["s"]
    assert names(server.get(f"{secret_path}?fieldSelector=type=Opaque")) == []


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("spec.color=red", "field label not supported: spec.color"),
        (
            "metadata.name",
            "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
        ),
    ],
)
def test_a_field_selector_that_is_not_supported_is_400(
    server: Server, widgets: str, selector: str, message: str
) -> None:
    answer = server.get(f"{widgets}?fieldSelector={selector}")

    assert status(answer) == failure(400, "BadRequest", message)


def test_a_namespace_that_does_not_exist_is_empty(server: Server) -> None:
    assert names(server.get("/api/v1/namespaces/nowhere/secrets")) == []


def test_a_list_has_its_kind_and_version(server: Server, configmaps: str, widgets: str) -> None:
    server.make(configmaps, config_map("c", {"labels": {"mine": ""}}))
    server.make(widgets, widget("w"))

    plain = server.get(f"{configmaps}?labelSelector=mine").body
    custom = server.get(widgets).body

    assert (plain["kind"], plain["apiVersion"]) == ("ConfigMapList", "v1")
    assert (custom["kind"], custom["apiVersion"]) == ("WidgetList", API_VERSION)
    # Items of typed lists do not repeat their kind, custom resources do.
    assert plain["items"][0].keys() == {"metadata", "data"}
    assert custom["items"][0]["kind"] == "Widget"
    assert custom["metadata"]["continue"] == ""


def test_pages_follow_each_other_at_one_revision(server: Server, widgets: str) -> None:
    for name in "abcde":
        server.make(widgets, widget(name))

    first = server.get(f"{widgets}?limit=2").body
    server.make(widgets, widget("bb"))
    server.delete(f"{widgets}/c")
    second = server.get(f"{widgets}?limit=2&continue={first['metadata']['continue']}").body
    third = server.get(f"{widgets}?limit=2&continue={second['metadata']['continue']}").body

    pages = [
        [item["metadata"]["name"] for item in page["items"]] for page in (first, second, third)
    ]
    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    revisions = {page["metadata"]["resourceVersion"] for page in (first, second, third)}
    assert len(revisions) == 1
    remaining = [page["metadata"].get("remainingItemCount") for page in (first, second, third)]
    assert remaining == [3, 1, None]
    assert third["metadata"]["continue"] == ""


def test_pages_respect_the_selector(server: Server, labelled: str) -> None:
    first = server.get(f"{labelled}?labelSelector=tier&limit=2")
    token = first.body["metadata"]["continue"]
    second = server.get(f"{labelled}?labelSelector=tier&limit=2&continue={token}")

    assert (names(first), names(second)) == (["a", "b"], ["c"])
    assert "remainingItemCount" not in first.body["metadata"]
    assert "continue" not in second.body["metadata"]


def test_pages_cross_namespaces(server: Server, namespace: str, widgets: str) -> None:
    for name in "abc":
        server.make(widgets, widget(name))
    everywhere = widgets.replace(f"namespaces/{namespace}/", "")
    found, token = [], ""

    while True:
        page = server.get(f"{everywhere}?limit=1&continue={token}").body
        found += [
            item["metadata"]["name"]
            for item in page["items"]
            if item["metadata"]["namespace"] == namespace
        ]
        token = page["metadata"]["continue"]
        if not token:
            break

    assert found == ["a", "b", "c"]


def test_revision_zero_does_not_page(server: Server, labelled: str) -> None:
    answer = server.get(f"{labelled}?labelSelector=app&limit=1&resourceVersion=0")

    assert names(answer) == ["a", "b", "c", "d"]


def test_a_list_can_be_exactly_of_an_earlier_revision(server: Server, labelled: str) -> None:
    revision = server.revision(labelled)
    server.delete(f"{labelled}/a")
    query = f"labelSelector=app&resourceVersion={revision}"

    exact = server.get(f"{labelled}?{query}&resourceVersionMatch=Exact")
    newer = server.get(f"{labelled}?{query}&resourceVersionMatch=NotOlderThan")

    assert names(exact) == ["a", "b", "c", "d"]
    assert exact.body["metadata"]["resourceVersion"] == revision
    assert names(newer) == names(server.get(f"{labelled}?{query}")) == ["b", "c", "d"]


def test_a_revision_to_come_is_504_after_a_while(server: Server, configmaps: str) -> None:
    answer = server.get(f"{configmaps}?resourceVersion=999999999")

    assert (answer.code, answer.body["reason"]) == (504, "Timeout")
    assert answer.body["message"].startswith(
        "Timeout: Too large resource version: 999999999, current: "
    )
    assert answer.body["details"] == {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        (
            "resourceVersion=x",
            (
                'invalid resource version: resourceVersion: Invalid value: "x": '
                'strconv.ParseUint: parsing "x": invalid syntax'
            ),
        ),
    ],
)
def test_a_number_that_is_none_is_400(
    server: Server, configmaps: str, query: str, message: str
) -> None:
    assert status(server.get(f"{configmaps}?{query}")) == failure(400, "BadRequest", message)


def test_a_continue_token_that_is_none_is_400(server: Server, configmaps: str) -> None:
    answer = server.get(f"{configmaps}?continue=abc")

    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    prefix = "invalid continue token: continue key is not valid: "
    assert answer.body["message"].startswith(prefix)


def test_a_continue_token_has_its_own_revision(server: Server, labelled: str) -> None:
    token = server.get(f"{labelled}?limit=1").body["metadata"]["continue"]

    answer = server.get(f"{labelled}?limit=1&resourceVersion=5&continue={token}")

    message = "specifying resource version is not allowed when using continue"
    assert status(answer) == failure(400, "BadRequest", message)


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        pytest.param(
            "resourceVersionMatch=Exact",
            forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ),
            id="a match without a revision",
        ),
        pytest.param(
            "resourceVersion=0&resourceVersionMatch=Exact",
            forbidden(
                "resourceVersionMatch",
                'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
            ),
            id="exactly any",
        ),
        pytest.param(
            "resourceVersion=5&resourceVersionMatch=Foo",
            (
                "resourceVersionMatch",
                "FieldValueNotSupported",
                'Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""',
            ),
            id="an unknown match",
        ),
        pytest.param(
            "watch=1&resourceVersion=5&resourceVersionMatch=NotOlderThan",
            forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ),
            id="a match for a watch",
        ),
        pytest.param(
            "watch=1&sendInitialEvents=true",
            forbidden(
                "resourceVersionMatch",
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ),
            id="initial events without a match",
        ),
    ],
)
def test_list_options_that_contradict_each_other_are_422(
    server: Server, configmaps: str, query: str, cause: Cause
) -> None:
    answer = server.get(f"{configmaps}?{query}")

    assert status(answer) == invalid("ListOptions", "", cause, group="meta.k8s.io")
