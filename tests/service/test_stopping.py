"""The one deadline of a stop, and a stop before there is anything to end."""

import signal

import pytest

from scoreline.service.stopping import EarlyStop, Stop


class FakeClock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_before_a_request_nothing_is_overdue_and_the_whole_deadline_is_left():
    clock = FakeClock()
    stop = Stop(25.0, clock)
    clock.now += 1000
    assert not stop.is_set()
    assert not stop.is_overdue()
    assert stop.left_seconds() == 25.0


def test_the_deadline_runs_from_the_first_request():
    clock = FakeClock()
    stop = Stop(25.0, clock)
    stop.request()
    clock.now += 10
    stop.request()
    assert stop.left_seconds() == 15.0


def test_unfinished_work_is_overdue_while_there_is_still_time_to_leave_the_group():
    clock = FakeClock()
    stop = Stop(25.0, clock)
    stop.request()
    clock.now += 15.9
    assert not stop.is_overdue()
    clock.now += 0.2
    assert stop.is_overdue()
    assert stop.left_seconds() > 3 * stop.answer_seconds + stop.sidecar_seconds


def test_what_is_left_is_never_negative():
    clock = FakeClock()
    stop = Stop(2.0, clock)
    stop.request()
    clock.now += 60
    assert stop.left_seconds() == 0.0
    assert stop.is_overdue()


def test_waiting_ends_with_the_request():
    stop = Stop(1.0, FakeClock())
    assert stop.wait(0) is False
    stop.request()
    assert stop.wait(0) is True


def test_a_stop_before_the_start_is_complete_leaves_at_once_and_is_remembered_where_that_is_caught():
    early = EarlyStop()
    assert not early.requested
    with pytest.raises(SystemExit) as left:
        early(signal.SIGTERM, None)
    assert left.value.code == 0
    assert early.requested
