"""What is asked of a token endpoint, and which answers hold a token."""

from __future__ import annotations

import json
import math
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redox_operator.adapters.token_endpoint import TokenEndpointClient
from redox_operator.domain.endpoint import US
from redox_operator.domain.errors import LifetimeTooLong, ResponseInvalid, TokenRequestError
from tests.unit.adapters.token_requests import (
    ENDPOINT,
    SENT_AT,
    SENT_AT_DATE,
    TOKEN,
    App,
    client,
    request,
)


def token(**changes: object) -> dict:
    return TOKEN | changes


def without(name: str) -> dict:
    return {key: value for key, value in TOKEN.items() if key != name}


async def test_the_form_is_that_of_rfc_7523():
    app = App()

    await request(app, assertion="head.claims.signature")

    assert app.form == {
        "grant_type": ["client_credentials"],
        "client_assertion_type": ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"],
        "client_assertion": ["head.claims.signature"],
    }


async def test_scopes_are_sent_only_when_there_are_some():
    app = App()

    await request(app, scopes=("system/Patient.rs", "system/Observation.rs"))

    assert app.form["scope"] == ["system/Patient.rs system/Observation.rs"]


async def test_the_request_goes_to_the_token_url_with_the_headers_of_a_form():
    app = App()

    await request(app, endpoint=US)

    (sent,) = app.requests
    assert (sent.method, str(sent.url)) == ("POST", US.token_url)
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"
    assert sent.headers["accept"] == "application/json"
    assert sent.headers["accept-encoding"] == "identity"
    assert sent.headers["user-agent"] == "redox-operator/test"


async def test_the_lifetime_counts_from_the_second_of_sending():
    answer = await request(App(), sent_at=1_700_000_000.999)

    assert answer.token.value == "t0ken"
    assert answer.token.issued_at == 1_700_000_000
    assert answer.token.expires_at == 1_700_000_300


@pytest.mark.parametrize(
    ("headers", "date"),
    [
        pytest.param({"Date": SENT_AT_DATE}, math.floor(SENT_AT), id="as servers write it"),
        pytest.param({}, None, id="none"),
        pytest.param({"Date": "yesterday"}, None, id="prose"),
        pytest.param({"Date": "Tue, 14 Nov 2023 22:13:20"}, None, id="without a zone"),
        pytest.param({"Date": "Tue, 14 Nov 99999 22:13:20 GMT"}, None, id="beyond all years"),
    ],
)
async def test_the_date_of_the_answer(headers, date):
    assert (await request(App(headers=headers))).date == date


@pytest.mark.parametrize(
    ("changes", "lifetime"),
    [
        pytest.param({"expires_in": 1}, 1, id="one second"),
        pytest.param({"expires_in": 86400}, 86400, id="the longest allowed"),
        pytest.param({"expires_in": 300.0}, 300, id="a float of whole seconds"),
        pytest.param({"expires_in": "300"}, 300, id="digits"),
        pytest.param({"token_type": "bearer"}, 300, id="a token type in lower case"),
        pytest.param({"token_type": "BEARER"}, 300, id="a token type in upper case"),
        pytest.param({"more": {"a": [1]}}, 300, id="members that nobody knows"),
        pytest.param({"access_token": "x" * 32768}, 300, id="the longest token"),
        pytest.param(
            {
                "access_token": string.ascii_letters
                + string.digits
                + "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"
            },
            300,
            id="every character that a token may have",
        ),
    ],
)
async def test_a_token_is_accepted(changes, lifetime):
    answer = await request(App(body=token(**changes)))

    assert answer.token.lifetime == lifetime


@pytest.mark.parametrize(
    ("body", "scope"),
    [
        pytest.param(TOKEN, "a b", id="absent: what was asked for"),
        pytest.param(token(scope=None), "a b", id="null: what was asked for"),
        pytest.param(token(scope=""), "", id="empty: none"),
        pytest.param(token(scope="a"), "a", id="less than was asked for"),
        pytest.param(token(scope="c d"), "c d", id="others"),
    ],
)
async def test_the_scope(body, scope):
    assert (await request(App(body=body), scopes=("a", "b"))).token.scope == scope


async def test_a_body_with_a_byte_order_mark_is_read():
    answer = await request(App(body=b"\xef\xbb\xbf" + json.dumps(TOKEN).encode()))

    assert answer.token.value == "t0ken"


