"""A simulation whose operator can be stopped before any step, as a machine can: killed or frozen.

Nothing of a killed process runs again, not even a `finally`; what it sent arrives all the same.
"""

from __future__ import annotations

from types import TracebackType

from tests.support.remote_cluster import RemoteCluster
from tests.support.scheduler import Process, SteppedLoop
from tests.support.simulation import Simulation


class MortalSimulation(Simulation):
    """One operator after another, or beside another."""

    loop_class = SteppedLoop
    cluster_class = RemoteCluster
    loop: SteppedLoop
    cluster: RemoteCluster

    def start(self) -> None:
        """Start a process; what an earlier one left undone stays so."""
        self.process = Process()
        self._processes = [*getattr(self, "_processes", []), self.process]
        self.process.run(super().start)

    def kill(self) -> None:
        """End the process before its next step."""
        self.process.stopped = True

    @property
    def is_ending(self) -> bool:
        """Whether the process ends by itself: one of its loops did."""
        return bool(self.operator._supervisor.dead())

    def run_to(self, step: int, within: float = 60.0) -> bool:
        """Let time pass until the process would take a step, and stop it there.

        False where it takes no such step in that time; then it runs on.
        """
        return self.loop.run_to(self.process, step, within)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._processes:
            self.loop.let_go(process)
        super().__exit__(kind, error, traceback)
