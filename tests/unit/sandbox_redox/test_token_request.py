"""The form of a token request, fault by fault."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from redox_sandbox.redox.refusal import ERROR_URI, Refusal
from redox_sandbox.redox.token_request import TokenRequest, parse
from tests.unit.sandbox_redox.builders import form

FORM = "application/x-www-form-urlencoded"
WRONG_GRANT = "The grant_type parameter should equal 'client_credentials'"


def body(*more: tuple[str, str], **changes: str | None) -> bytes:
    return urlencode([*form("a.b.c", **changes).items(), *more]).encode()


@pytest.mark.parametrize(
    ("content", "description"),
    [
        pytest.param(body(grant_type=None), "Missing grant_type parameter", id="no grant_type"),
        pytest.param(body(grant_type=""), "Missing grant_type parameter", id="empty grant_type"),
        pytest.param(body(grant_type="password"), WRONG_GRANT, id="another grant_type"),
        pytest.param(
            body(("grant_type", "client_credentials")), WRONG_GRANT, id="grant_type comes twice"
        ),
        pytest.param(
            body(client_assertion_type=None),
            "Missing client assertion type",
            id="no client_assertion_type",
        ),
        pytest.param(
            body(client_assertion_type="urn:other"),
            "Invalid client assertion type",
            id="another client_assertion_type",
        ),
        pytest.param(
            body(("client_assertion_type", "urn:other")),
            "Invalid client assertion type",
            id="client_assertion_type comes twice",
        ),
        pytest.param(
            body(client_assertion=None), "Missing client assertion", id="no client_assertion"
        ),
        pytest.param(body(("client_assertion", "d.e.f")), "", id="client_assertion comes twice"),
        pytest.param(body(client_secret="s"), "", id="a client_secret beside the assertion"),
        pytest.param(body(("client_id", "a"), ("client_id", "b")), "", id="client_id comes twice"),
        pytest.param(b"grant_type=%FF", "Missing grant_type parameter", id="not UTF-8"),
        pytest.param(b"\xff\xfe", "Missing grant_type parameter", id="binary body"),
        pytest.param(b"", "Missing grant_type parameter", id="empty body"),
    ],
)
def test_a_faulty_form_is_refused_with_redox_s_text(content: bytes, description: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse(FORM, content)

    assert caught.value.body() == {
        "error": "invalid_request",
        "error_description": description,
        "error_uri": ERROR_URI,
    }
    assert caught.value.reason


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("", id="none"),
        pytest.param("application/json", id="JSON"),
        pytest.param("multipart/form-data; boundary=x", id="multipart form"),
        pytest.param("application/x-www-form-urlencoded-2", id="a longer name"),
    ],
)
def test_another_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse(content_type, body())

    assert caught.value.description == "x-www-form-urlencoded content-type required"


def test_an_authorization_header_beside_the_assertion_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        parse(FORM, body(), authorization=True)

    assert caught.value.description == ""


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(body(scope='a "b"'), id="a quote in it"),
        pytest.param(body(scope="a  b"), id="two spaces"),
        pytest.param(body(("scope", "a"), ("scope", "b")), id="twice"),
    ],
)
def test_a_scope_outside_rfc_6749_is_an_invalid_scope(content: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        parse(FORM, content)

    assert caught.value.error == "invalid_scope"


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param(FORM, id="plain"),
        pytest.param("Application/X-WWW-Form-Urlencoded; charset=UTF-8", id="with parameters"),
    ],
)
def test_a_good_form_is_read(content_type: str) -> None:
    request = parse(content_type, body(scope="system/*.read fhir:x", client_id="app-1"))

    assert request == TokenRequest("a.b.c", "system/*.read fhir:x", "app-1")


def test_the_assertion_does_not_appear_in_the_representation() -> None:
    assert "a.b.c" not in repr(parse(FORM, body()))
