"""One served sandbox per test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.sandbox_redox.builders import Served, served


@pytest.fixture
async def redox(tmp_path: Path) -> AsyncIterator[Served]:
    """A sandbox with one client."""
    async with served(tmp_path) as sandbox:
        yield sandbox
