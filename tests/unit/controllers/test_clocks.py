from __future__ import annotations

from collections.abc import Callable

import pytest

from redox_operator.domain.credential import Key
from tests.support.fake_token_endpoint import rejected
from tests.support.simulation import Simulation

BURST, RATE = 60, 12


def watch(sim: Simulation, seconds: int, check: Callable[[], None] = lambda: None) -> None:
    """Let time pass, and look each second whether the stored token is alive at the endpoint."""
    for _ in range(seconds):
        sim.advance(1)
        assert sim.redox.is_live(str(sim.token()))
        check()


@pytest.mark.parametrize("off", [-250, -30, 30, 250])
def test_a_clock_that_is_off_is_corrected_by_the_first_answer(sim: Simulation, off: float) -> None:
    sim.clock.step = off
    sim.create()
    sim.until(lambda: sim.ready() == "True", within=2)
    assert sim.expiry() == pytest.approx(sim.redox.dies_at[str(sim.token())], abs=3)
    watch(sim, 600)
    assert 5 <= len(sim.requests) <= 8
    assert sim.requests[-1].issued_at == pytest.approx(
        sim.redox.requests[-1].at + sim.clock.true_time - sim.now - 30, abs=3
    )


def test_a_clock_that_is_off_by_less_than_two_seconds_is_not_corrected(sim: Simulation) -> None:
    sim.clock.step = 1.0
    sim.create()
    sim.advance(10)
    (queue, *_) = sim.operator._endpoints
    assert queue.correction.seconds(sim.clock.read()) == 0


def test_a_rejection_tells_the_time_as_well(sim: Simulation) -> None:
    sim.clock.step = 200
    sim.create()
    sim.advance(0.5)
    assert len(sim.requests) == 1
    assert sim.ready() == "False"
    sim.until(lambda: sim.ready() == "True", within=1.5)


def test_a_slow_answer_is_no_clock_that_is_off(sim: Simulation) -> None:
    sim.redox.delay = 8
    sim.create()
    sim.until(lambda: sim.token() is not None, within=10)
    assert sim.expiry() <= sim.redox.dies_at["token-1"] + 6
    watch(sim, 400)


@pytest.mark.parametrize("step", [-600, -200, -20, 20, 150, 250, 600, 3000])
def test_a_clock_that_is_set_while_a_token_is_held_makes_no_reader_stale(
    sim: Simulation, ehr: Key, step: float
) -> None:
    sim.advance(40)
    expiry = sim.expiry()
    sim.clock.step = step

    def never_back() -> None:
        nonlocal expiry
        assert sim.expiry() >= expiry
        expiry = sim.expiry()

    watch(sim, 900, never_back)
    assert 8 <= len(sim.requests) <= 12


@pytest.mark.parametrize("step", [-600, -200, 150, 200, 600])
def test_a_clock_that_is_set_and_set_right_again_makes_no_reader_stale(
    sim: Simulation, ehr: Key, step: float
) -> None:
    sim.advance(40)
    sim.clock.step = step
    watch(sim, 20)
    sim.clock.step = 0
    watch(sim, 900)
    assert sim.ready() == "True"
    assert len(sim.requests) <= 13
    assert sim.expiry() == pytest.approx(sim.redox.dies_at[str(sim.token())], abs=3)


def test_a_clock_set_forward_by_ten_minutes_is_told_by_the_first_answer(
    sim: Simulation, ehr: Key
) -> None:
    sim.clock.step = 600
    # The machine may have slept, so that the token may have expired; the refusal tells the time.
    sim.until(lambda: len(sim.requests) == 2, within=2)
    sim.until(lambda: sim.ready() == "True", within=2)
    sim.advance(30)
    assert len(sim.requests) == 2
    sim.clock.step = 0
    watch(sim, 300)


def test_a_clock_that_is_off_by_an_hour_from_the_start_is_not_corrected(sim: Simulation) -> None:
    sim.clock.step = 3000
    sim.create()
    sim.advance(100)
    assert sim.healthy() == ("False", "ClientRejected")


