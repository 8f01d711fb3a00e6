"""Ctrl-C, noted first and raised later, and SIGTERM, only noted."""

import signal

import pytest

from scoreline.cli.interrupts import noting_interrupts, noting_terminations


@pytest.fixture(autouse=True)
def usual_handler():
    """Python's own, whatever ran in this process before."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_noted_and_raised_at_the_end():
    reached = []

    def interrupt():
        with noting_interrupts() as interrupted:
            signal.raise_signal(signal.SIGINT)
            reached.append(interrupted.is_set())

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert reached == [True]


def test_a_second_one_acts_at_once():
    reached = []

    def interrupt_twice():
        with noting_interrupts():
            signal.raise_signal(signal.SIGINT)
            reached.append("first")
            signal.raise_signal(signal.SIGINT)
            reached.append("second")

    with pytest.raises(KeyboardInterrupt):
        interrupt_twice()
    assert reached == ["first"]


def test_without_one_everything_is_as_before():
    before = signal.getsignal(signal.SIGINT)
    with noting_interrupts() as interrupted:
        assert signal.getsignal(signal.SIGINT) is not before
    assert not interrupted.is_set()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_termination_is_noted_and_nothing_is_raised():
    before = signal.getsignal(signal.SIGTERM)
    with noting_terminations() as asked:
        assert not asked.is_set()
        signal.raise_signal(signal.SIGTERM)
        assert asked.is_set()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_termination_is_for_whoever_was_there_before():
    seen = []
    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    try:
        with noting_terminations():
            signal.raise_signal(signal.SIGTERM)
            assert seen == []
            signal.raise_signal(signal.SIGTERM)
        assert seen == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
