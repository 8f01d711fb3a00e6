"""The thread that judges: woken, ticking, and never dead in silence."""

import threading

from scoreline.observability.drift.thread import DriftThread


def test_it_turns_when_it_is_woken_and_ends_when_it_is_closed():
    woken, turned = threading.Event(), threading.Event()
    thread = DriftThread(turned.set, lambda: "all is well", woken, tick_seconds=600)
    thread.start()
    woken.set()

    assert turned.wait(5)
    health = thread.check()
    assert (health.name, health.role, health.ready, health.alive, health.detail) == (
        "drift",
        None,
        True,
        True,
        "all is well",
    )
    thread.close(5)
    assert not any(each.name == "drift" for each in threading.enumerate())


def test_it_turns_by_itself():
    twice = threading.Semaphore(0)
    thread = DriftThread(twice.release, str, threading.Event(), tick_seconds=0.001, rest_seconds=0.0)
    thread.start()

    assert twice.acquire(timeout=5)
    assert twice.acquire(timeout=5)
    thread.close(5)


def test_a_defect_is_told_by_health_and_by_the_log(caplog):
    def turn():
        raise ZeroDivisionError

    thread = DriftThread(turn, str, threading.Event(), tick_seconds=0.001, rest_seconds=0.0)
    thread.start()
    thread._thread.join(5)

    health = thread.check()
    assert (health.ready, health.alive, health.advisory) == (False, False, True)
    assert "ZeroDivisionError" in health.detail
    assert [record.event for record in caplog.records] == ["drift_crashed"]


def test_one_that_never_began_closes_at_once():
    DriftThread(lambda: None, str, threading.Event()).close(5)


def test_between_two_turns_it_rests_unless_it_is_to_end():
    woken, turned = threading.Event(), threading.Semaphore(0)
    thread = DriftThread(turned.release, str, woken, tick_seconds=0.001, rest_seconds=600)
    thread.start()
    assert turned.acquire(timeout=5)
    woken.set()

    thread.close(5)
    assert not turned.acquire(blocking=False)
    assert thread.check().alive