@pytest.mark.parametrize("step", [-600, 150, 600])
def test_a_clock_that_is_set_brings_no_herd(sim: Simulation, step: float) -> None:
    for number in range(150):
        sim.create(f"c{number}")
    sim.advance(60)
    begun = sim.now
    sim.clock.step = step
    for seconds in (1, 5, 15):
        sim.advance(begun + seconds - sim.now)
        assert len(sim.redox.between(begun)) <= BURST + RATE * seconds


def test_a_clock_set_forward_within_the_correction_spends_few_requests(sim: Simulation) -> None:
    for number in range(100):
        sim.create(f"c{number}")
    sim.advance(30)
    begun = sim.now
    sim.clock.step = 280
    sim.advance(30)
    # The first answers tell that nothing has expired; who waits for a turn then needs none.
    assert len(sim.redox.between(begun)) <= 40
    assert all(sim.ready(Key("clinic", f"c{number}")) == "True" for number in range(100))


@pytest.mark.parametrize("step", [-600, 600])
def test_a_clock_that_is_set_delays_no_retry(sim: Simulation, step: float) -> None:
    sim.create(key=None)
    sim.advance(25)
    sim.clock.step = step
    sim.redox.checks_times = False
    sim.write_key("k1")
    sim.until(lambda: sim.token() is not None, within=11)


@pytest.mark.parametrize("step", [-600, 600])
def test_a_clock_that_is_set_delays_no_refresh_that_was_asked_for(
    sim: Simulation, ehr: Key, step: float
) -> None:
    sim.redox.checks_times = False
    sim.clock.step = step
    sim.advance(60)
    count = len(sim.requests)
    sim.ask_for_refresh("now")
    sim.until(lambda: len(sim.requests) > count, within=31)


def test_a_correction_that_is_learnt_moves_the_due_times_of_all_credentials(
    sim: Simulation,
) -> None:
    for name in ("a", "b"):
        sim.create(name)
        sim.advance(20)
    sim.kill()
    sim.clock.step = -100
    sim.start()
    sim.advance(20)
    # Each is due at an age of 93 s or more; by this clock, that would be 100 s late.
    sim.create("teacher")
    sim.advance(90)
    assert sim.clock.true_time < min(sim.redox.dies_at[token] for token in ("token-1", "token-2"))
    for name in ("a", "b"):
        assert sim.token(Key("clinic", name)) not in ("token-1", "token-2")


def test_an_endpoint_that_tells_no_time_is_served_by_the_wall_clock(sim: Simulation) -> None:
    sim.redox.tells_date = False
    sim.clock.step = 20
    sim.create()
    sim.advance(300)
    assert sim.ready() == "True"
    assert sim.expiry() == pytest.approx(sim.redox.dies_at[str(sim.token())] + 20, abs=1)


def test_a_suspended_machine_refreshes_on_waking(sim: Simulation, ehr: Key) -> None:
    sim.advance(20)
    # The boot clock counts while timers do not; the wall clock is right on waking.
    sim.clock.suspended += 3600
    sim.until(lambda: sim.token() == "token-2", within=11)
    sim.until(lambda: sim.ready() == "True", within=1)


def test_a_process_that_stood_still_refreshes_on_waking(sim: Simulation, ehr: Key) -> None:
    sim.advance(20)
    sim.loop.jump(200)
    sim.until(lambda: sim.token() == "token-2", within=2)


def test_a_clock_that_is_right_again_ends_the_rejections_it_caused(
    sim: Simulation, ehr: Key
) -> None:
    sim.kill()
    sim.clock.step = 3000
    sim.start()
    sim.advance(300)
    assert sim.healthy() == ("False", "ClientRejected")
    sim.clock.step = 0
    sim.until(lambda: sim.healthy() == ("True", "TokenIssued"), within=3)
    watch(sim, 300)


def test_dates_of_other_answers_than_the_endpoints_own_are_not_believed(sim: Simulation) -> None:
    sim.redox.refuse = rejected
    sim.create()
    sim.advance(3)

    def forbidden(_: object) -> object:
        error = rejected()
        error.status = 403
        return error

    sim.redox.refuse = forbidden  # type: ignore[assignment]
    sim.clock.step = 100
    sim.advance(300)
    (queue, *_) = sim.operator._endpoints
    assert queue.correction.seconds(sim.clock.read()) == 0
