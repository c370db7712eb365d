"""The directory of a demo, its lock and its guardian, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.directory import ROOT, opened
from demo.errors import DemoError
from tests.support.kubernetes_api import polls

DEMO = """
import pathlib, subprocess, sys, time
from demo.directory import opened
with opened(pathlib.Path(sys.argv[1]), grace=0.2) as state:
    child = subprocess.Popen(["sleep", "60"], process_group=state.process_group)
    print(child.pid, flush=True)
    time.sleep(60)
"""


def test_it_is_empty_at_first_and_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "demo"
    (path / "left").mkdir(parents=True)
    (path / "left/file").touch()
    (path / "link").symlink_to("left")

    with opened(path) as state:
        assert [entry.name for entry in path.iterdir()] == ["logs"]
        (state.logs / "operator.log").touch()

    assert not path.exists()


def test_a_second_demo_is_refused_in_one_line(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "demo"),
        pytest.raises(DemoError, match="another demo runs in this checkout"),
        opened(tmp_path / "demo"),
    ):
        pass

    with opened(tmp_path / "demo"):
        pass


def test_a_killed_demo_leaves_no_process_and_no_directory(tmp_path: Path) -> None:
    path = tmp_path / "demo"
    demo = subprocess.Popen(
        [sys.executable, "-c", DEMO, path], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert demo.stdout is not None
    with demo.stdout:
        child = int(demo.stdout.readline())
    assert path.exists()

    demo.send_signal(signal.SIGKILL)
    demo.wait(timeout=10)

    for _ in polls(10):
        if not path.exists() and not _runs(child):
            return
    pytest.fail(f"left: {path.exists()=} {_runs(child)=}")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Nobody may have reaped it yet, as in a container without an init.
    return not Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].startswith(" Z")
