"""Base images with Python, of Debian's packages, where no registry of images is at hand.

`build`, a minimal Debian with pip, that `debootstrap` makes; and `run`, the part of it that runs
Python: no shell, no package manager, no compiler. Both are made once and kept below
`${XDG_CACHE_HOME:-~/.cache}/redox-operator` under a hash of this recipe. Needs root.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.controlplane_build import cache_directory
from tests.support.oci_archive import pack
from tests.support.programs import require, run

SUITE = "bookworm"
LIBRARY = "usr/lib/python3.11"
BUILD_PACKAGES = ("python3", "python3-venv", "ca-certificates", "tzdata", "netbase")
RUN_PACKAGES = (
    *("base-files", "netbase", "tzdata", "media-types", "ca-certificates"),
    *("python3.11", "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib"),
    *("libc6", "libgcc-s1", "zlib1g", "libbz2-1.0", "liblzma5", "libexpat1", "libffi8"),
    *("libssl3", "libcrypt1", "libuuid1", "libsqlite3-0", "libnsl2", "libtirpc3", "libdb5.3"),
    *("libkrb5-3", "libk5crypto3", "libkrb5support0", "libgssapi-krb5-2", "libcom-err2"),
    "libkeyutils1",
)
"""What is in the base that runs: Python, what its modules link to, time zones, authorities."""
MADE_BY_INSTALLATION = (
    *(
        "bin",
        "lib",
        "lib64",
        "sbin",
        "tmp",
        "usr/bin/python",
        "usr/bin/python3",
        LIBRARY,
        "etc/ssl/certs",
        "etc/ssl/openssl.cnf",
        "usr/lib/ssl",
    ),
    *("etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/localtime", "etc/timezone"),
)
LEFT_OUT = re.compile(
    r"usr/share/(?!zoneinfo|dpkg)|usr/share/zoneinfo/(right|posix)/|usr/sbin/|usr/lib/\S+/gconv/"
    r"|usr/bin/(?!python)|usr/lib/(valgrind|binfmt)|etc/(ca-certificates|dpkg|update-motd)"
    rf"|{LIBRARY}/(lib2to3|idlelib|turtledemo|ensurepip)|usr/lib/\S+/(libmvec|libnss_(hesiod|compat))"
)
"""Parts of these that no program in the image reads."""
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
DEBOOTSTRAP_SECONDS = 1200


@dataclass(frozen=True, slots=True)
class Base:
    """Two OCI archives: what the image is built in, and what it stands on."""

    build: Path
    run: Path


def base() -> Base:
    """Both archives, made if need be. Raises ProgramMissing, which says what to install."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    directory = cache_directory() / f"image-base-{recipe}"
    if not directory.exists():
        require("debootstrap")
        directory.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix="image-base-", dir=directory.parent))
        try:
            _make(work)
            # A rename is all or nothing; two that make it at the same time make the same.
            if not directory.exists():
                (work / "archives").rename(directory)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return Base(directory / "build.tar", directory / "run.tar")


def _make(work: Path) -> None:
    root, runtime, archives = work / "build", work / "run", work / "archives"
    archives.mkdir()
    packages = f"--include={','.join(BUILD_PACKAGES)}"
    command = ["debootstrap", "--variant=minbase", packages, SUITE, str(root), *_mirror()]
    run(*command, seconds=DEBOOTSTRAP_SECONDS)
    (root / "usr/bin/python").symlink_to("python3.11")
    # Good whatever the times of the files become in a layer, and without a look at the sources.
    for old in (root / LIBRARY).rglob("__pycache__"):
        shutil.rmtree(old)
    compile_all = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")
    run("chroot", str(root), "/usr/bin/python", *compile_all, f"/{LIBRARY}")
    _forget(root)
    _copy_runtime(root, runtime)
    for directory in (root, runtime):
        pack(directory, archives / f"{directory.name}.tar", ENVIRONMENT)


def _mirror() -> list[str]:
    """The address that apt on this machine has for Debian; else debootstrap's own choice."""
    if shutil.which("apt-get") is None:
        return []
    targets = run("apt-get", "indextargets", "--format", "$(ORIGIN) $(CODENAME) $(REPO_URI)")
    return re.findall(rf"^Debian {SUITE} (\S+)$", targets, re.MULTILINE)[:1]


def _forget(root: Path) -> None:
    """Remove what is of this machine, and what apt would do better with anew."""
    for name in ("etc/apt/sources.list", "etc/hostname", "etc/resolv.conf", "etc/machine-id"):
        (root / name).unlink(missing_ok=True)
    for name in ("var/cache", "var/lib/apt/lists", "var/log", "tmp"):
        for path in (root / name).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _copy_runtime(root: Path, runtime: Path) -> None:
    names = {name for package in RUN_PACKAGES for name in _files_of(root, package)}
    for name in MADE_BY_INSTALLATION:
        names.add(name)
        if not (root / name).is_symlink():
            names |= {str(path.relative_to(root)) for path in (root / name).rglob("*")}
    for name in sorted(names):
        if not LEFT_OUT.match(name):
            _copy(root / name, runtime / name)
    # Scanners of vulnerabilities read there what is installed.
    entries = (root / "var/lib/dpkg/status").read_text().split("\n\n")
    kept = [entry for entry in entries if _package(entry) in RUN_PACKAGES]
    (runtime / "var/lib/dpkg").mkdir(parents=True, exist_ok=True)
    (runtime / "var/lib/dpkg/status").write_text("\n\n".join(kept) + "\n")


def _files_of(root: Path, package: str) -> list[str]:
    """What dpkg lists, with the links /lib and /bin followed."""
    info = root / "var/lib/dpkg/info"
    (listing,) = [*info.glob(f"{package}.list"), *info.glob(f"{package}:*.list")]
    names = [line.lstrip("/") for line in listing.read_text().splitlines() if line != "/."]
    return [re.sub(r"^(bin|sbin|lib|lib64)/", r"usr/\1/", name) for name in names]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir() and not source.is_symlink():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copystat(source, target)
    elif source.exists() or source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)


def _package(entry: str) -> str:
    return entry.lstrip().split("\n")[0].removeprefix("Package: ")


def main() -> None:
    made = base()
    print(made.build, made.run, sep="\n")


if __name__ == "__main__":
    main()
