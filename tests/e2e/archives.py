"""The images that the tests run, as archives that were built before them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ARCHIVES_VARIABLE = "REDOX_OPERATOR_E2E_ARCHIVES"


@dataclass(frozen=True, slots=True)
class Image:
    """`name` is what manifests say; containerd knows it by its full name."""

    name: str
    archive: str

    @property
    def full_name(self) -> str:
        return f"docker.io/library/{self.name}"

    @property
    def path(self) -> Path:
        directory = archives_directory()
        assert directory is not None
        return directory / self.archive


def archives_directory() -> Path | None:
    """Where `python -m tests.e2e` has put them; None outside of it."""
    directory = os.environ.get(ARCHIVES_VARIABLE)
    return Path(directory) if directory else None


OPERATOR = Image("redox-operator:0.1.0", "operator.tar")
CONSUMER = Image("consumer:1", "consumer.tar")
