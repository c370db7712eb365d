"""Images as archives, and the package index of a machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import image
from tests.support.oci_archive import pack
from tests.support.package_index import PackageIndex
from tests.support.programs import ProgramFailed, ProgramMissing, require, run


def files(root: Path, seconds: int) -> Path:
    """A small tree, with times of its own."""
    (root / "bin").mkdir(parents=True)
    (root / "bin/program").write_text("content")
    (root / "bin/program").chmod(0o755)
    (root / "bin/link").symlink_to("program")
    os.utime(root / "bin/program", (seconds, seconds))
    return root


def test_equal_files_make_equal_archives_whatever_their_times(tmp_path: Path) -> None:
    for name, seconds in (("one", 1_000_000), ("two", 2_000_000)):
        pack(files(tmp_path / name, seconds), tmp_path / f"{name}.tar", {"PATH": "/bin"})
    assert image.digest(tmp_path / "one.tar") == image.digest(tmp_path / "two.tar")


def test_an_archive_holds_files_links_modes_and_configuration(tmp_path: Path) -> None:
    root = files(tmp_path / "root", 1_000_000)
    pack(root, tmp_path / "image.tar", {"PATH": "/bin"}, entrypoint=["/bin/program"])
    image.unpack(tmp_path / "image.tar", tmp_path / "unpacked")
    assert image.tree(tmp_path / "unpacked") == image.tree(root)
    config = image.config(tmp_path / "image.tar")["config"]
    assert config == {"Env": ["PATH=/bin"], "Entrypoint": ["/bin/program"]}


def test_a_build_reads_what_the_machine_says_of_its_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    monkeypatch.setenv("PIP_CERT", str(authority))
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:password@index.example/simple")
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    index = PackageIndex.of_this_machine(tmp_path)
    assert (tmp_path / "pip.conf", "/etc/pip.conf") in index.mounts
    assert (authority, str(authority)) in index.mounts
    written = (tmp_path / "pip.conf").read_text()
    assert f"cert = {authority}\n" in written
    assert "index-url = https://user:password@index.example/simple\n" in written
    assert "virtualenv" not in written
    assert (tmp_path / "pip.conf").stat().st_mode & 0o077 == 0
    assert "password" not in repr(index)


def test_what_is_missing_is_said_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ProgramMissing, match="apt-get install buildah debootstrap"):
        require("debootstrap", "buildah")


def test_a_program_that_fails_is_told_with_what_it_said() -> None:
    with pytest.raises(ProgramFailed, match="sh ended with 3:\nno such thing"):
        run("/bin/sh", "-c", "echo no such thing >&2; exit 3")
