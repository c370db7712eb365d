"""The image, built from the Dockerfile by buildah: no Docker engine and no registry of images.

`python -m tests.support.image [ARCHIVE]` (`make image`) writes it as an OCI archive. Two builds of
the same files are equal. Needs root.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.controlplane_build import cache_directory
from tests.support.image_base import base
from tests.support.package_index import PackageIndex
from tests.support.programs import ProgramFailed, ProgramMissing, require, run

ROOT = Path(__file__).parents[2]
NAME = "redox-operator:0.1.0"
CONTEXT = ("Dockerfile", "LICENSE", "README.md", "operator", "pyproject.toml", "requirements")
"""What .dockerignore lets through."""
BUILD_SECONDS = 1200


def copy_context(target: Path) -> None:
    """What a build reads, as it is in the checkout at this moment."""
    for name in CONTEXT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target / name)


def build(archive: Path, context: Path, *, file: str = "Dockerfile", name: str = NAME) -> None:
    """Build a Dockerfile of a context and write the image as an OCI archive under `name`.

    Raises ProgramMissing, which says what to install, or ProgramFailed with the end of the output.
    """
    require("buildah")
    bases = base()
    with tempfile.TemporaryDirectory(prefix="image-") as work, _storage() as buildah:
        index = PackageIndex.of_this_machine(Path(work))
        arguments = {
            "BASE": f"oci-archive:{bases.run}",
            "BUILD_BASE": f"oci-archive:{bases.build}",
            "REVISION": _revision(),
        }
        flags = [
            *("--isolation=chroot", "--identity-label=false", f"--timestamp={_commit_time()}"),
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            *(f"--volume={path}:{inside}:ro" for path, inside in index.mounts),
            *(f"--file={context / file}", f"--tag={name}"),
        ]
        run(*buildah, "build", *flags, str(context), seconds=BUILD_SECONDS)
        run(*buildah, "push", "--quiet", name, f"oci-archive:{archive}:{name}")


def built() -> Path:
    """The archive of the image of what is in the checkout now, from the cache if it is there."""
    with tempfile.TemporaryDirectory(prefix="context-") as directory:
        context = Path(directory)
        copy_context(context)
        files = [context / name for name in tree(context)]
        key = hashlib.sha256(f"{base().run} {_revision()}".encode())
        for path in sorted(files):
            content = path.read_bytes() if path.is_file() else b""
            key.update(f"\0{path.relative_to(context)}\0".encode() + content)
        archive = cache_directory() / f"image-{key.hexdigest()[:12]}.tar"
        if not archive.exists():
            build(archive.with_suffix(".new"), context)
            archive.with_suffix(".new").rename(archive)
    return archive


def digest(archive: Path) -> str:
    """The digest of the image's manifest: the same for the same content."""
    with tarfile.open(archive) as tar:
        (manifest,) = _read(tar, "index.json")["manifests"]
    return str(manifest["digest"])


def config(archive: Path) -> dict[str, Any]:
    """The image's configuration (OCI Image Format Specification 1.1, config.md)."""
    with tarfile.open(archive) as tar:
        (manifest,) = _read(tar, "index.json")["manifests"]
        described = _read(tar, _blob(manifest["digest"]))
        return _read(tar, _blob(described["config"]["digest"]))


def unpack(archive: Path, target: Path) -> None:
    """The image's files below `target`, owners included. There are no whiteouts in our images."""
    with tarfile.open(archive) as tar:
        (manifest,) = _read(tar, "index.json")["manifests"]
        for layer in _read(tar, _blob(manifest["digest"]))["layers"]:
            content = tar.extractfile(_blob(layer["digest"]))
            with tarfile.open(fileobj=content) as files:
                files.extractall(target, filter="fully_trusted", numeric_owner=True)


def tree(root: Path) -> dict[str, str]:
    """What each path below a directory is: its mode and the hash of its content, or its target."""
    return {str(path.relative_to(root)): _look(path) for path in sorted(root.rglob("*"))}


def _look(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    mode = oct(path.stat().st_mode)
    return f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest()}" if path.is_file() else mode


def _read(tar: tarfile.TarFile, name: str) -> dict[str, Any]:
    file = tar.extractfile(name)
    assert file is not None
    content: dict[str, Any] = json.load(file)
    return content


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


@contextmanager
def _storage() -> Iterator[list[str]]:
    """buildah with a storage of its own, so that a person's images are left alone."""
    with tempfile.TemporaryDirectory(prefix="buildah-") as directory:
        buildah = ["buildah", f"--root={directory}/root", f"--runroot={directory}/run"]
        try:
            yield buildah
        finally:
            # Its mounts, which would be in the way of the directory's removal.
            run(*buildah, "rm", "--all")
            for mount in _mounts_below(directory):
                run("umount", mount)


def _mounts_below(directory: str) -> list[str]:
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [mount for mount in reversed(mounts) if mount.startswith(f"{directory}/")]


def _commit_time() -> str:
    """When the commit was made, in seconds: the time of all that the build makes."""
    return _git("log", "-1", "--format=%ct") or "0"


def _revision() -> str:
    return _git("rev-parse", "HEAD") or "unknown"


def _git(*args: str) -> str:
    """What git says; nothing where there is no repository."""
    try:
        return run("git", "-C", str(ROOT), *args).strip()
    except (FileNotFoundError, ProgramFailed):
        return ""


def main() -> int:
    archive = Path(sys.argv[1] if len(sys.argv) > 1 else "dist/redox-operator.tar").absolute()
    archive.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as context:
            copy_context(Path(context))
            build(archive, Path(context))
    except (ProgramMissing, ProgramFailed) as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    print(f"{archive} {digest(archive)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
