"""Every status and error body: which error it becomes, what it says, and what it never shows."""

from __future__ import annotations

import logging
import traceback

import httpx
import pytest

from redox_operator.domain.errors import (
    ClientRejected,
    EndpointUnavailable,
    RateLimited,
    ResponseInvalid,
    TokenRequestError,
)
from tests.unit.adapters.token_requests import SENT_AT_DATE, TOKEN, App, request

PUBLIC_KEY_NOT_FOUND = "Public key not found, check client_id, kid and Redox dashboard settings"
LATER = "Tue, 14 Nov 2023 22:13:50 GMT"
EARLIER = "Tue, 14 Nov 2023 22:13:10 GMT"


async def error_of(app: App) -> TokenRequestError:
    with pytest.raises(TokenRequestError) as caught:
        await request(app)
    return caught.value


def oauth(error: object, description: object = "") -> dict:
    return {
        "error": error,
        "error_description": description,
        "error_uri": "https://docs.redox.example/permalink",
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, ResponseInvalid) for status in (201, 202, 204, 206, 226)),
        *((status, ResponseInvalid) for status in (300, 301, 302, 303, 304, 307, 308)),
        *((status, ResponseInvalid) for status in (600, 999)),
        *((status, ClientRejected) for status in (400, 401, 403, 404, 405, 407, 409, 410, 413)),
        *((status, ClientRejected) for status in (415, 418, 421, 422, 431, 451, 499)),
        *((status, EndpointUnavailable) for status in (408, 425)),
        *((status, EndpointUnavailable) for status in (500, 501, 502, 503, 504, 520, 599)),
        (429, RateLimited),
    ],
)
async def test_the_status_decides_which_error_it_is(status, kind):
    error = await error_of(App(status=status, body=TOKEN, headers={"Date": SENT_AT_DATE}))

    assert type(error) is kind
    assert error.status == status
    assert error.date == 1_700_000_000
    assert f"The token endpoint answered {status}" in error.message
    assert ": " in error.message
    assert error.message.endswith(".")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"Retry-After": "7"}, 7, id="seconds"),
        pytest.param({"Retry-After": "0"}, 0, id="zero"),
        pytest.param({"Retry-After": LATER, "Date": SENT_AT_DATE}, 30, id="a date after Date"),
        pytest.param({"Retry-After": LATER, "Date": LATER}, 0, id="the date of Date"),
        pytest.param({"Retry-After": EARLIER, "Date": SENT_AT_DATE}, 0, id="a date before Date"),
        pytest.param({"Retry-After": LATER}, 29.25, id="a date, when only the sending is known"),
        pytest.param({"Retry-After": "7\t"}, 7, id="seconds and a tab"),
        pytest.param({"Retry-After": "7\x1d"}, None, id="seconds and a separator of groups"),
        pytest.param({"Retry-After": "-1"}, None, id="negative"),
        pytest.param({"Retry-After": "soon"}, None, id="prose"),
        pytest.param({"Retry-After": "9" * 30}, None, id="a number beyond reason"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_read_in_either_form(status, headers, seconds):
    error = await error_of(App(status=status, headers=headers))

    assert isinstance(error, EndpointUnavailable)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("header", "limit"), [("7500", 7500), ("", None), ("7,500", None), ("many", None)]
)
async def test_the_limit_of_a_429(header, limit):
    error = await error_of(App(status=429, headers={"X-RateLimit-Limit": header}))

    assert isinstance(error, RateLimited)
    assert error.limit == limit


