"""What is in the image, and that a second build is equal."""

from __future__ import annotations

import importlib.util
import re
import stat
from pathlib import Path

import pytest

from tests.e2e.archives import OPERATOR
from tests.support import image

MAX_ARCHIVE_BYTES = 60_000_000
UNCHECKED_HASH = (1).to_bytes(4, "little")
"""The flags of a .pyc that is never compared with its source (PEP 552)."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's files."""
    directory = tmp_path_factory.mktemp("root")
    image.unpack(OPERATOR.path, directory)
    return directory


def test_it_runs_as_a_user_who_is_named_by_number() -> None:
    config = image.config(OPERATOR.path)["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["redox-operator"]
    assert config["Cmd"] == ["run"]
    # The kubelet's probes do it, and no other runtime needs to.
    assert "Healthcheck" not in config


@pytest.mark.parametrize("label", ["title", "description", "version", "revision", "licenses"])
def test_it_carries_the_label_of_the_oci_convention(label: str) -> None:
    labels = image.config(OPERATOR.path)["config"]["Labels"]
    assert labels[f"org.opencontainers.image.{label}"]


def test_no_setting_of_the_machine_that_built_it_is_in_its_configuration() -> None:
    environment = image.config(OPERATOR.path)["config"]["Env"]
    names = {setting.partition("=")[0] for setting in environment}
    assert names == {"LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}


@pytest.mark.parametrize("program", ["sh", "bash", "gcc", "cc", "ld", "apt-get", "dpkg", "pip"])
def test_there_is_no_program_that_only_an_intruder_would_use(program: str, root: Path) -> None:
    assert not list(root.rglob(f"bin/{program}"))


def test_there_are_no_programs_that_run_with_the_rights_of_their_owner(root: Path) -> None:
    special = stat.S_ISUID | stat.S_ISGID
    files = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    assert [path for path in files if path.stat().st_mode & special] == []


def test_both_commands_are_there(root: Path) -> None:
    for name in ("redox-operator", "redox-sandbox"):
        assert (root / "opt/redox-operator/bin" / name).stat().st_mode & 0o111 == 0o111


def test_every_module_has_bytecode_that_is_never_compared_with_its_source(root: Path) -> None:
    modules = [
        path
        for library in ("opt/redox-operator/lib", "usr/lib/python3.11")
        for path in (root / library).rglob("*.py")
    ]
    assert len(modules) > 1000
    for module in modules:
        cached = Path(importlib.util.cache_from_source(str(module)))
        (cached,) = cached.parent.glob(f"{module.stem}.cpython-*.pyc")
        assert cached.read_bytes()[4:8] == UNCHECKED_HASH, module


def test_nothing_says_where_its_packages_came_from(root: Path) -> None:
    assert not (root / "etc/pip.conf").exists()
    assert not (root / "etc/apt").exists()
    urls = [*root.glob("opt/redox-operator/lib/python*/site-packages/*.dist-info/direct_url.json")]
    assert [re.findall(r"https?://[^\"]+", path.read_text()) for path in urls] == [[]] * len(urls)


def test_the_image_is_smaller_than_60_mb() -> None:
    assert OPERATOR.path.stat().st_size < MAX_ARCHIVE_BYTES


def test_a_second_build_is_equal(tmp_path: Path) -> None:
    builds = [tmp_path / "one.tar", tmp_path / "two.tar"]
    context = tmp_path / "context"
    context.mkdir()
    image.copy_context(context)
    for build in builds:
        image.build(build, context)
    roots = [tmp_path / "one", tmp_path / "two"]
    for build, directory in zip(builds, roots, strict=True):
        image.unpack(build, directory)
    assert image.tree(roots[0]) == image.tree(roots[1])
    assert image.digest(builds[0]) == image.digest(builds[1])
