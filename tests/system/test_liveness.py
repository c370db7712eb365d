"""A process whose event loop stands still is answered for by a thread that does not."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from tests.support.kubernetes_api import polls
from tests.support.operator_process import SCALED, OperatorProcess, sandbox_endpoint
from tests.support.redox_sandbox import RedoxSandbox

NOTICED_WITHIN = 90.0
BLOCKING = """
import signal, time
# A handler runs in the main thread, which is the event loop's: for so long nothing else does.
signal.signal(signal.SIGUSR1, lambda *_: time.sleep(600))
"""


def test_a_standing_event_loop_is_answered_with_503_and_a_frozen_process_with_200_when_it_thaws(
    api_server: tuple[Path, Path], redox: RedoxSandbox, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCKING)
    operator = OperatorProcess(
        api_server[1],
        [sandbox_endpoint(redox)],
        {**SCALED, "NAMESPACES": "default"},
        environment={"PYTHONPATH": str(tmp_path)},
    )
    try:
        operator.launch()
        assert operator.probe("/healthz") == (200, "ok\n")

        operator.pause()
        time.sleep(3)
        operator.resume()
        assert operator.probe("/healthz") == (200, "ok\n")

        operator.process.send_signal(signal.SIGUSR1)
        begun = time.monotonic()
        for _ in polls(NOTICED_WITHIN):
            if operator.probe("/healthz")[0] == 503:
                break
        assert operator.probe("/healthz") == (503, "the event loop stands still\n")
        assert 10 < time.monotonic() - begun < NOTICED_WITHIN, "a short pause is no fault"
    finally:
        operator.kill()
        operator.stop()
