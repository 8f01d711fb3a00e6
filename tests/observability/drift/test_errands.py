"""What takes seconds, beside the thread that judges."""

import threading

import pytest

from scoreline.observability.drift.errands import Errands


def test_one_is_under_way_at_a_time_and_the_next_may_start_once_it_is_over():
    woken, may_end = threading.Event(), threading.Event()
    errands = Errands(woken.set)
    first = errands.start(lambda: may_end.wait(5))

    assert errands.start(int) is None
    may_end.set()
    assert first.result(5)
    assert woken.wait(5)
    assert errands.start(lambda: 7).result(5) == 7


def test_what_is_raised_is_raised_again_by_whoever_asks():
    woken = threading.Event()
    failed = Errands(woken.set).start(lambda: 1 // 0)

    assert woken.wait(5)
    with pytest.raises(ZeroDivisionError):
        failed.result(0)
