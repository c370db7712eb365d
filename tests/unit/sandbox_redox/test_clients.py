"""The clients file: its content, and how it is re-read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from redox_sandbox.redox.clients import ClientsInvalid, parse
from redox_sandbox.redox.clients_file import ClientsFile
from tests.support.keys import client_entry, jwk, public_jwk

KEY = public_jwk(jwk(kid="key-1"))
GOOD = {"clientId": "app-1", "jwks": {"keys": [KEY]}}


def with_clients(*entries: object) -> dict[str, object]:
    return {"clients": list(entries)}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param([], "a mapping with a list `clients`", id="a list"),
        pytest.param({"client": []}, "unknown field 'client'", id="a misspelt field"),
        pytest.param({"clients": {}}, "clients: write a list", id="clients is a mapping"),
        pytest.param(with_clients("app"), "clients[0]: write a mapping", id="a text as client"),
        pytest.param(
            with_clients({"jwks": GOOD["jwks"]}), "clientId is required", id="no clientId"
        ),
        pytest.param(with_clients({**GOOD, "clientId": 7}), "clientId is required", id="a number"),
        pytest.param(with_clients({**GOOD, "key": 1}), "unknown field 'key'", id="unknown field"),
        pytest.param(
            with_clients(GOOD, GOOD), "clients[1]: clientId 'app-1' comes twice", id="twice"
        ),
        pytest.param(with_clients({"clientId": "a"}), "write `jwks: {keys: […]}`", id="no keys"),
        pytest.param(with_clients({**GOOD, "jwks": []}), "a list `keys`", id="jwks is a list"),
        pytest.param(
            with_clients({**GOOD, "jwks": {"keys": ["x"]}}), "is a JWK", id="a text as key"
        ),
        pytest.param(
            with_clients({**GOOD, "jwks": {"keys": [{"kty": "RSA"}]}}), "needs `kid`", id="no kid"
        ),
        pytest.param(
            with_clients({**GOOD, "jwks": {"keys": [{"kty": "RSA", "kid": "k", "n": "x"}]}}),
            "needs n, e",
            id="half a key",
        ),
        pytest.param(
            with_clients({**GOOD, "jwks": {"keys": [jwk(kid="k")]}}),
            "holds a private key",
            id="a private key",
        ),
        pytest.param(
            with_clients({"clientId": "a", "jwksUrl": "http://app.example/k"}),
            "an https address",
            id="plain http elsewhere",
        ),
        pytest.param(
            with_clients({"clientId": "a", "jwksUrl": 7}), "an https address", id="a number as URL"
        ),
        pytest.param(
            with_clients({**GOOD, "userLevel": "yes"}), "true or false", id="userLevel is a text"
        ),
        pytest.param({"legacyKeys": [{"apiKey": "a"}]}, "secret is required", id="no secret"),
    ],
)
def test_a_faulty_file_is_refused_with_a_sentence(content: object, sentence: str) -> None:
    with pytest.raises(ClientsInvalid) as caught:
        parse(yaml.safe_dump(content))

    assert sentence in str(caught.value)


def test_what_is_not_yaml_is_refused_with_its_line() -> None:
    with pytest.raises(ClientsInvalid, match="not YAML in line 2"):
        parse("clients: [\n}")


@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump])
def test_clients_and_legacy_keys_are_read_from_json_and_yaml(write) -> None:
    clients = parse(
        write(
            {
                "clients": [
                    client_entry("app-1", jwk(kid="key-1"), jwk("P-384", kid="key-2")),
                    {"clientId": "app-2", "jwksUrl": "https://app.example/jwks.json"},
                    {"clientId": "app-3", "jwksUrl": "http://127.0.0.1:8000/jwks.json"},
                    client_entry("user-1", jwk(kid="key-1"), userLevel=True),
                ],
                "legacyKeys": [{"apiKey": "legacy-1", "secret": "s"}],
            }
        )
    )

    assert [key["kid"] for key in clients.by_id["app-1"].keys] == ["key-1", "key-2"]
    assert clients.by_id["app-2"].jwks_url == "https://app.example/jwks.json"
    assert clients.by_id["user-1"].user_level
    assert clients.legacy_secrets == {"legacy-1": "s"}
    assert "'s'" not in repr(clients)


def test_an_empty_file_means_no_clients() -> None:
    assert parse("").by_id == {}


def test_keys_of_unknown_types_and_for_encryption_are_left_out() -> None:
    others = [{"kid": "o", "kty": "OKP", "x": "…"}, {**KEY, "use": "enc"}, {**KEY, "use": "sig"}]

    clients = parse(json.dumps(with_clients({**GOOD, "jwks": {"keys": others}})))

    assert [key.get("use") for key in clients.by_id["app-1"].keys] == ["sig"]


def test_the_file_is_re_read_when_it_changes(tmp_path: Path) -> None:
    path, reports = tmp_path / "clients.yaml", list[str]()
    path.write_text(yaml.safe_dump(with_clients(GOOD)))
    file = ClientsFile(path, reports.append)

    path.write_text(yaml.safe_dump(with_clients(GOOD, {**GOOD, "clientId": "app-2"})))

    assert list(file.current().by_id) == ["app-1", "app-2"]
    assert reports == []


def test_a_new_file_of_the_same_size_and_time_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text(yaml.safe_dump(with_clients(GOOD)))
    file, status = ClientsFile(path, pytest.fail), path.stat()

    draft = tmp_path / "draft"
    draft.write_text(yaml.safe_dump(with_clients({**GOOD, "clientId": "app-9"})))
    os.utime(draft, ns=(status.st_atime_ns, status.st_mtime_ns))
    draft.replace(path)

    assert list(file.current().by_id) == ["app-9"]


def test_a_file_behind_a_moving_link_is_re_read(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(json.dumps(with_clients({**GOOD, "clientId": name})))
    link = tmp_path / "clients.yaml"
    link.symlink_to(tmp_path / "one")
    file = ClientsFile(link, pytest.fail)

    (tmp_path / "next").symlink_to(tmp_path / "two")
    (tmp_path / "next").replace(link)

    assert list(file.current().by_id) == ["two"]


def test_a_faulty_change_keeps_the_last_good_content_and_is_reported_once(tmp_path: Path) -> None:
    path, reports = tmp_path / "clients.yaml", list[str]()
    path.write_text(yaml.safe_dump(with_clients(GOOD)))
    file = ClientsFile(path, reports.append)

    path.write_text("clients: 7")

    assert list(file.current().by_id) == list(file.current().by_id) == ["app-1"]
    assert reports == [f"{path}: clients: write a list; the last good content stays in use"]


def test_a_file_that_goes_away_keeps_the_last_good_content(tmp_path: Path) -> None:
    path, reports = tmp_path / "clients.yaml", list[str]()
    path.write_text(yaml.safe_dump(with_clients(GOOD)))
    file = ClientsFile(path, reports.append)

    path.unlink()

    assert list(file.current().by_id) == ["app-1"]
    assert "No such file" in reports[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(None, "No such file or directory: give the path", id="no file"),
        pytest.param(b"\xff", "not UTF-8", id="not text"),
        pytest.param(b"clients: 7", "write a list", id="a faulty file"),
    ],
)
def test_a_file_that_is_faulty_from_the_start_is_refused(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "clients.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ClientsInvalid, match=sentence):
        ClientsFile(path, pytest.fail)
