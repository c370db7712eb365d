"""The promise on the real kubelet's code, all times divided by five: what readers find in the file.

One run serves all tests of this module: five endpoints, of which four go away, each in its way and
twice, from the moment a refresh is due. docs/promise.md has the same at full length.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.controlplane import ControlPlane
from tests.support.fhir_caller import FhirCaller
from tests.support.kubernetes_api import polls
from tests.support.mounted_readers import Readers
from tests.support.outages import Outages
from tests.support.propagation import delays, quantile
from tests.support.reader_bench import FIFTH, ReaderBench
from tests.support.secret_watch import SecretWatch
from tests.support.token_endpoints import STEADY, WAYS

pytestmark = [pytest.mark.controlplane, pytest.mark.usefixtures("controllers")]

ROUNDS = 2
LIMIT_SECONDS = 170
UNSCALED_SECONDS = 2
"""What does not shrink with the rest: request, write, sweep, and whole seconds in the file."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was seen in all of it."""

    readers: Readers
    outages: Outages
    answers: dict[int, int]
    delays: list[float]


@pytest.fixture(scope="module")
def run(controlplane: ControlPlane) -> Iterator[Run]:
    """Two outages of each endpoint, and twenty pods that read on all the time."""
    with ReaderBench(controlplane, "readers", FIFTH, credentials=2, aims=1) as bench:
        mounts = bench.mount(pods=2)
        caller = FhirCaller(bench.endpoints.redox, mounts)
        outages = bench.outages(rest=FIFTH.propagation)
        with Readers(mounts) as readers, SecretWatch(controlplane, "readers") as watch, caller:
            began = time.time()
            with outages:
                _wait(outages, readers, watch, caller)
            # The tokens that were late have to come to the readers yet.
            settled = time.time()
            for _ in polls(FIFTH.propagation):
                readers.check()
        assert readers.longest_pause < 2, "the machine was too busy to measure anything"
        late = delays(watch.written, readers.shown, since=began, until=settled)
        yield Run(readers, outages, dict(caller.answers), late)


def _wait(outages: Outages, *others: Readers | SecretWatch | FhirCaller) -> None:
    for _ in polls(LIMIT_SECONDS):
        for worker in (outages, *others):
            worker.check()
        if outages.rounds() >= ROUNDS:
            return
    pytest.fail(f"only {outages.over} in {LIMIT_SECONDS} s")


def test_without_a_fault_readers_have_what_the_schedule_leaves_them(run: Run) -> None:
    left = FIFTH.token_lifetime - FIFTH.start - FIFTH.propagation - UNSCALED_SECONDS

    assert run.readers.least(f"{STEADY}-token") >= left


@pytest.mark.parametrize("way", WAYS)
def test_an_endpoint_that_is_away_from_the_worst_moment_leaves_readers_the_safety_margin(
    run: Run, way: str
) -> None:
    hit = [outage for outage in run.outages.over if outage.way == way]
    assert len(hit) >= ROUNDS
    assert all(outage.began < outage.due < outage.ended for outage in hit)

    assert run.readers.least(f"{way}-token") >= FIFTH.safety


def test_the_outages_were_felt(run: Run) -> None:
    spared = run.readers.least(f"{STEADY}-token")

    for way in WAYS:
        assert run.readers.least(f"{way}-token") < spared - FIFTH.outage / 2, way


def test_every_call_with_a_mounted_token_is_answered(run: Run) -> None:
    assert run.answers.keys() == {200}
    assert run.answers[200] > 500


def test_two_keys_of_one_read_are_never_of_two_versions(run: Run) -> None:
    assert run.readers.mixed == 0


def test_the_kubelet_takes_its_time_and_no_more_than_the_setting_says(run: Run) -> None:
    assert quantile(run.delays, 0.5) > 2
    assert run.delays[-1] <= FIFTH.propagation
