"""Records spread over time."""

import pytest

from scoreline.transport.pacing import Pacer


class FakeClock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_without_a_rate_everything_passes_at_once():
    pacer = Pacer(None, FakeClock())
    pacer.take(10_000)

    assert pacer.allow(2048) == 2048
    assert pacer.wait_seconds() == 0.0


@pytest.mark.parametrize("per_second", [0.5, 3, 1000, 50_000])
def test_over_a_long_time_the_rate_is_kept_however_long_the_turns_take(per_second):
    clock = FakeClock()
    pacer = Pacer(per_second, clock)
    began, passed = clock.now, 0
    while clock.now - began < 400:
        allowed = pacer.allow(100_000)
        pacer.take(allowed)
        passed += allowed
        clock.now += 0.3 if allowed else pacer.wait_seconds()

    assert passed == pytest.approx(per_second * (clock.now - began), rel=0.02, abs=1)


def test_nothing_passes_before_it_is_due_and_the_wait_is_as_long_as_that_takes():
    clock = FakeClock()
    pacer = Pacer(2.0, clock)

    assert pacer.allow(10) == 0
    assert pacer.wait_seconds() == pytest.approx(0.5)
    clock.now += 0.5
    assert pacer.allow(10) == 1


def test_a_fast_rate_comes_in_small_steps():
    clock = FakeClock()
    pacer = Pacer(1000.0, clock)

    clock.now += pacer.wait_seconds()

    assert pacer.allow(10_000) == pytest.approx(20, abs=1)


def test_a_stall_is_made_up_for_by_a_second_at_the_most():
    clock = FakeClock()
    pacer = Pacer(100.0, clock)
    clock.now += 3600

    assert pacer.allow(100_000) == 100
