"""Secrets as directories, the way a kubelet mounts them: no kubelet runs in the demo.

    mounts/rsa-pem-token/access_token -> ..data/access_token
    mounts/rsa-pem-token/..data       -> ..1764000000-0
    mounts/rsa-pem-token/..1764000000-0/access_token

A change is written to a new directory and appears at once, by the renaming of one symbolic link.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DELAY_SECONDS = 2.0
"""How late a change appears, counted from when it is seen in the API."""


@dataclass(slots=True)
class Mount:
    """One mounted Secret."""

    directory: Path
    _version: int = 0

    def publish(self, data: Mapping[str, bytes], now: float) -> None:
        """Show this content, all of it at once."""
        self.directory.mkdir(parents=True, exist_ok=True)
        link = self.directory / "..data"
        before = link.resolve() if link.is_symlink() else None
        content = self.directory / f"..{now:.0f}-{self._version}"
        self._version += 1
        content.mkdir()
        for name, value in data.items():
            (content / name).write_bytes(value)
        fresh = self.directory / "..data_tmp"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(content.name)
        fresh.replace(link)
        self._show(data)
        if before is not None:
            shutil.rmtree(before)

    def _show(self, data: Mapping[str, bytes]) -> None:
        shown = {path.name for path in self.directory.iterdir() if not path.name.startswith("..")}
        for name in shown - data.keys():
            (self.directory / name).unlink()
        for name in data.keys() - shown:
            (self.directory / name).symlink_to(f"..data/{name}")


@dataclass(slots=True)
class Kubelet:
    """All mounts; what is seen in the API appears in the directories some time later."""

    root: Path
    delay: float = DELAY_SECONDS
    _mounts: dict[str, Mount] = field(default_factory=dict)
    _seen: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)

    def directory(self, secret_name: str) -> Path:
        """Where a pod finds the Secret."""
        return self.root / secret_name

    def see(self, secret_name: str, data: Mapping[str, bytes], now: float) -> None:
        """Note what the API holds; `now` in seconds since the epoch."""
        if self._seen.get(secret_name) == data:
            return
        self._seen[secret_name] = data
        # A change that is on its way already takes this one along.
        self._due.setdefault(secret_name, now + self.delay)

    def sync(self, now: float) -> None:
        """Publish what is due."""
        for name in [name for name, due in self._due.items() if due <= now]:
            del self._due[name]
            mount = self._mounts.setdefault(name, Mount(self.directory(name)))
            mount.publish(self._seen[name], now)
