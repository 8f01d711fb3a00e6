"""The account of commits, partition by partition."""

from confluent_kafka import KafkaError
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.kafka.member.commits import CommitLedger
from scoreline.records import TopicPartition
from tests.contracts.worlds import Recorder

FIRST = TopicPartition("features", 0)


def answer_of(offset):
    return [ClientPartition("features", 0, offset)]


def test_a_refused_offset_is_forgotten_once_a_later_one_is_committed():
    """Offered again, it would move the group backwards."""
    ledger = CommitLedger(Recorder())
    ledger.refuse({FIRST: 1}, "REBALANCE_IN_PROGRESS")
    ledger.settle(None, answer_of(2))
    assert ledger.take_refused() == {}


def test_an_answer_ends_the_flight_whatever_it_says():
    ledger = CommitLedger(Recorder())
    ledger.send()
    ledger.answer(KafkaError(KafkaError.ILLEGAL_GENERATION), answer_of(3))
    assert ledger.in_flight == 0
    assert ledger.take_refused() == {FIRST: 3}


def test_the_observer_learns_of_each_outcome():
    recorder = Recorder()
    ledger = CommitLedger(recorder)
    ledger.settle(None, answer_of(4))
    ledger.settle(KafkaError(KafkaError.UNKNOWN_MEMBER_ID), answer_of(5))
    assert recorder.commits == [({FIRST: 4}, None), ({FIRST: 5}, "UNKNOWN_MEMBER_ID")]
