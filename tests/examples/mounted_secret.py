"""A directory as the kubelet lays out a mounted Secret or ConfigMap."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path


class MountedSecret:
    """`write` replaces the content as the kubelet's AtomicWriter does.

    The files are links through `..data`, itself a link to a directory of one version; it is renamed
    into place, and the old version removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers = itertools.count(1)
        path.mkdir()

    def write(self, data: Mapping[str, str]) -> None:
        """Show another version."""
        version = self.path / f"..2026_11_23_12_00_00.{next(self._numbers)}"
        version.mkdir()
        for name, text in data.items():
            (version / name).write_text(text)
        current, draft = self.path / "..data", self.path / "..data_tmp"
        before = current.resolve() if current.exists() else None
        draft.symlink_to(version.name)
        draft.replace(current)
        for name in data:
            link = self.path / name
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}")
        if before is not None:
            shutil.rmtree(before)
