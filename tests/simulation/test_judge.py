"""What the judge of a simulation calls wrong."""

import pytest

from scoreline.records import TopicPartition
from scoreline.testing.simulation.judge import INPUT, LETTERS, OUTPUT, Judge, WatchedBroker
from scoreline.transport.memory import GroupProtocol, Outcome, Transaction

FIRST = TopicPartition(INPUT, 0)


class Scene:
    """Three records that went in, and whatever a test lets come out."""

    def __init__(self, *, exactly_once=True):
        self.found = []
        self.broker = WatchedBroker(protocol=GroupProtocol.EAGER, on_request=lambda _: None, wait=lambda _: None)
        for topic in (INPUT, OUTPUT, LETTERS):
            self.broker.create_topic(topic, 2)
        self.judge = Judge(self.broker, "group", exactly_once=exactly_once, fail=self.found.append)
        for value in (b"good1", b"bad2", b"good3"):
            self.broker.append(INPUT, value)

    def come_out(self, *values, transaction=None, partition=0):
        for value in values:
            topic = OUTPUT if value.startswith(b"good") else LETTERS
            self.broker.append(topic, value, partition=partition, transaction=transaction)

    def commit(self, next_offset):
        self.judge.look_at_commit({FIRST: next_offset})
        self.broker.group("group").committed[FIRST] = next_offset

    def end(self):
        self.broker.group("group").committed[TopicPartition(INPUT, 1)] = 0
        self.judge.look_at_end()
        return self.found


@pytest.fixture
def scene():
    return Scene()


def test_everything_once_and_in_order_is_right(scene):
    scene.come_out(b"good1", b"bad2", b"good3")
    scene.commit(3)
    assert scene.end() == []


def test_a_commit_beyond_what_is_out(scene):
    scene.come_out(b"good1")
    scene.commit(1)
    assert scene.found == []
    scene.commit(2)
    assert "b'bad2' at 1 lost" in scene.found[0]


def test_a_commit_before_the_transaction_of_the_output_is(scene):
    transaction = Transaction()
    scene.come_out(b"good1", transaction=transaction)
    scene.commit(1)
    assert "b'good1' at 0 lost" in scene.found[0]


def test_an_output_that_was_aborted(scene):
    transaction = Transaction()
    scene.come_out(b"good1", b"bad2", b"good3", transaction=transaction)
    transaction.end(Outcome.ABORTED)
    assert scene.end()[0].startswith("lost: ")


def test_a_commit_that_goes_back(scene):
    scene.come_out(b"good1", b"bad2")
    scene.commit(2)
    scene.commit(1)
    assert "went back from 2 to 1" in scene.found[0]


def test_a_commit_beyond_the_last_stable_offset(scene):
    scene.come_out(b"good1", b"bad2", b"good3")
    scene.broker.append(INPUT, b"good4", transaction=Transaction())
    scene.commit(4)
    assert "beyond what a reader can have read" in scene.found[0]


def test_a_double_where_that_is_promised_away():
    for exactly_once in (True, False):
        scene = Scene(exactly_once=exactly_once)
        scene.come_out(b"good1", b"bad2", b"good1", b"good3")
        scene.commit(3)
        assert bool(scene.end()) is exactly_once


def test_a_wrong_order(scene):
    scene.come_out(b"good3", b"bad2", b"good1")
    scene.commit(3)
    assert scene.end() == [f"out of order in {OUTPUT}[0]: [2, 0]"]


def test_a_record_in_another_partition_or_topic(scene):
    scene.come_out(b"bad2", b"good3")
    scene.come_out(b"good1", partition=1)
    scene.commit(3)
    assert scene.end() == [f"[b'good1'] lie in {OUTPUT}[1]"]


def test_an_output_of_an_input_that_was_aborted(scene):
    transaction = Transaction()
    scene.broker.append(INPUT, b"good4", transaction=transaction)
    transaction.end(Outcome.ABORTED)
    scene.come_out(b"good1", b"bad2", b"good3", b"good4")
    scene.commit(5)
    assert scene.end()[0] == "came out and should not: [b'good4']"


def test_a_position_that_was_not_committed_to_the_end(scene):
    scene.come_out(b"good1", b"bad2", b"good3")
    scene.commit(2)
    assert scene.end()[0].startswith("the position was not committed to the end")