ALTERED = "it did not see the request as it was sent"
WITHOUT_REASON = "the request was refused without a reason"
CLIENT = "it does not accept the client or its assertion: check spec.clientId and status.keyId"
BLANK = "it does not accept the assertion, and does not say why: it accepts none whose iat is older"


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        # Redox's documented descriptions
        pytest.param(oauth("invalid_request"), "invalid_request", BLANK, id="blank"),
        pytest.param({"error": "invalid_request"}, "invalid_request", BLANK, id="absent"),
        pytest.param(
            oauth("invalid_request", PUBLIC_KEY_NOT_FOUND),
            "invalid_request",
            "it has no public key for this client ID and key ID: publish the public key",
            id="public key not found",
        ),
        *(
            pytest.param(oauth("invalid_request", text), "invalid_request", ALTERED, id=text)
            for text in (
                "x-www-form-urlencoded content-type required",
                "Missing grant_type parameter",
                "The grant_type parameter should equal 'client_credentials'",
                "Missing client assertion type",
                "Invalid client assertion type",
                "Missing client assertion",
                "JWT header kid property is required",
            )
        ),
        *(
            pytest.param(
                oauth("invalid_request", f"Unexpected {claim} claim value"),
                "invalid_request",
                sentence,
                id=f"unexpected {claim}",
            )
            for claim, sentence in {
                "iss": "it does not accept the assertion's issuer: check spec.clientId",
                "sub": "it does not accept the assertion's issuer: check spec.clientId",
                "aud": "it does not accept the assertion's audience: check spec.endpoint",
                "iat": "it does not accept when the assertion was made",
                "exp": "it does not accept the assertion's lifetime",
                "jti": "it does not accept the assertion's jti",
                "alg": "it does not accept the assertion's algorithm: check spec.algorithm",
                "kid": "it does not accept the assertion's key ID: check spec.privateKey.keyId",
                "typ": "it does not accept the assertion's type: check assertionType",
            }.items()
        ),
        pytest.param(
            oauth("invalid_request", "Unexpected xyz claim value"),
            "invalid_request",
            BLANK,
            id="an unexpected claim that nobody knows",
        ),
        # RFC 6749 §5.2
        pytest.param(oauth("invalid_client", "words"), "invalid_client", CLIENT, id="client"),
        pytest.param(
            oauth("invalid_grant"), "invalid_grant", "it does not accept the assertion:", id="grant"
        ),
        pytest.param(
            oauth("unauthorized_client"),
            "unauthorized_client",
            "use the client ID of an OAuth API key; a legacy key gets its tokens elsewhere",
            id="unauthorized",
        ),
        pytest.param(
            oauth("unsupported_grant_type"),
            "unsupported_grant_type",
            "it issues no tokens for client credentials",
            id="grant type",
        ),
        pytest.param(oauth("invalid_scope"), "invalid_scope", "correct spec.scopes", id="scope"),
        # anything else
        pytest.param(oauth("temporarily_unhappy", "words"), None, WITHOUT_REASON, id="unknown"),
        pytest.param(oauth(["invalid_client"]), None, WITHOUT_REASON, id="a code that is a list"),
        pytest.param(oauth("invalid_client", {"a": 1}), "invalid_client", CLIENT, id="no string"),
        pytest.param({}, None, WITHOUT_REASON, id="no code"),
        pytest.param(b"<html></html>", None, WITHOUT_REASON, id="a web page"),
        pytest.param(b" " * 100_000, None, WITHOUT_REASON, id="a body too large"),
        pytest.param(
            b'{"error": "invalid_client", "error": "x"}', None, WITHOUT_REASON, id="a code twice"
        ),
    ],
)
async def test_a_rejection_says_what_to_do(body, code, sentence):
    error = await error_of(App(status=400, body=body))

    assert isinstance(error, ClientRejected)
    assert error.code == code
    assert sentence in error.message
    assert (f"answered 400 ({code}): " if code else "answered 400: ") in error.message


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, CLIENT),
        (403, "perhaps before it reached the token endpoint: check firewall"),
        (404, "there is no token endpoint at this address: check spec.endpoint"),
        (405, "there is no token endpoint at this address: check spec.endpoint"),
        (407, "a proxy wants credentials: correct HTTPS_PROXY"),
        (413, ALTERED),
        (415, ALTERED),
        (422, WITHOUT_REASON),
    ],
)
async def test_a_rejection_without_a_code_is_explained_by_its_status(status, sentence):
    error = await error_of(App(status=status, body=b"not found"))

    assert sentence in error.message


