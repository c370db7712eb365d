"""Custom resources: pruning, defaults and structural validation."""

from __future__ import annotations

import pytest

from tests.conformance.answers import (
    Cause,
    bad_value,
    invalid,
    required,
    settled,
    status,
    too_long,
    wrong_type,
)
from tests.conformance.objects import API_VERSION, GROUP, widget
from tests.conformance.server import Object, Server


def refusal(*causes: Cause, name: str = "w") -> Object:
    return invalid("Widget", name, *causes, group=GROUP)


def unsupported(shown: str) -> Cause:
    why = f'Unsupported value: {shown}: supported values: "red", "green"'
    return "spec.color", "FieldValueNotSupported", why


def duplicate(field: str, shown: str) -> Cause:
    return field, "FieldValueDuplicate", f"Duplicate value: {shown}"


def too_many(field: str, count: int, limit: int) -> Cause:
    return field, "FieldValueTooMany", f"Too many: {count}: must have at most {limit} items"


def of_type(field: str, expected: str, actual: str) -> Cause:
    return wrong_type(
        field, f'"{actual}"', f'{field} in body must be of type {expected}: "{actual}"'
    )


def test_defaults_are_set_and_the_status_is_the_servers(
    server: Server, namespace: str, widgets: str
) -> None:
    body = {**widget("w", parts=[{"name": "a"}]), "status": {"observedGeneration": 7}}

    created = server.post(widgets, body)

    expected = {
        "apiVersion": API_VERSION,
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": namespace, "generation": 1},
        "spec": {
            "color": "red",
            "size": 3,
            "active": True,
            "note": "n",
            "parts": [{"name": "a", "count": 1}],
        },
        "status": {"observedGeneration": -1},
    }
    assert (created.code, settled(created.body)) == (201, expected)
    assert server.get(f"{widgets}/w").body == created.body


@pytest.mark.parametrize(
    ("spec", "stored"),
    [
        pytest.param({"size": None}, {"size": 3}, id="null takes the default"),
        pytest.param({"note": None}, {"note": None}, id="null stays where it is allowed"),
        pytest.param({"code": None}, {"code": ...}, id="null goes where it is not"),
        pytest.param({"any": {"x": {"y": 1}}}, {"any": {"x": {"y": 1}}}, id="free fields stay"),
        pytest.param({"port": "http"}, {"port": "http"}, id="a string for int-or-string"),
        pytest.param({"port": 80}, {"port": 80}, id="a number for int-or-string"),
        pytest.param({"words": {"a": "b"}}, {"words": {"a": "b"}}, id="a map"),
        pytest.param({"size": 4.0}, {"size": 4}, id="a whole number with a fraction"),
        pytest.param({"ratio": 2.5}, {"ratio": 2.5}, id="a multiple"),
        pytest.param(
            {"when": "2026-01-01T00:00:00.5+01:00"},
            {"when": "2026-01-01T00:00:00.5+01:00"},
            id="a time with fraction and offset",
        ),
        pytest.param({"either": {"a": "x"}}, {"either": {"a": "x"}}, id="one of two"),
    ],
)
def test_a_valid_field_is_stored(
    server: Server, widgets: str, spec: Object, stored: Object
) -> None:
    created = server.post(widgets, widget("w", **spec))

    assert created.code == 201, created.body
    assert {key: created.body["spec"].get(key, ...) for key in stored} == stored


