"""A wall clock of one process that a test sets while it runs: libfaketime (Debian: `faketime`)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

PLACES = (
    "/usr/lib/*/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
)


class FakedClock:
    """A file with the offset; a context manager that removes it."""

    def __init__(self, library: Path) -> None:
        self._library = library
        self._directory = tempfile.TemporaryDirectory(prefix="clock-")
        self._file = Path(self._directory.name) / "offset"
        self.set(0)

    @classmethod
    def start(cls) -> Self:
        """A clock that is right so far. Without libfaketime the test is skipped; in CI it fails."""
        library = next((path for place in PLACES for path in Path("/").glob(place[1:])), None)
        if library is None:
            missing = "libfaketime is not installed (Debian: apt install faketime)"
            if os.environ.get("CI") == "true":
                pytest.fail(missing, pytrace=False)
            pytest.skip(missing)
        return cls(library)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to go by this clock. Its boot and monotonic clocks stay true."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            # Seconds until the file is read again; without that every look at a clock does it.
            "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
            # Its semaphore would outlive a process that is killed.
            "FAKETIME_DISABLE_SHM": "1",
        }

    def set(self, offset: int) -> None:
        """Set the clock to the true time plus so many seconds."""
        draft = self._file.with_suffix(".draft")
        draft.write_text(f"{offset:+d}\n")
        draft.replace(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._directory.cleanup()
