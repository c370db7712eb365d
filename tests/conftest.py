"""The control plane that tests marked `controlplane` share, and what happens when none is built."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from tests.support.controlplane import ControlPlane, find

NOT_RUN = pytest.StashKey[int]()
HOW = "`make controlplane` builds one (about ten minutes, once)"
NO_CONTROLLERS = "KUBEBUILDER_ASSETS has no controllers and no node, unset it"


@pytest.fixture(scope="session")
def controlplane() -> Iterator[ControlPlane]:
    """One real control plane for the whole run. A test that kills or pauses one starts its own."""
    with ControlPlane.start() as running:
        yield running


@pytest.fixture
def controllers(controlplane: ControlPlane, request: pytest.FixtureRequest) -> None:
    """For tests of what controllers or a node do: `KUBEBUILDER_ASSETS` brings neither."""
    if not controlplane.has_controllers:
        _leave_out(request.config, NO_CONTROLLERS)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("controlplane") is None:
        return
    program = find()
    if program is None:
        _leave_out(item.config, "no control plane is built")
    # Here and not in the fixture alone: those of wider scope are set up before it.
    if program.is_dir() and "controllers" in getattr(item, "fixturenames", ()):
        _leave_out(item.config, NO_CONTROLLERS)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Say it after everything else; pytest_terminal_summary would speak before the last line."""
    yield
    count = session.config.stash.get(NOT_RUN, 0)
    if count:
        tests = "1 test" if count == 1 else f"{count} tests"
        session.config.get_terminal_writer().line(
            f"{tests} did not run for want of a real control plane: {HOW}", yellow=True
        )


def _leave_out(config: pytest.Config, reason: str) -> NoReturn:
    """Skip the test and count it; where none may be missing, fail."""
    required = os.environ.get("REDOX_OPERATOR_REQUIRE_CONTROLPLANE") == "1"
    if required or os.environ.get("CI") == "true":
        pytest.fail(f"{reason}: {HOW}", pytrace=False)
    config.stash[NOT_RUN] = config.stash.get(NOT_RUN, 0) + 1
    pytest.skip(reason)