@pytest.mark.parametrize(
    ("spec", "causes"),
    [
        pytest.param({"color": "blue"}, [unsupported('"blue"')], id="none of the enum"),
        pytest.param({"color": None}, [required("spec.color")], id="null where required"),
        pytest.param(
            {"color": 1},
            [of_type("spec.color", "string", "integer"), unsupported("1")],
            id="a number for a string",
        ),
        pytest.param(
            {"code": "Upper"},
            [bad_value("spec.code", '"Upper"', "spec.code in body should match '^[a-z]+$'")],
            id="not the pattern",
        ),
        pytest.param(
            {"code": "a"},
            [bad_value("spec.code", '"a"', "spec.code in body should be at least 2 chars long")],
            id="too short",
        ),
        pytest.param({"code": "abcdef"}, [too_long("spec.code", 5)], id="too long"),
        pytest.param(
            {"size": 11},
            [bad_value("spec.size", "11", "spec.size in body should be less than or equal to 10")],
            id="above the maximum",
        ),
        pytest.param(
            {"size": 0},
            [bad_value("spec.size", "0", "spec.size in body should be greater than or equal to 1")],
            id="below the minimum",
        ),
        pytest.param({"size": "1"}, [of_type("spec.size", "integer", "string")], id="a string"),
        pytest.param({"size": True}, [of_type("spec.size", "integer", "boolean")], id="a boolean"),
        pytest.param(
            {"size": 1.5},
            [
                of_type("spec.size", "integer", "number"),
                bad_value(
                    "<nil>",
                    '""',
                    "Checked value must be of type integer (default format) in spec.size",
                ),
            ],
            id="a fraction for an integer",
        ),
        pytest.param(
            {"ratio": 0.7},
            [bad_value("spec.ratio", "0.7", "spec.ratio in body should be a multiple of 0.5")],
            id="no multiple",
        ),
        pytest.param(
            {"ratio": -0.5},
            [bad_value("spec.ratio", "-0.5", "spec.ratio in body should be greater than 0")],
            id="below an exclusive minimum",
        ),
        pytest.param(
            {"ratio": 2},
            [
                bad_value(
                    "spec.ratio",
                    "0",
                    "factor MultipleOf declared for spec.ratio must be positive: 0",
                )
            ],
            id="an integer where the multiple is a fraction",
        ),
        pytest.param(
            {"active": "x"}, [of_type("spec.active", "boolean", "string")], id="no boolean"
        ),
        pytest.param(
            {"when": "yesterday"},
            [
                wrong_type(
                    "spec.when",
                    '"yesterday"',
                    'spec.when in body must be of type date-time: "yesterday"',
                )
            ],
            id="no time",
        ),
        pytest.param(
            {"parts": []},
            [bad_value("spec.parts", "0", "spec.parts in body should have at least 1 items")],
            id="too few items",
        ),
        pytest.param(
            {"parts": [{"name": name} for name in "abcd"]},
            [too_many("spec.parts", 4, 3)],
            id="too many items",
        ),
        pytest.param(
            {"parts": [{"name": "a"}, {"name": "a"}]},
            [duplicate("spec.parts[1]", '{"name":"a"}')],
            id="a key twice",
        ),
        pytest.param(
            {"parts": [{"count": 1}]},
            [required("spec.parts[0].name")],
            id="an item without its key",
        ),
        pytest.param({"parts": {}}, [of_type("spec.parts", "array", "object")], id="no list"),
        pytest.param(
            {"parts": [None]}, [of_type("spec.parts[0]", "object", "null")], id="null in a list"
        ),
        pytest.param(
            {"tags": ["a", "b", "a"]}, [duplicate("spec.tags[2]", '"a"')], id="a value twice"
        ),
        pytest.param(
            {"words": {}},
            [bad_value("spec.words", "0", "spec.words in body should have at least 1 properties")],
            id="too few entries",
        ),
        pytest.param(
            {"words": {"a": "1", "b": "2", "c": "3"}},
            [too_many("spec.words", 3, 2)],
            id="too many entries",
        ),
        pytest.param(
            {"words": {"a": "abcd"}}, [too_long("spec.words.a", 3)], id="a value of a map too long"
        ),
        pytest.param(
            {"words": {"a": 1}},
            [of_type("spec.words.a", "string", "integer")],
            id="a value of a map of another type",
        ),
        pytest.param(
            {"port": 1.5}, [of_type("spec.port", "integer,string", "number")], id="no int-or-string"
        ),
        pytest.param({"any": 1}, [of_type("spec.any", "object", "integer")], id="no object"),
        pytest.param(
            {"either": {"a": "x", "b": "y"}},
            [
                bad_value(
                    "<nil>",
                    '""',
                    '"spec.either" must validate one and only one schema (oneOf). '
                    "Found 2 valid alternatives",
                )
            ],
            id="both of two",
        ),
        pytest.param(
            {"color": "blue", "size": 99, "code": "X"},
            [
                unsupported('"blue"'),
                bad_value(
                    "spec.size", "99", "spec.size in body should be less than or equal to 10"
                ),
                bad_value("spec.code", '"X"', "spec.code in body should be at least 2 chars long"),
            ],
            id="three faults at once",
        ),
    ],
)
def test_an_invalid_field_is_422(
    server: Server, widgets: str, spec: Object, causes: list[Cause]
) -> None:
    assert status(server.post(widgets, widget("w", **spec))) == refusal(*causes)


@pytest.mark.parametrize(
    ("body", "causes"),
    [
        pytest.param({}, [required("spec")], id="no spec"),
        pytest.param({"spec": "s"}, [of_type("spec", "object", "string")], id="a string for spec"),
    ],
)
def test_the_spec_must_be_there(
    server: Server, widgets: str, body: Object, causes: list[Cause]
) -> None:
    whole = {"apiVersion": API_VERSION, "kind": "Widget", "metadata": {"name": "w"}, **body}

    assert status(server.post(widgets, whole)) == refusal(*causes)


def test_what_has_not_changed_is_not_judged_again(server: Server, widgets: str) -> None:
    server.make(widgets, widget("w", color="green", size=5))

    broken = server.patch(f"{widgets}/w", {"spec": {"size": 99}})
    fine = server.patch(f"{widgets}/w", {"spec": {"size": 6}})

    why = "spec.size in body should be less than or equal to 10"
    assert status(broken) == refusal(bad_value("spec.size", "99", why))
    assert (fine.code, fine.body["spec"]["size"]) == (200, 6)