NO_TOKEN = "no usable access_token"
NO_LIFETIME = "no expires_in of whole seconds above zero"
NO_BEARER = "a token_type that is not Bearer"
NO_SCOPE = "a malformed scope"
NO_OBJECT = "no JSON object"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        pytest.param(without("access_token"), NO_TOKEN, id="no token"),
        pytest.param(token(access_token=""), NO_TOKEN, id="an empty token"),
        pytest.param(token(access_token=7), NO_TOKEN, id="a numeric token"),
        pytest.param(token(access_token="a b"), NO_TOKEN, id="a token with a space"),
        pytest.param(token(access_token="a\n"), NO_TOKEN, id="a token with a line break"),
        pytest.param(token(access_token='a"b'), NO_TOKEN, id="a token with a quotation mark"),
        pytest.param(token(access_token="a\\b"), NO_TOKEN, id="a token with a backslash"),
        pytest.param(token(access_token="tökén"), NO_TOKEN, id="a token beyond ASCII"),
        pytest.param(token(access_token="x" * 32769), NO_TOKEN, id="a token too long"),
        pytest.param(without("token_type"), NO_BEARER, id="no type"),
        pytest.param(token(token_type="mac"), NO_BEARER, id="another type"),
        pytest.param(token(token_type=["Bearer"]), NO_BEARER, id="a type that is a list"),
        pytest.param(without("expires_in"), NO_LIFETIME, id="no lifetime"),
        pytest.param(token(expires_in=0), NO_LIFETIME, id="zero"),
        pytest.param(token(expires_in=-300), NO_LIFETIME, id="negative"),
        pytest.param(token(expires_in=True), NO_LIFETIME, id="a lifetime of true"),
        pytest.param(token(expires_in=0.5), NO_LIFETIME, id="half a second"),
        pytest.param(token(expires_in=299.5), NO_LIFETIME, id="a fraction"),
        pytest.param(token(expires_in="5m"), NO_LIFETIME, id="a lifetime in words"),
        pytest.param(token(expires_in="٣٠٠"), NO_LIFETIME, id="digits beyond ASCII"),
        pytest.param(token(expires_in=None), NO_LIFETIME, id="a lifetime of null"),
        pytest.param(
            b'{"access_token":"t","token_type":"Bearer","expires_in":1e999}',
            NO_LIFETIME,
            id="infinity, spelled out",
        ),
        pytest.param(token(expires_in=math.inf), NO_OBJECT, id="infinity"),
        pytest.param(token(scope=7), NO_SCOPE, id="a numeric scope"),
        pytest.param(token(scope=["a"]), NO_SCOPE, id="a list of scopes"),
        pytest.param(token(scope="a  b"), NO_SCOPE, id="two spaces in a scope"),
        pytest.param(token(scope='a"b'), NO_SCOPE, id="a quotation mark in a scope"),
        pytest.param([TOKEN], NO_OBJECT, id="a list"),
        pytest.param(b"", NO_OBJECT, id="nothing"),
        pytest.param(b"<html>Sign in</html>", NO_OBJECT, id="a sign-in page"),
        pytest.param(b"\xff\xfe", NO_OBJECT, id="not UTF-8"),
        pytest.param(b"[" * 60000, NO_OBJECT, id="endless nesting"),
        pytest.param(b'{"a": ' + b"1" * 5000 + b"}", NO_OBJECT, id="a number of 5000 digits"),
        pytest.param(
            b'{"access_token":"a","access_token":"b","token_type":"Bearer","expires_in":300}',
            NO_OBJECT,
            id="a member twice",
        ),
        pytest.param(
            json.dumps(TOKEN).encode() + b" " * 65536,
            "a body that is larger than 64 KiB",
            id="too large",
        ),
    ],
)
async def test_an_answer_that_holds_no_token_is_invalid(body, what):
    with pytest.raises(ResponseInvalid) as caught:
        await request(App(body=body, headers={"Date": SENT_AT_DATE}))

    assert f"The token endpoint answered 200 with {what}: " in caught.value.message
    assert caught.value.status == 200
    assert caught.value.date == math.floor(SENT_AT)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "unknown"])
async def test_a_compressed_answer_is_refused_unread(encoding):
    with pytest.raises(ResponseInvalid, match="compressed, though the request forbade it"):
        await request(App(headers={"Content-Encoding": encoding}))


async def test_an_answer_that_says_it_is_not_compressed_is_read():
    assert (await request(App(headers={"Content-Encoding": "Identity"}))).token.value == "t0ken"


@pytest.mark.parametrize("expires_in", [601, "601", 10**14, 1e15])
async def test_a_token_that_lives_too_long_is_refused(expires_in):
    with pytest.raises(LifetimeTooLong, match="longer than the 600 s") as caught:
        await request(App(body=token(expires_in=expires_in)), max_lifetime_seconds=600)

    assert caught.value.status == 200


async def test_a_request_is_sent_once_whatever_the_answer():
    for status in (200, 307, 400, 429, 503):
        app = App(status=status, headers={"Location": "https://elsewhere.example/"})
        try:
            await request(app)
        except TokenRequestError:
            assert status != 200
        assert len(app.requests) == 1


async def test_cookies_are_not_kept():
    app = App(headers={"Set-Cookie": "session=1; Path=/"})
    requests = client(app)
    for _ in range(2):
        await requests.request_token(ENDPOINT, "a.b.c", scopes=(), sent_at=SENT_AT)
    await requests.close()

    assert "cookie" not in app.requests[-1].headers


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())
)


@pytest.fixture(scope="module")
def mutable() -> tuple[App, TokenEndpointClient]:
    """One client for many answers: each opens the public certificates anew."""
    app = App()
    return app, client(app)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    status=st.sampled_from([200, 201, 302, 400, 401, 429, 503]),
    body=st.one_of(
        st.binary(),
        st.fixed_dictionaries(
            {}, optional=dict.fromkeys((*TOKEN, "scope", "error", "error_description"), VALUES)
        ),
    ),
    header=st.text(st.characters(min_codepoint=33, max_codepoint=126)),
)
async def test_whatever_an_endpoint_answers_there_is_a_token_or_an_error_of_ours(
    mutable, status, body, header
):
    app, requests = mutable
    names = ("Date", "Retry-After", "X-RateLimit-Limit", "Content-Encoding")
    app.status, app.body, app.headers = status, body, dict.fromkeys(names, header)
    try:
        answer = await requests.request_token(ENDPOINT, "a.b.c", scopes=(), sent_at=SENT_AT)
    except TokenRequestError:
        return
    assert answer.token.lifetime >= 1
