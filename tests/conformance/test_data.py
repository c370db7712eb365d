"""Secrets and ConfigMaps: data, types, limits, immutability."""

from __future__ import annotations

import pytest

from tests.conformance.answers import (
    Cause,
    bad_value,
    failure,
    forbidden,
    invalid,
    required,
    settled,
    status,
    too_long,
)
from tests.conformance.objects import config_map
from tests.conformance.server import MERGE, Object, Server

MIB = 1024 * 1024
KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',"
    "  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
FROZEN = "field is immutable when `immutable` is set"


def secret(name: str, **more: object) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **more}


def test_a_secret_is_opaque_and_its_stringdata_becomes_data(
    server: Server, namespace: str, secret_path: str
) -> None:
    body = secret("s", data={"a": "YQ=="}, stringData={"b": "b", "empty": ""})

    created = server.post(secret_path, body)

    expected = {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"name": "s", "namespace": namespace},
        "data": {"a": "YQ==", "b": "Yg==", "empty": ""},
        "type": "Opaque",
    }
    assert (created.code, settled(created.body)) == (201, expected)
    assert server.get(f"{secret_path}/s").body == created.body


def test_stringdata_wins_over_data(server: Server, secret_path: str) -> None:
    created = server.post(secret_path, secret("s", data={"a": "YQ=="}, stringData={"a": "b"}))

    assert created.body["data"] == {"a": "Yg=="}


def test_kind_and_version_may_be_left_out(server: Server, secret_path: str) -> None:
    created = server.post(secret_path, {"metadata": {"name": "s"}})

    assert created.code == 201
    assert "data" not in created.body


@pytest.mark.parametrize(
    ("more", "causes"),
    [
        pytest.param(
            {"stringData": {"k k": "v"}},
            [bad_value("data[k k]", '"k k"', KEY_RULE)],
            id="a key with a space",
        ),
        pytest.param(
            {"stringData": {"k": "x" * (MIB + 1)}},
            [too_long("data", MIB)],
            id="more than a mebibyte",
        ),
        pytest.param(
            {"type": "kubernetes.io/tls", "stringData": {"k": "v"}},
            [required("data[tls.crt]"), required("data[tls.key]")],
            id="TLS without certificate and key",
        ),
        pytest.param(
            {"type": "kubernetes.io/ssh-auth"},
            [required("data[ssh-privatekey]")],
            id="SSH without a key",
        ),
        pytest.param(
            {"type": "kubernetes.io/basic-auth"},
            [required("data[password]"), required("data[username]")],
            id="basic authentication without either part",
        ),
        pytest.param(
            {"type": "kubernetes.io/dockerconfigjson"},
            [required("data[.dockerconfigjson]")],
            id="a registry's configuration without it",
        ),
    ],
)
def test_a_secret_that_breaks_a_rule_is_422(
    server: Server, secret_path: str, more: Object, causes: list[Cause]
) -> None:
    assert status(server.post(secret_path, secret("s", **more))) == invalid("Secret", "s", *causes)


def test_a_secret_of_a_mebibyte_is_accepted(server: Server, secret_path: str) -> None:
    assert server.post(secret_path, secret("s", stringData={"k": "x" * MIB})).code == 201


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param({"k": "%%"}, "illegal base64 data at input byte 0", id="no base64"),
        pytest.param({"k": 1}, "json: cannot unmarshal number into Go", id="a number"),
        pytest.param("x", "json: cannot unmarshal string into Go", id="no object"),
    ],
)
def test_data_of_another_type_is_400(
    server: Server, secret_path: str, data: object, why: str
) -> None:
    answer = server.post(secret_path, secret("s", data=data))

    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    prefix = f'Secret in version "v1" cannot be handled as a Secret: {why}'
    assert answer.body["message"].startswith(prefix)


def test_the_type_of_a_secret_cannot_change(server: Server, secret_path: str) -> None:
    server.make(secret_path, secret("s"))
    expected = invalid("Secret", "s", bad_value("type", '"other"', "field is immutable"))

    assert status(server.put(f"{secret_path}/s", secret("s", type="other"))) == expected
    assert status(server.patch(f"{secret_path}/s", {"type": "other"})) == expected


