"""Readers of mounted Secrets: what an application finds in the file, and how long that is good."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.support.worker import Worker

PAUSES = (0.0, 0.01, 0.1, 1.0)
SWEEP_SECONDS = 0.2
"""From one read of a mounted Secret to the next."""


def read_keys(directory: Path, *names: str) -> list[str]:
    """Keys of a mounted Secret, all of one version: `..data` is opened once.

    A version that is removed while it is read gives way to the next one. Raises FileNotFoundError
    for a key that the Secret lacks.
    """
    missing = FileNotFoundError(directory)
    for pause in PAUSES:
        time.sleep(pause)
        try:
            version = os.open(directory / "..data", os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError as error:
            missing = error
            continue
        try:
            return [_read(name, version) for name in names]
        except FileNotFoundError as error:
            missing = error
        finally:
            os.close(version)
    raise missing


def _read(name: str, directory: int) -> str:
    file = os.open(name, os.O_RDONLY, dir_fd=directory)
    with os.fdopen(file) as text:
        return text.read()


@dataclass(frozen=True, slots=True)
class Mount:
    """One Secret in one pod. `group` names what it is counted with."""

    group: str
    secret: str
    directory: Path


@dataclass(slots=True)
class Remaining:
    """The life that was left at each read of a group: the least, and counts by whole second."""

    least: float = float("inf")
    counts: Counter[int] = field(default_factory=Counter)

    @property
    def reads(self) -> int:
        """How many there were."""
        return self.counts.total()

    def note(self, seconds: float) -> None:
        """One read."""
        self.least = min(self.least, seconds)
        self.counts[int(seconds // 1)] += 1

    def below(self, seconds: int) -> int:
        """How many reads found less than these whole seconds."""
        return sum(count for second, count in self.counts.items() if second < seconds)


@dataclass(frozen=True, slots=True)
class Shown:
    """A mount began to show a token of this expiry, in seconds since the epoch."""

    time: float
    expires_at: float


class Readers(Worker):
    """Reads every mounted Secret, again and again, in a thread of its own.

    The expiry is what the file says: in whole seconds, rounded down, by up to a second earlier
    than the token's own. Tokens are compared and never kept.
    """

    def __init__(self, mounts: Iterable[Mount], clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.mounts = list(mounts)
        self.remaining: dict[str, Remaining] = {}
        self.shown: dict[Mount, list[Shown]] = {mount: [] for mount in self.mounts}
        self.mixed = 0
        """Reads in which two keys were of different versions."""
        self.longest_pause = 0.0
        """Seconds between two sweeps: more than a few tell that the machine was too busy."""
        self._clock = clock

    def least(self, group: str) -> float:
        """The least remaining life that any reader of a group has read, in seconds."""
        return self.remaining[group].least

    def sweep(self) -> None:
        """Read all mounts once."""
        for mount in self.mounts:
            names = ("access_token", "authorization", "expires_at")
            token, authorization, expiry = read_keys(mount.directory, *names)
            now = self._clock()
            expires_at = datetime.fromisoformat(expiry).timestamp()
            self.mixed += authorization != f"Bearer {token}"
            self.remaining.setdefault(mount.group, Remaining()).note(expires_at - now)
            shown = self.shown[mount]
            if not shown or shown[-1].expires_at != expires_at:
                shown.append(Shown(now, expires_at))

    def work(self) -> None:
        """Sweep until it is told to stop."""
        last = time.monotonic()
        while not self.stopping.is_set():
            started = time.monotonic()
            self.longest_pause = max(self.longest_pause, started - last)
            last = started
            self.sweep()
            self.stopping.wait(max(0.0, started + SWEEP_SECONDS - time.monotonic()))
