"""The clients file on disk, re-read when it changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .clients import Clients, ClientsInvalid, parse


class ClientsFile:
    """The last good content of a file. Raises `ClientsInvalid` when the first one is faulty.

    `report` gets one sentence for each later content that cannot be used.
    """

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        self._path = path
        self._report = report
        self._version = self._stat()
        self._clients = self._read()

    def current(self) -> Clients:
        """The clients now: one `stat`, and a read when modification time, size or inode differ."""
        version = self._stat()
        if version != self._version:
            # Noted before reading: what is written meanwhile differs again at the next call.
            self._version = version
            try:
                self._clients = self._read()
            except ClientsInvalid as error:
                self._report(f"{error}; the last good content stays in use")
        return self._clients

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> Clients:
        try:
            text = self._path.read_text(encoding="utf-8")
        except OSError as error:
            reason = error.strerror or "not readable"
            raise ClientsInvalid(f"{self._path}: {reason}: give the path of a YAML file") from None
        except UnicodeDecodeError:
            raise ClientsInvalid(f"{self._path}: not UTF-8 text: write YAML") from None
        try:
            return parse(text)
        except ClientsInvalid as error:
            raise ClientsInvalid(f"{self._path}: {error}") from None
