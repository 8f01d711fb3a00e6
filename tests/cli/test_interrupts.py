"""Ctrl-C, noted first and raised later."""

import signal
from contextlib import closing

import pytest

from scoreline.cli.interrupts import noting_interrupts
from scoreline.kafka.reader import open_reader
from scoreline.kafka.watch import ClientWatch
from scoreline.testing.consume import produce_records
from scoreline.transport.record import StoredRecord


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


@pytest.mark.slow
def test_one_that_strikes_inside_the_clients_call_is_no_failure_of_the_client(mock_kafka, monkeypatch):
    """The client asks its callbacks from within `consume`; what is raised there came out as a SystemError."""
    monkeypatch.setattr(ClientWatch, "note", lambda *_: signal.raise_signal(signal.SIGINT))
    bootstrap = mock_kafka.bootstrap_servers
    produce_records(bootstrap, "features", [StoredRecord(value_=b"1")])
    reader = open_reader({"bootstrap.servers": bootstrap}, "features", from_beginning=True)
    mock_kafka.close()

    def read_on():
        with noting_interrupts() as interrupted, closing(reader):
            while not interrupted.is_set():
                reader.read(10, 0.1)

    with pytest.raises(KeyboardInterrupt):
        read_on()