def test_an_immutable_secret_takes_metadata_only(server: Server, secret_path: str) -> None:
    server.make(secret_path, secret("s", immutable=True, data={"a": "YQ=="}))

    changed = server.patch(f"{secret_path}/s", {"data": {"a": "Yg=="}, "immutable": None})
    labelled = server.patch(f"{secret_path}/s", {"metadata": {"labels": {"a": "b"}}})

    assert status(changed) == invalid(
        "Secret", "s", forbidden("immutable", FROZEN), forbidden("data", FROZEN)
    )
    assert (labelled.code, labelled.body["immutable"]) == (200, True)


def test_an_immutable_configmap_takes_metadata_only(server: Server, configmaps: str) -> None:
    server.make(configmaps, {**config_map("c"), "immutable": True})

    changed = server.patch(f"{configmaps}/c", {"data": {"key": "other"}})
    labelled = server.patch(f"{configmaps}/c", {"metadata": {"labels": {"a": "b"}}})

    assert status(changed) == invalid("ConfigMap", "c", forbidden("data", FROZEN))
    assert labelled.code == 200


def test_a_configmap_is_stored_as_it_came(server: Server, namespace: str, configmaps: str) -> None:
    created = server.post(configmaps, {**config_map("c"), "binaryData": {"b": "YQ=="}})

    assert settled(created.body) == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "c", "namespace": namespace},
        "data": {"key": "value"},
        "binaryData": {"b": "YQ=="},
    }


@pytest.mark.parametrize(
    ("more", "causes"),
    [
        pytest.param(
            {"data": {"a b": "x"}},
            [bad_value("data[a b]", '"a b"', KEY_RULE)],
            id="a key with a space",
        ),
        pytest.param(
            {"data": {"d": "x"}, "binaryData": {"d": "YQ=="}},
            [bad_value("data[d]", '"d"', "duplicate of key present in binaryData")],
            id="a key in both",
        ),
        pytest.param(
            {"data": {"k": "x" * (MIB + 1)}}, [too_long("[]", MIB)], id="more than a mebibyte"
        ),
    ],
)
def test_a_configmap_that_breaks_a_rule_is_422(
    server: Server, configmaps: str, more: Object, causes: list[Cause]
) -> None:
    body = {"metadata": {"name": "c"}, **more}

    assert status(server.post(configmaps, body)) == invalid("ConfigMap", "c", *causes)


def test_a_body_of_more_than_three_mebibytes_is_413(server: Server, configmaps: str) -> None:
    answer = server.post(configmaps, config_map("c", key="x" * (3 * MIB)))

    assert status(answer) == failure(
        413,
        "RequestEntityTooLarge",
        f"Request entity too large: limit is {3 * MIB}",
    )


def test_unknown_fields_are_dropped_with_a_warning(server: Server, secret_path: str) -> None:
    body = {"metadata": {"name": "s", "bar": 1}, "foo": 1}

    created = server.post(secret_path, body)

    assert created.code == 201
    assert sorted(created.warnings) == ['unknown field "foo"', 'unknown field "metadata.bar"']
    assert "foo" not in created.body


def test_unknown_fields_are_dropped_silently_when_asked(server: Server, secret_path: str) -> None:
    created = server.post(f"{secret_path}?fieldValidation=Ignore", secret("s", foo=1))

    assert (created.code, created.warnings) == (201, [])


def test_unknown_fields_are_refused_when_asked(server: Server, secret_path: str) -> None:
    answer = server.post(f"{secret_path}?fieldValidation=Strict", secret("s", foo=1))

    assert status(answer) == failure(
        400,
        "BadRequest",
        'Secret in version "v1" cannot be handled as a Secret: strict decoding error: '
        'unknown field "foo"',
    )


def test_a_patch_warns_of_unknown_fields(server: Server, secret_path: str) -> None:
    before = server.make(secret_path, secret("s"))

    patched = server.patch(f"{secret_path}/s", {"foo": 1}, MERGE)

    assert (patched.code, patched.warnings) == (200, ['unknown field "foo"'])
    assert patched.body == before
