"""Someone who follows a page of docs/, command by command."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.examples.documents import DOCS, Block
from tests.examples.programs import SECONDS, environment, program
from tests.support.kubectl import kubectl


class Reader:
    """Someone who follows the guide: a directory with the repository's docs, and a shell."""

    def __init__(self, directory: Path, **variables: str) -> None:
        self.directory = directory
        (directory / "docs").symlink_to(DOCS)
        programs = directory / "programs"
        programs.mkdir()
        (programs / "python").symlink_to(program("python"))
        (programs / "kubectl").symlink_to(kubectl())
        self._env = environment("", **variables)
        self._env["PATH"] = f"{programs}:{self._env['PATH']}"

    def run(self, text: str, **variables: str) -> str:
        """What a block prints. Fails with its errors."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            env=self._env | variables,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=3 * SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def save(self, block: Block) -> None:
        """Write a block into the file that the guide names."""
        assert block.file is not None
        (self.directory / block.file).write_text(block.text)

    def public_keys(self) -> list[dict[str, Any]]:
        """What the guide has published."""
        keys: list[dict[str, Any]] = json.loads((self.directory / "public-keys.json").read_text())[
            "keys"
        ]
        return keys
