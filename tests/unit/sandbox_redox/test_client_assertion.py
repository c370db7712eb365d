"""Assertions, fault by fault."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from redox_sandbox.redox.client_assertion import Verified, read, verify
from redox_sandbox.redox.refusal import Refusal
from tests.support.keys import jwk, public_jwk
from tests.unit.sandbox_redox.builders import (
    AUDIENCE,
    CLIENT,
    KEY_ID,
    NOW,
    assertion,
    signed,
    unsigned,
)

NOT_FOUND = "Public key not found, check client_id, kid and Redox dashboard settings"
NO_KID = "JWT header kid property is required"
BLANK = ""
RSA_KEY = public_jwk(jwk(kid=KEY_ID))
CLAIMS = {"iss": CLIENT, "sub": CLIENT, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 300, "jti": "j"}


def check(text: str, *keys: dict[str, Any], now: float = NOW, **more: Any) -> Verified:
    return verify(read(text), keys or (RSA_KEY,), audience=AUDIENCE, now=now, **more)


def description(text: str, *keys: dict[str, Any], **more: Any) -> str:
    with pytest.raises(Refusal) as caught:
        check(text, *keys, **more)
    assert caught.value.error == "invalid_request"
    assert caught.value.reason
    return caught.value.description


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", BLANK, id="empty"),
        pytest.param("abc", BLANK, id="one segment"),
        pytest.param("a.b.c", BLANK, id="no base64"),
        pytest.param("ä.b.c", BLANK, id="not ASCII"),
        pytest.param("e30.e30.", BLANK, id="no alg"),
        pytest.param(unsigned(["alg"], CLAIMS), BLANK, id="a list as header"),
        pytest.param(unsigned("alg", CLAIMS), BLANK, id="a text as header"),
        pytest.param(
            unsigned({"alg": "RS384", "kid": KEY_ID}, [CLAIMS]), BLANK, id="a list of claims"
        ),
        pytest.param(unsigned({"alg": "RS384"}, CLAIMS), NO_KID, id="no kid"),
        pytest.param(unsigned({"alg": "RS384", "kid": ""}, CLAIMS), NO_KID, id="empty kid"),
        pytest.param(unsigned({"alg": "RS384", "kid": 7}, CLAIMS), NO_KID, id="a number as kid"),
        pytest.param(unsigned({"alg": "none", "kid": KEY_ID}, CLAIMS, ""), BLANK, id="alg none"),
        pytest.param(
            unsigned({"alg": "HS384", "kid": KEY_ID}, CLAIMS), BLANK, id="a shared secret"
        ),
        pytest.param(
            unsigned({"alg": ["RS384"], "kid": KEY_ID}, CLAIMS), BLANK, id="a list as alg"
        ),
        pytest.param(
            unsigned({"alg": "RS384", "kid": KEY_ID}, CLAIMS), BLANK, id="a false signature"
        ),
        pytest.param(
            unsigned({"alg": "RS384", "kid": KEY_ID, "crit": ["exp"]}, CLAIMS),
            "Unexpected crit claim value",
            id="critical extensions",
        ),
        pytest.param(
            unsigned({"alg": "RS384", "kid": KEY_ID}, {}), "Unexpected iss claim value", id="no iss"
        ),
    ],
)
def test_what_is_not_an_assertion_is_refused(text: str, expected: str) -> None:
    assert description(text) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param({"typ": "client-authentication+jwt"}, "Unexpected typ claim value", id="typ"),
        pytest.param(
            {"jku": "https://x.example/k"}, "Unexpected jku claim value", id="foreign jku"
        ),
        pytest.param({"kid": "key-2"}, NOT_FOUND, id="an unknown kid"),
    ],
)
def test_a_wrong_header_is_refused(header: dict[str, Any], expected: str) -> None:
    assert description(assertion(header=header)) == expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        pytest.param({"iss": 7}, "Unexpected iss claim value", id="iss is no text"),
        pytest.param({"sub": None}, "Unexpected sub claim value", id="no sub"),
        pytest.param({"sub": "app-2"}, "Unexpected sub claim value", id="sub differs from iss"),
        pytest.param({"aud": None}, "Unexpected aud claim value", id="no aud"),
        pytest.param({"aud": [AUDIENCE]}, "Unexpected aud claim value", id="a list as aud"),
        pytest.param({"aud": AUDIENCE + "/"}, BLANK, id="another aud"),
        pytest.param({"iat": None}, "Unexpected iat claim value", id="no iat"),
        pytest.param({"iat": NOW + 0.5}, "Unexpected iat claim value", id="a fraction as iat"),
        pytest.param({"iat": True}, "Unexpected iat claim value", id="true as iat"),
        pytest.param(
            {"iat": "2027-01-15T08:00:00Z"}, "Unexpected iat claim value", id="a date as iat"
        ),
        pytest.param({"iat": NOW - 301, "exp": NOW - 1}, BLANK, id="iat too old"),
        pytest.param({"iat": NOW + 11, "exp": NOW + 60}, BLANK, id="iat beyond the skew"),
        pytest.param({"exp": None}, "Unexpected exp claim value", id="no exp"),
        pytest.param({"exp": str(NOW + 60)}, "Unexpected exp claim value", id="a text as exp"),
        pytest.param({"exp": NOW}, "Unexpected exp claim value", id="exp has passed"),
        pytest.param({"exp": NOW + 271}, "Unexpected exp claim value", id="exp too far after iat"),
        pytest.param({"nbf": NOW + 11}, "Unexpected nbf claim value", id="nbf in the future"),
        pytest.param({"nbf": "now"}, "Unexpected nbf claim value", id="nbf is no date"),
        pytest.param({"jti": None}, "Unexpected jti claim value", id="no jti"),
        pytest.param({"jti": ""}, "Unexpected jti claim value", id="empty jti"),
        pytest.param({"jti": 7}, "Unexpected jti claim value", id="a number as jti"),
    ],
)
def test_a_wrong_claim_is_refused(claims: dict[str, Any], expected: str) -> None:
    assert description(assertion(claims=claims)) == expected


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param([{**RSA_KEY, "kid": "key-2"}], id="no key has the kid"),
        pytest.param([RSA_KEY, {**RSA_KEY}], id="two keys have the kid and the type"),
        pytest.param([public_jwk(jwk("P-384", kid=KEY_ID))] * 2, id="two of another type have it"),
        pytest.param([{**RSA_KEY, "n": "AQAB"}], id="the RSA key is too small"),
        pytest.param([{**RSA_KEY, "n": "!!!"}], id="the key is malformed"),
        pytest.param([{**RSA_KEY, "e": ""}], id="the exponent is empty"),
    ],
)
def test_a_key_that_is_not_there_once_is_not_found(keys: list[dict[str, Any]]) -> None:
    assert description(assertion(), *keys) == NOT_FOUND


def test_of_two_keys_with_one_kid_the_type_decides() -> None:
    keys = public_jwk(jwk("P-384", kid=KEY_ID)), RSA_KEY

    assert check(assertion(), *keys).expires == NOW + 270
    assert check(assertion(key=jwk("P-384"), header={"alg": "ES384"}), *keys).expires == NOW + 270


@pytest.mark.parametrize(
    ("alg", "key"),
    [
        pytest.param("RS384", public_jwk(jwk("P-384", kid=KEY_ID)), id="an EC key is registered"),
        pytest.param("RS384", {**RSA_KEY, "alg": "RS256"}, id="the key is registered for RS256"),
        pytest.param("RS384", public_jwk(jwk(kid=KEY_ID, number=1)), id="another key signed"),
    ],
)
def test_alg_and_signature_must_match_the_registered_key(alg: str, key: dict[str, Any]) -> None:
    assert description(assertion(header={"alg": alg}), key) == BLANK


def test_an_ec_key_of_another_curve_is_refused() -> None:
    text = assertion(key=jwk("P-256"), header={"alg": "ES256"})

    assert description(text, public_jwk(jwk("P-384", kid=KEY_ID))) == BLANK


def test_a_claim_changed_after_signing_is_refused() -> None:
    header, _, signature = assertion().split(".")
    payload = base64.urlsafe_b64encode(json.dumps({**CLAIMS, "jti": "x"}).encode()).decode()

    assert description(".".join((header, payload.rstrip("="), signature))) == BLANK


@pytest.mark.parametrize(
    ("alg", "kind"),
    [
        *((family + size, "RSA") for family in ("RS", "PS") for size in ("256", "384", "512")),
        *(("ES256", "P-256"), ("ES384", "P-384"), ("ES512", "P-521")),
    ],
)
def test_every_documented_algorithm_is_accepted(alg: str, kind: str) -> None:
    text = assertion(key=jwk(kind), header={"alg": alg}, claims={"jti": "once"})

    assert check(text, public_jwk(jwk(kind, kid=KEY_ID))) == Verified("once", NOW + 270)


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"iat": NOW - 299, "exp": NOW + 1}, id="iat nearly five minutes ago"),
        pytest.param({"iat": NOW + 10, "exp": NOW + 310}, id="iat ten seconds ahead"),
        pytest.param({"nbf": NOW + 10}, id="nbf ten seconds ahead"),
        pytest.param({"more": [1, 2]}, id="a claim nobody knows"),
    ],
)
def test_the_edge_of_the_window_is_accepted(claims: dict[str, Any]) -> None:
    assert check(assertion(claims=claims))


@pytest.mark.parametrize(
    ("header", "url"),
    [
        pytest.param({"typ": None}, None, id="without typ"),
        pytest.param(
            {"jku": "https://x.example/k"}, "https://x.example/k", id="the registered jku"
        ),
        pytest.param({"kid": KEY_ID, "x": "y"}, None, id="a header nobody knows"),
    ],
)
def test_optional_headers_are_accepted(header: dict[str, Any], url: str | None) -> None:
    assert check(assertion(header=header), key_set_url=url)


def test_a_key_id_of_256_characters_is_accepted() -> None:
    key_id = "k" * 256

    assert check(assertion(header={"kid": key_id}), {**RSA_KEY, "kid": key_id})


def test_numbers_too_long_for_python_are_refused() -> None:
    text = signed({"alg": "RS384", "kid": KEY_ID}, '{"iss": "a", "iat": ' + "9" * 5000 + "}", jwk())

    assert description(text) == BLANK


def test_neither_signature_nor_segments_appear_in_the_representation() -> None:
    text = assertion()

    shown = repr(read(text))

    assert not [segment for segment in text.split(".") if segment in shown]
