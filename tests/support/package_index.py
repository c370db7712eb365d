"""Where pip gets packages on this machine, made available to a build without being written there.

A build sees a pip.conf and the files that it names (an authority, a directory of wheels) as mounts,
which leave nothing in a layer. A proxy of the environment is handed on by buildah itself.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import run

SETTINGS = {
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host"),
    *("cert", "client-cert", "proxy", "timeout", "default-timeout", "retries"),
}
"""Settings of pip that say where packages come from and how they are reached."""


@dataclass(frozen=True, slots=True, repr=False)
class PackageIndex:
    """Files to mount read-only: path here, path in the build. May hold a password: not shown."""

    mounts: tuple[tuple[Path, str], ...]

    @classmethod
    def of_this_machine(cls, directory: Path) -> PackageIndex:
        """What pip's configuration and environment say here; writes a file to `directory`."""
        found: dict[str, str] = {}
        listed = run(sys.executable, "-m", "pip", "config", "list")
        # The environment goes before the files.
        for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
            setting = re.match(r"(?::env:\.|\w+\.)([\w-]+)='(.*)'$", line)
            if setting and setting[1] in SETTINGS:
                found[setting[1]] = setting[2].replace("\\n", "\n")
        file = directory / "pip.conf"
        file.touch(mode=0o600)
        lines = [
            f"{name} = {value.replace(chr(10), chr(10) + '    ')}" for name, value in found.items()
        ]
        file.write_text("\n".join(["[global]", *lines, ""]))
        named = {word for value in found.values() for word in value.split() if word.startswith("/")}
        local = ((Path(name), name) for name in sorted(named) if Path(name).exists())
        return cls(((file, "/etc/pip.conf"), *local))
