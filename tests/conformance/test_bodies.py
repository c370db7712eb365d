"""Bodies of custom resources: unknown fields, other kinds, and what is no object at all."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.answers import bad_value, failure, invalid, status
from tests.conformance.objects import API_VERSION, GROUP, widget
from tests.conformance.server import Server


def test_unknown_fields_are_pruned_with_a_warning(server: Server, widgets: str) -> None:
    body = {**widget("w", extra=1, parts=[{"name": "a", "zz": 1}]), "bar": 1}

    created = server.post(widgets, body)

    assert created.code == 201
    assert created.warnings == [
        'unknown field "bar"',
        'unknown field "spec.extra"',
        'unknown field "spec.parts[0].zz"',
    ]
    assert "bar" not in created.body
    assert "extra" not in created.body["spec"]
    assert created.body["spec"]["parts"] == [{"name": "a", "count": 1}]


def test_unknown_fields_are_refused_when_asked(server: Server, widgets: str) -> None:
    answer = server.post(f"{widgets}?fieldValidation=Strict", {**widget("w", extra=1), "bar": 1})

    assert status(answer) == failure(
        400,
        "BadRequest",
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: '
        'unknown field "bar", unknown field "spec.extra"',
    )


def test_a_refused_object_warns_of_its_unknown_fields_too(server: Server, widgets: str) -> None:
    answer = server.post(widgets, widget("w", color="blue", zip=1))

    assert (answer.code, answer.warnings) == (422, ['unknown field "spec.zip"'])


def test_an_unknown_fieldvalidation_is_422(server: Server, widgets: str) -> None:
    answer = server.post(f"{widgets}?fieldValidation=Foo", widget("w"))

    why = 'Unsupported value: "Foo": supported values: "", "Ignore", "Strict", "Warn"'
    assert status(answer) == invalid(
        "CreateOptions",
        "",
        ("fieldValidation", "FieldValueNotSupported", why),
        group="meta.k8s.io",
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(
            {"metadata": {"name": "w"}},
            "the object provided is unrecognized (must be of type Widget): Object 'Kind' is "
            "missing",
            id="no kind",
        ),
        pytest.param(
            {**widget("w"), "apiVersion": f"{GROUP}/v2"},
            f"the API version in the data ({GROUP}/v2) does not match the expected API version "
            f"({API_VERSION})",
            id="another version",
        ),
        pytest.param(
            {**widget("w"), "metadata": "x"},
            'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal string '
            "into Go value of type v1.ObjectMeta",
            id="metadata of another type",
        ),
        pytest.param(
            widget("w", {"labels": {"a": 1}}),
            'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal number '
            "into Go struct field ObjectMeta.labels of type string",
            id="a label of another type",
        ),
        pytest.param(
            [1],
            "the object provided is unrecognized (must be of type Widget): couldn't get "
            "version/kind; json parse error",
            id="a list",
        ),
    ],
)
def test_a_body_that_is_no_such_object_is_400(
    server: Server, widgets: str, body: Any, message: str
) -> None:
    answer = server.post(widgets, body)

    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    assert answer.body["message"].startswith(message)


def test_another_kind_is_422(server: Server, widgets: str) -> None:
    answer = server.post(widgets, {**widget("w"), "kind": "Gadget"})

    cause = bad_value("kind", '"Gadget"', "must be Widget")
    assert status(answer) == invalid("Gadget", "w", cause, group=GROUP)
