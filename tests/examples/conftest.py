"""One sandbox for all examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.access_tokens import CLIENT_ID, USER_LEVEL_CLIENT_ID
from tests.examples.mounted_secret import MountedSecret
from tests.support.keys import client_entry, ec_pem, rsa_pem
from tests.support.redox_sandbox import RedoxSandbox


@pytest.fixture(scope="package")
def sandbox() -> Iterator[RedoxSandbox]:
    """The process that plays Redox."""
    keys = [rsa_pem(), *(ec_pem(curve) for curve in ("P-256", "P-384", "P-521"))]
    clients = [
        client_entry(CLIENT_ID, *keys),
        client_entry(USER_LEVEL_CLIENT_ID, rsa_pem(), userLevel=True),
    ]
    with RedoxSandbox.start(clients=clients) as running:
        yield running


@pytest.fixture
def redox(sandbox: RedoxSandbox) -> Iterator[RedoxSandbox]:
    """The same without what an earlier test asked of it."""
    sandbox.clear_faults()
    sandbox.set_settings(tokenLifetime=300)
    sandbox.clear_requests()
    yield sandbox
    sandbox.clear_faults()


@pytest.fixture
def mount(tmp_path: Path) -> MountedSecret:
    """An empty volume of the example's Secret."""
    return MountedSecret(tmp_path / "redox")
