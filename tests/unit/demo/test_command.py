"""The options of the demo, as far as they need no cluster."""

from __future__ import annotations

import pytest

from demo.command import main


def test_without_a_terminal_it_names_the_way_that_needs_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2
    assert "make demo ARGS=--once" in capsys.readouterr().err


def test_a_context_and_an_api_server_to_start_exclude_each_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--context", "kind", "--api-server", "in-memory"])
    assert "leave --api-server out" in capsys.readouterr().err
