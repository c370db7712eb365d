"""The certificates in the data directory."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from redox_sandbox.redox.certificates import server_context


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def names_of(directory: Path) -> list[str]:
    certificate = x509.load_pem_x509_certificate((directory / "tls.crt").read_bytes())
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return sorted(str(name.value) for name in extension.value)


def test_the_certificate_covers_the_usual_names_and_those_asked_for(tmp_path: Path) -> None:
    _, authority = server_context(tmp_path, ["redox-sandbox.redox.svc", "192.0.2.1"])

    assert authority == tmp_path / "ca.crt"
    assert names_of(tmp_path) == [
        *("127.0.0.1", "192.0.2.1", "::1", "localhost", "redox-sandbox"),
        "redox-sandbox.redox.svc",
    ]


def test_keys_are_readable_by_their_owner_only_and_nothing_else_is_left(tmp_path: Path) -> None:
    server_context(tmp_path, [])

    assert sorted(contents(tmp_path)) == ["ca.crt", "ca.key", "tls.crt", "tls.key"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.glob("*.key"))


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    server_context(tmp_path, ["a.example"])
    before = contents(tmp_path)

    server_context(tmp_path, [])

    assert contents(tmp_path) == before


def test_a_new_name_gets_a_new_certificate_of_the_same_authority(tmp_path: Path) -> None:
    server_context(tmp_path, [])
    before = contents(tmp_path)

    server_context(tmp_path, ["b.example"])

    assert contents(tmp_path)["ca.crt"] == before["ca.crt"]
    assert "b.example" in names_of(tmp_path)


@pytest.mark.parametrize("name", ["ca.crt", "ca.key", "tls.crt", "tls.key"])
@pytest.mark.parametrize("damage", [b"", b"-----BEGIN CERTIFICATE-----\n"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, name: str, damage: bytes) -> None:
    server_context(tmp_path, [])
    (tmp_path / name).write_bytes(damage)

    server_context(tmp_path, [])

    assert ssl.create_default_context(cafile=tmp_path / "ca.crt")
    authority = x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes())
    server = x509.load_pem_x509_certificate((tmp_path / "tls.crt").read_bytes())
    server.verify_directly_issued_by(authority)


def test_an_authority_from_elsewhere_gets_a_new_server_certificate(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for directory in (one, two):
        server_context(directory, [])
    for name in ("ca.crt", "ca.key"):
        (one / name).write_bytes((two / name).read_bytes())
    before = contents(one)

    server_context(one, [])

    assert contents(one)["tls.crt"] != before["tls.crt"]


@pytest.mark.parametrize(("age", "names"), [(396, {"tls"}), (3649, {"ca", "tls"})])
def test_what_is_about_to_expire_is_made_anew(tmp_path: Path, age: int, names: set[str]) -> None:
    now = datetime.now(UTC)
    server_context(tmp_path, [], now - timedelta(days=age))
    before = contents(tmp_path)

    server_context(tmp_path, [], now)

    changed = {name for name, content in contents(tmp_path).items() if content != before[name]}
    assert changed == {f"{name}.{kind}" for name in names for kind in ("crt", "key")}