@pytest.mark.parametrize("status", [400, 401, 404])
@pytest.mark.parametrize("code", ["invalid_request", "invalid_client", "key_error"])
async def test_a_missing_public_key_is_told_apart_whatever_status_and_code(status, code):
    error = await error_of(App(status=status, body=oauth(code, f" {PUBLIC_KEY_NOT_FOUND}\n")))

    assert error.public_key_not_found


@pytest.mark.parametrize(
    "description",
    ["", "Public key not found", PUBLIC_KEY_NOT_FOUND.upper(), PUBLIC_KEY_NOT_FOUND + "!"],
)
async def test_other_words_do_not_mean_a_missing_public_key(description):
    error = await error_of(App(status=400, body=oauth("invalid_request", description)))

    assert not error.public_key_not_found


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_asks_for_the_final_address(status):
    app = App(status=status, headers={"Location": "https://elsewhere.example/token"})

    error = await error_of(app)

    assert "write the final address as tokenUrl" in error.message
    assert len(app.requests) == 1


CANARY = "c4n4ry"
ASSERTION = f"head.{CANARY}.signature"


def reflect(error: str) -> dict:
    return {"error": error, "error_description": f"bad {ASSERTION}", "error_uri": CANARY}


class Quoting(httpx.AsyncBaseTransport):
    """Fails like h11, which quotes what it could not read."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError(f"illegal header line: {CANARY}", request=request)


@pytest.mark.parametrize(
    "app",
    [
        pytest.param(App(400, reflect("invalid_request")), id="400"),
        pytest.param(App(401, reflect(CANARY)), id="an unknown code"),
        pytest.param(App(429, reflect("slow_down")), id="429"),
        pytest.param(App(503, CANARY.encode()), id="503"),
        pytest.param(App(302, headers={"Location": f"https://{CANARY}/"}), id="302"),
        pytest.param(App(200, TOKEN | {"access_token": f"{CANARY} {CANARY}"}), id="a bad token"),
        pytest.param(App(200, TOKEN | {"access_token": CANARY, "expires_in": 0}), id="no lifetime"),
        pytest.param(App(200, TOKEN | {"access_token": CANARY, "expires_in": 1e9}), id="too long"),
        pytest.param(App(200, TOKEN | {"token_type": CANARY}), id="another type"),
        pytest.param(App(200, f"<html>{CANARY}".encode()), id="a web page"),
        pytest.param(Quoting(), id="no HTTP"),
    ],
)
async def test_no_message_traceback_or_log_shows_the_answer_or_the_assertion(app, caplog):
    caplog.set_level(logging.DEBUG)
    if isinstance(app, App):
        app.reason = CANARY
        app.headers["X-Debug"] = CANARY
    transport = {"transport": app} if isinstance(app, httpx.AsyncBaseTransport) else {}

    with pytest.raises(TokenRequestError) as caught:
        await request(app, assertion=ASSERTION, **transport)

    error = caught.value
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_name != "request_token":
        frames = frames.tb_next  # the frames of this test hold the canary
    shown = traceback.TracebackException(type(error), error, frames, capture_locals=True)
    rendered = "".join(shown.format())
    assert "in request_token" in rendered
    assert CANARY not in rendered + repr(error) + str(error) + repr(vars(error))
    assert error.__cause__ is None
    assert error.__context__ is None
    assert CANARY not in caplog.text


async def test_a_success_shows_nothing_in_its_repr_or_the_log(caplog):
    caplog.set_level(logging.DEBUG)

    answer = await request(App(body=TOKEN | {"access_token": CANARY}), assertion=ASSERTION)

    assert answer.token.value == CANARY
    assert CANARY not in repr(answer) + caplog.text
