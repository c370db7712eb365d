"""Inputs that look like what each parser expects, down to the fields, and are not always."""

from __future__ import annotations

import json

import yaml
from hypothesis import strategies as st

from redox_operator.adapters.client_assertion.messages import answer_to_message
from redox_operator.domain import target
from redox_operator.domain.private_key import KeySet, SigningKey
from tests.support import keys
from tests.support.schema_mutations import FOREIGN_KEYS, FOREIGN_TEXT, mutations

TEXT = st.one_of(st.text(max_size=40), st.sampled_from(FOREIGN_TEXT))
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXT, st.integers(10**18, 10**60)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """An input with some of its bytes changed, cut out or repeated."""
    data = bytearray(draw(whole))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 8))
        data[start : start + length] = draw(
            st.one_of(st.binary(max_size=8), st.just(bytes(data[start : start + length]) * 3))
        )
    return bytes(data)


@st.composite
def changed(draw: st.DrawFn, wholes: st.SearchStrategy[dict[str, object]]) -> dict[str, object]:
    """An object with some members changed, left out or added."""
    members = dict(draw(wholes))
    for name in draw(st.lists(st.sampled_from(sorted(members)), max_size=2)):
        match draw(st.sampled_from(["change", "drop", "swap"])):
            case "change":
                members[name] = draw(JSON)
            case "drop":
                members.pop(name, None)
            case "swap":
                members[name] = members.get(draw(st.sampled_from(sorted(members) or [name])))
    return members | draw(st.dictionaries(TEXT, JSON, max_size=1))


_PEMS = st.sampled_from(
    [keys.rsa_pem(), keys.rsa_pem(form="pkcs1"), keys.ec_pem(), keys.ec_pem("P-521", form="sec1")]
)
_JWKS = changed(
    st.sampled_from(
        [keys.jwk(kid="k"), keys.jwk("P-256"), keys.jwk("P-384", alg="ES384"), keys.jwk("P-521")]
    )
)
_SETS = changed(st.lists(_JWKS, max_size=9).map(lambda jwks: {"keys": jwks}))
KEY_SECRET = st.one_of(
    damaged(_PEMS.map(str.encode)), _JWKS.map(_json), _SETS.map(_json), damaged(_JWKS.map(_json))
)

_SIGNING_KEYS = st.builds(SigningKey, TEXT, TEXT, TEXT, st.binary(max_size=20))
_MESSAGES = st.lists(_SIGNING_KEYS, max_size=3).map(tuple).map(KeySet)
CHILD_ANSWER = st.one_of(
    damaged(_MESSAGES.map(answer_to_message).map(_json)),
    damaged(_MESSAGES.map(lambda found: found.summary).map(answer_to_message).map(_json)),
    st.dictionaries(st.sampled_from(["keys", "summary", "fault"]), JSON).map(_json),
)

_DATES = st.one_of(
    st.datetimes().map(lambda at: at.strftime("%a, %d %b %Y %H:%M:%S GMT")),
    st.sampled_from(["Mon, 23 Nov 2026 12:00:00 GMT", "Mon, 23 Nov 2026 24:60:61 +9999", "-1"]),
    st.integers().map(str),
)
_HEADERS = st.dictionaries(
    st.sampled_from(["Date", "Retry-After", "X-RateLimit-Limit", "Content-Encoding"]),
    damaged(_DATES.map(str.encode)).map(lambda value: value.replace(b"\n", b" ")),
)
_TOKENS = changed(
    st.just(
        {"access_token": "t0ken.value", "token_type": "Bearer", "expires_in": 300, "scope": "a b"}
    )
)
_REFUSALS = changed(
    st.just(
        {
            "error": "invalid_request",
            "error_description": "Unexpected iat claim value",
            "a_secret_of_the_answer": "never-shown-anywhere",
        }
    )
)


@st.composite
def _answers(draw: st.DrawFn) -> bytes:
    status = draw(st.sampled_from([200, 200, 200, 204, 301, 400, 401, 403, 429, 500, 503, 599]))
    lines = [str(status).encode()]
    lines += [name.encode() + b": " + value for name, value in draw(_HEADERS).items()]
    body = draw(st.one_of(_TOKENS.map(_json), _REFUSALS.map(_json), JSON.map(_json), st.binary()))
    return b"\n".join(lines) + b"\n\n" + body


TOKEN_ANSWER = damaged(_answers())

_ENTRIES = changed(
    st.sampled_from(
        [
            {
                "name": "Sandbox",
                "tokenUrl": "https://sandbox.example/token",
                "allowedNamespaces": {"names": ["a"]},
            },
            {"name": "US", "requestsPerSecond": 0.5, "burst": 1, "assertionLifetimeSeconds": 60},
            {"name": "L", "tokenUrl": "http://127.0.0.1:1/a", "allowInsecure": True},
        ]
    )
)
_FILES = changed(st.lists(_ENTRIES, max_size=3).map(lambda entries: {"endpoints": entries}))
ENDPOINTS_FILE = st.one_of(
    damaged(_FILES.map(yaml.safe_dump).map(lambda text: text.encode("utf-8", "replace"))),
    st.text(alphabet="ab: -[]{}!&*<>|?%@`'\"\n#0.~=", max_size=60).map(str.encode),
)

CREDENTIAL = st.sampled_from([each.body.get("spec", {}) for each in mutations()]).map(
    lambda spec: spec if isinstance(spec, dict) else {"spec": spec}
)
CREDENTIAL_BODY = changed(CREDENTIAL.filter(bool)).map(_json)

_TIMES = st.one_of(
    st.datetimes().map(lambda at: at.isoformat(timespec="seconds") + "Z"),
    st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})"
    ),
)
TIMESTAMP = damaged(_TIMES.map(str.encode))

_APPLIED = st.dictionaries(
    st.sampled_from(["data", "labels", "annotations"]),
    st.one_of(st.lists(st.sampled_from(FOREIGN_KEYS)), JSON),
).map(json.dumps)
TARGET_ANNOTATIONS = st.fixed_dictionaries(
    {},
    optional={
        target.ISSUED_AT: _TIMES,
        target.EXPIRES_AT: _TIMES,
        target.APPLIED: _APPLIED,
        target.INPUT_HASH: TEXT,
        target.CONTENT_HASH: TEXT,
        target.CREDENTIAL: TEXT,
        target.SCOPE: TEXT,
    },
).map(_json)

PLACEHOLDERS = st.lists(
    st.sampled_from(["$", "$$", "$(", "$(scope)", "$(token)", ")", "(", "a", "\n", "é", "$$("])
).map(lambda parts: "".join(parts).encode())

INPUTS: dict[str, st.SearchStrategy[bytes]] = {
    "child-answer": CHILD_ANSWER,
    "credential": CREDENTIAL_BODY,
    "endpoints-file": ENDPOINTS_FILE,
    "key-secret": KEY_SECRET,
    "placeholders": PLACEHOLDERS,
    "target-annotations": TARGET_ANNOTATIONS,
    "timestamp": TIMESTAMP,
    "token-answer": TOKEN_ANSWER,
}
