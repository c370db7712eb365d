"""From an object of the API to a credential, or to a sentence that says what to write."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redox_operator.domain.credential import Key, SecretKeyRef, parse_credential
from redox_operator.domain.errors import SpecInvalid
from tests.support.builders import UID, credential, credential_body, target_spec

KEY_REF = {"secretRef": {"name": "ehr-redox-key"}}


def key_ref(**fields: Any) -> dict[str, Any]:
    return {"privateKey": {"secretRef": {"name": "ehr-redox-key", **fields}}}


def in_target(**fields: Any) -> dict[str, Any]:
    return {"target": fields}


def refusal(body: dict[str, Any]) -> str:
    with pytest.raises(SpecInvalid) as refused:
        parse_credential(body)
    return refused.value.message


def test_the_least_that_a_spec_says_is_a_credential() -> None:
    assert parse_credential(credential_body()) == credential()


def test_everything_that_a_spec_says_is_read() -> None:
    body = credential_body(
        generation=4,
        annotations={"redox-operator.dev/refresh": "please", "other": "x"},
        clientId="client-2",
        privateKey={"secretRef": {"name": "keys", "key": "redox.jwk"}, "keyId": "kid-2"},
        endpoint="Canada",
        algorithm="ES256",
        scopes=["b", "a"],
        target={
            "secretName": "elsewhere",
            "labels": {"app.kubernetes.io/name": "ehr"},
            "annotations": {"example.com/team": "integration, at all hours"},
            "stringData": {"curl.header": "Authorization: $(authorization)"},
        },
        refresh={"beforeExpirySeconds": 200},
        suspend=True,
    )

    assert parse_credential(body) == credential(
        key=Key("clinic", "ehr"),
        uid=UID,
        generation=4,
        client_id="client-2",
        private_key=SecretKeyRef("keys", "redox.jwk"),
        key_id="kid-2",
        endpoint="Canada",
        algorithm="ES256",
        scopes=("b", "a"),
        target=target_spec(
            secret_name="elsewhere",
            labels={"app.kubernetes.io/name": "ehr"},
            annotations={"example.com/team": "integration, at all hours"},
            string_data={"curl.header": "Authorization: $(authorization)"},
        ),
        before_expiry_seconds=200,
        suspend=True,
        refresh_request="please",
    )


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"target": {}, "refresh": {}, "scopes": []}, id="empty"),
        pytest.param(
            {"target": {"labels": {}, "annotations": {}, "stringData": {}}}, id="empty within"
        ),
        pytest.param({"suspend": False, "endpoint": "US"}, id="the defaults written out"),
        pytest.param(key_ref(key="privateKey"), id="the default key written out"),
        pytest.param(in_target(secretName="ehr-token"), id="the default name written out"),
    ],
)
def test_what_says_nothing_more_is_the_same_credential(spec: dict[str, Any]) -> None:
    assert parse_credential(credential_body(**spec)) == credential()


def test_a_null_is_as_good_as_nothing() -> None:
    body = credential_body()
    names = ("endpoint", "algorithm", "scopes", "target", "refresh", "suspend")
    body["spec"] |= dict.fromkeys(names)
    body["spec"]["privateKey"]["keyId"] = None
    body["spec"]["privateKey"]["secretRef"]["key"] = None
    body["metadata"]["annotations"] = None
    assert parse_credential(body) == credential()


def test_the_target_is_called_after_the_credential() -> None:
    parsed = parse_credential(credential_body("lab"))
    assert parsed.target.secret_name == "lab-token"


def test_a_key_is_written_as_namespace_and_name() -> None:
    assert str(Key("clinic", "ehr")) == "clinic/ehr"


def test_a_refresh_is_asked_for_by_the_first_64_characters_of_the_annotation() -> None:
    body = credential_body(annotations={"redox-operator.dev/refresh": "r" * 65})
    assert parse_credential(body).refresh_request == "r" * 64


def test_a_cluster_that_counts_no_generations_is_at_the_first() -> None:
    body = credential_body()
    del body["metadata"]["generation"]
    assert parse_credential(body).generation == 1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param({"clientId": None}, "spec.clientId: write the client ID", id="no client ID"),
        pytest.param({"clientId": "a b"}, "spec.clientId: write the client ID", id="a space"),
        pytest.param({"clientId": 7}, "spec.clientId: write the client ID", id="a number"),
        pytest.param(
            {"privateKey": None},
            "spec.privateKey: write the fields that `kubectl explain redoxcredentials.spec.priv",
            id="no private key",
        ),
        pytest.param(
            {"privateKey": {}}, "spec.privateKey.secretRef: write the fields", id="no source"
        ),
        pytest.param(
            {"privateKey": "-----BEGIN"}, "spec.privateKey: write the fields", id="a PEM in place"
        ),
        pytest.param(
            key_ref(name=None), "spec.privateKey.secretRef.name: write the name", id="no Secret"
        ),
        pytest.param(
            key_ref(key="a/b"), "spec.privateKey.secretRef.key: write a key", id="a path for a key"
        ),
        pytest.param(
            {"privateKey": KEY_REF | {"keyId": "a b"}},
            "spec.privateKey.keyId: write the kid under which",
            id="a key ID with a space",
        ),
        pytest.param({"endpoint": "https://a.b/c"}, "spec.endpoint: write the name of", id="a URL"),
        pytest.param(
            {"algorithm": "HS256"}, "spec.algorithm: write one of RS256, RS384", id="an algorithm"
        ),
        pytest.param({"algorithm": ["RS256"]}, "spec.algorithm: write one of", id="a list of one"),
        pytest.param({"scopes": "a b"}, "spec.scopes: write a list", id="scopes as one text"),
        pytest.param({"scopes": 5}, "spec.scopes: write a list", id="scopes as a number"),
        pytest.param(
            {"scopes": ["a", "b c"]}, "spec.scopes[1]: write one scope per item", id="two in one"
        ),
        pytest.param({"scopes": ["a", "a"]}, "spec.scopes: write each item once", id="one twice"),
        pytest.param({"scopes": ["a"] * 65}, "spec.scopes: write a list of at most 64", id="65"),
        pytest.param({"target": "ehr"}, "spec.target: write the fields", id="a target as a text"),
        pytest.param(
            in_target(secretName="EHR"), "spec.target.secretName: write the name", id="capitals"
        ),
        pytest.param(
            in_target(secretName="ehr-redox-key"),
            "spec.target.secretName: the token cannot be written into the private key's Secret. W",
            id="the key's own Secret",
        ),
        pytest.param(
            key_ref(name="ehr-token"),
            "spec.target.secretName: the token cannot be written into the private key's Secret. W",
            id="the key's own Secret by default",
        ),
        pytest.param(
            in_target(labels={"helm.sh/chart": "x"}),
            "spec.target.labels: helm.sh/chart is reserved. Use a domain of your own.",
            id="a reserved label",
        ),
        pytest.param(
            in_target(annotations={"a.velero.io/b": "x"}),
            "spec.target.annotations: a.velero.io/b is reserved. Use a domain of your own.",
            id="a reserved annotation",
        ),
        pytest.param(
            in_target(labels={"a": 1}), "spec.target.labels[a]: write at most 63", id="a number"
        ),
        pytest.param(
            in_target(labels={"a/b/c": "x"}), "spec.target.labels: write names", id="two slashes"
        ),
        pytest.param(
            in_target(annotations={"a": "b" * 2049}),
            "spec.target.annotations[a]: write a text of at most 2048",
            id="a long annotation",
        ),
        pytest.param(
            in_target(stringData={"expires_in": ""}),
            "spec.target.stringData: the key expires_in is reserved. Write another name.",
            id="a reserved key",
        ),
        pytest.param(
            in_target(stringData={"a": "$(token)"}),
            "spec.target.stringData[a]: write $(accessToken), $(tokenType), $(expiresAt), ",
            id="an unknown placeholder",
        ),
        pytest.param(
            in_target(stringData={"a": 5}),
            "spec.target.stringData[a]: write a text of at most 4096",
            id="a number for a template",
        ),
        pytest.param(
            in_target(stringData={f"k{n}": "" for n in range(17)}),
            "spec.target.stringData: write at most 16 entries",
            id="17 keys",
        ),
        pytest.param({"refresh": 200}, "spec.refresh: write the fields", id="a bare number"),
        pytest.param(
            {"refresh": {"beforeExpirySeconds": 0}},
            "spec.refresh.beforeExpirySeconds: write a whole number from 1 to 86400",
            id="a refresh at the expiry",
        ),
        pytest.param({"suspend": "true"}, "spec.suspend: write true or false", id="a word"),
    ],
)
def test_a_spec_is_refused_and_the_message_says_what_to_write(
    spec: dict[str, Any], message: str
) -> None:
    assert refusal(credential_body(**spec)).startswith(message)


def test_a_credential_without_a_spec_is_refused() -> None:
    body = credential_body()
    del body["spec"]
    assert refusal(body).startswith("spec: write the fields that `kubectl explain redoxcredentials")


def test_a_name_that_leaves_no_room_for_the_name_of_the_secret_is_refused() -> None:
    assert parse_credential(credential_body("e" * 247, privateKey=KEY_REF))
    message = refusal(credential_body("e" * 248, privateKey=KEY_REF))
    assert message.startswith("metadata.name: use a name of at most 247 characters")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = (
    ("clientId",),
    ("privateKey",),
    ("privateKey", "secretRef"),
    ("privateKey", "secretRef", "name"),
    ("privateKey", "secretRef", "key"),
    ("privateKey", "keyId"),
    ("endpoint",),
    ("algorithm",),
    ("scopes",),
    ("target",),
    ("target", "secretName"),
    ("target", "labels"),
    ("target", "annotations"),
    ("target", "stringData"),
    ("refresh",),
    ("refresh", "beforeExpirySeconds"),
    ("suspend",),
)


@given(st.sampled_from(FIELDS), JSON)
def test_no_value_of_a_field_breaks_the_parser(path: tuple[str, ...], value: Any) -> None:
    body = credential_body(target={}, refresh={})
    place = body["spec"]
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with suppress(SpecInvalid):
        assert parse_credential(body).key == Key("clinic", "ehr")


@pytest.mark.parametrize("path", FIELDS, ids=".".join)
def test_a_refusal_repeats_no_value(path: tuple[str, ...]) -> None:
    body = credential_body(target={}, refresh={})
    place = body["spec"]
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = "-----BEGIN PRIVATE KEY-----\nMII"
    assert "MII" not in refusal(body)
