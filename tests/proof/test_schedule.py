"""The domain's policies on any token life, with any restart, clock step, failure and edit.

A state machine draws what happens; the properties hold after every decision.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from redox_operator.domain.refresh import (
    INPUT_INTERVAL,
    MIN_INTERVAL,
    Margins,
    jitter,
    refresh_start,
)
from tests.proof.profiles import drawn
from tests.proof.schedule import Schedule, no_cluster, rejected, unavailable
from tests.support import builders

LONGEST_WAIT = 330.0


class ScheduleMachine(RuleBasedStateMachine):
    """One credential over days."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule()

    @rule(lives=st.floats(0.01, 12))
    def lives_pass(self, lives: float) -> None:
        self.schedule.advance(lives * self.schedule.lifetime)

    @rule(seconds=st.floats(0.1, 400))
    def seconds_pass(self, seconds: float) -> None:
        self.schedule.advance(seconds)

    @rule(days=st.integers(1, 40))
    @precondition(lambda self: self.schedule.lifetime >= 3600 and self.schedule.is_well)
    def days_pass(self, days: int) -> None:
        self.schedule.advance(86400.0 * days)

    @rule(fraction=st.floats(0, 1, exclude_max=True))
    def pauses_are_drawn(self, fraction: float) -> None:
        self.schedule.fraction = fraction

    @rule(seconds=st.sampled_from((154, 170, 200, 300, 300, 300, 900, 3600, 86400)))
    def tokens_live(self, seconds: int) -> None:
        self.schedule.lifetime = float(seconds)

    @rule(life=st.sampled_from((1, 5, 29, 60, 152)), seconds=st.floats(1, 300))
    def tokens_live_too_short_for_a_while(self, life: int, seconds: float) -> None:
        schedule = self.schedule
        before, schedule.lifetime = schedule.lifetime, float(life)
        schedule.premise.leave("lifetime")
        schedule.advance(seconds)
        schedule.premise.come_back("lifetime", after=LONGEST_WAIT)
        schedule.lifetime = before

    @rule()
    def the_endpoint_goes(self) -> None:
        self.schedule.premise.begin("endpoint")
        self.schedule.endpoint_error = unavailable()

    @rule(seconds=st.floats(1, 900))
    def the_endpoint_rejects_for_a_while(self, seconds: float) -> None:
        self.schedule.premise.leave("rejected")
        self.schedule.endpoint_error = rejected()
        self.schedule.advance(seconds)
        self.all_is_back()

    @rule()
    def the_cluster_goes(self) -> None:
        self.schedule.premise.begin("cluster")
        self.schedule.cluster_error = no_cluster()

    @rule()
    def all_is_back(self) -> None:
        schedule = self.schedule
        schedule.endpoint_error = schedule.cluster_error = None
        schedule.premise.end("endpoint")
        schedule.premise.end("cluster")
        schedule.premise.come_back("rejected", after=LONGEST_WAIT)

    @rule(seconds=st.floats(20, 62), of_cluster=st.booleans(), after=st.floats(0, 150))
    def something_is_away_for_a_minute(
        self, seconds: float, of_cluster: bool, after: float
    ) -> None:
        self.all_is_back()
        self.schedule.advance(after)
        if of_cluster:
            self.the_cluster_goes()
        else:
            self.the_endpoint_goes()
        self.schedule.advance(seconds)
        self.all_is_back()

    @rule(away=st.floats(0, 100))
    def the_process_restarts(self, away: float) -> None:
        schedule = self.schedule
        schedule.premise.begin("process")
        schedule.running = False
        schedule.advance(away)
        schedule.premise.end("process")
        if schedule.clocks.step:
            schedule.premise.excuse()
        schedule.restart()

    @rule(step=st.floats(-295, 295))
    def the_clock_is_set(self, step: float) -> None:
        schedule = self.schedule
        schedule.premise.excuse()
        schedule.disturbed.append(schedule.clocks.boot)
        schedule.clocks.step = step

    @rule(step=st.floats(-600, 600), seconds=st.floats(1, 900))
    def the_clock_is_far_off_for_a_while(self, step: float, seconds: float) -> None:
        self.schedule.premise.leave("clock")
        self.the_clock_is_set(step)
        self.schedule.advance(seconds)
        self.schedule.premise.come_back("clock", after=LONGEST_WAIT)
        self.the_clock_is_set(0.0)

    @rule()
    def the_clock_is_right(self) -> None:
        self.the_clock_is_set(0.0)

    @rule()
    def the_input_changes(self) -> None:
        self.schedule.input += 1

    @rule(seconds=st.floats(1, 900))
    def it_is_suspended_for_a_while(self, seconds: float) -> None:
        schedule = self.schedule
        schedule.premise.leave("suspended")
        schedule.credential = builders.credential(suspend=True)
        before = len(schedule.sent), schedule.target
        schedule.advance(seconds)
        assert (len(schedule.sent), schedule.target) == before
        schedule.premise.come_back("suspended")
        schedule.credential = builders.credential()

    @rule()
    def the_target_is_deleted(self) -> None:
        self.schedule.target = None

    @rule()
    def the_target_is_edited(self) -> None:
        if self.schedule.target is not None:
            self.schedule.target = replace(self.schedule.target, intact=False)

    @invariant()
    def nothing_forbidden_happened(self) -> None:
        assert not self.schedule.violations, "\n".join(self.schedule.violations)

    def teardown(self) -> None:
        """Nothing was requested that was not due."""
        good = [each for each in self.schedule.sent if each.lifetime]
        for before, after in pairwise(good):
            if any(before.at <= each <= after.at for each in self.schedule.disturbed):
                continue
            if not after.decision.input_changed:
                assert after.at - before.at >= earliest(before.lifetime) - 1.5
        changes = [each.at for each in good if each.decision.input_changed]
        for earlier, later in pairwise(changes):
            if not any(earlier <= each <= later for each in self.schedule.disturbed):
                assert later - earlier >= INPUT_INTERVAL - 1e-3


def earliest(lifetime: float) -> float:
    """Seconds from the issue of a token until the next that time alone brings."""
    start = refresh_start(lifetime, Margins())
    return max(MIN_INTERVAL, start - jitter(lifetime, start, builders.UID))


TestSchedule = ScheduleMachine.TestCase
TestSchedule.settings = drawn(40, stateful_step_count=40)


def test_a_thousand_days_ask_for_no_more_than_is_due() -> None:
    """The cadence alone: one request for each life that passes, at its refresh time."""
    for lifetime, days in ((300.0, 2), (3600.0, 50), (86400.0, 1000)):
        schedule = Schedule()
        schedule.lifetime = lifetime
        schedule.advance(days * 86400.0)
        due = days * 86400.0 / earliest(lifetime)
        assert abs(len(schedule.sent) - due) <= 1 + due / earliest(lifetime)
        assert schedule.violations == []
