"""What the in-memory broker plays beyond the contract that it shares with Kafka."""

import threading

import pytest

from scoreline.errors import FatalClientError, StopOverdue
from scoreline.records import Outputs, TopicPartition
from scoreline.transport.memory import GroupProtocol, MemoryBroker, MemorySource, MemoryTransactions
from scoreline.transport.record import StoredRecord
from tests.contracts.worlds import MANY_BYTES, Recorder


def open_member(broker, name):
    recorder = Recorder()
    source = MemorySource(broker, "group", ["topic"], member=name, observer=recorder)
    source.add_listener(recorder)
    return source, recorder


def poll(source):
    return source.poll(100, MANY_BYTES, 0.0)


def test_an_expired_member_learns_of_its_loss_in_its_next_poll_and_joins_again():
    broker = MemoryBroker()
    broker.create_topic("topic", 2)
    broker.append("topic", b"v")
    source, recorder = open_member(broker, "a")
    poll(source)
    broker.group("group").expire("a")
    source.commit({TopicPartition("topic", 0): 1}, wait=True)
    assert recorder.commits[-1][1] == "UNKNOWN_MEMBER_ID"
    assert [r.value() for r in poll(source)] == [b"v"]
    assert [event for event, _ in recorder.events] == ["assigned", "lost", "assigned"]


def test_a_refused_offset_is_forgotten_once_a_later_one_is_committed():
    broker = MemoryBroker()
    broker.create_topic("topic")
    source, _ = open_member(broker, "a")
    poll(source)
    broker.group("group").refusals.append("REBALANCE_IN_PROGRESS")
    source.commit({TopicPartition("topic", 0): 1}, wait=True)
    source.commit({TopicPartition("topic", 0): 2}, wait=True)
    assert source.take_refused() == {}


def test_an_eager_rebalance_shares_out_nothing_before_every_member_has_given_up_all():
    broker = MemoryBroker(protocol=GroupProtocol.EAGER)
    broker.create_topic("topic", 2)
    first, recorder = open_member(broker, "a")
    poll(first)
    second, _ = open_member(broker, "b")
    poll(second)
    assert not second.assignment()
    poll(first)
    assert recorder.events[-1][0] == "revoked" or first.assignment()
    poll(second)
    poll(first)
    assert first.assignment() == {TopicPartition("topic", 0)}
    assert second.assignment() == {TopicPartition("topic", 1)}


def test_a_rewind_brings_records_again_whose_partition_came_back_in_the_poll_that_gave_them():
    broker = MemoryBroker(protocol=GroupProtocol.EAGER)
    broker.create_topic("topic", 2)
    broker.append("topic", b"v")
    first, recorder = open_member(broker, "a")
    poll(first)
    second, _ = open_member(broker, "b")
    poll(second)
    assert [r.value() for r in poll(first)] == [b"v"]
    assert [event for event, _ in recorder.events] == ["assigned", "revoked", "assigned"]
    first.rewind({TopicPartition("topic", 0): 0})
    assert [r.value() for r in poll(first)] == [b"v"]


def test_a_cooperative_rebalance_takes_away_only_what_moves():
    broker = MemoryBroker(protocol=GroupProtocol.COOPERATIVE)
    broker.create_topic("topic", 4)
    first, recorder = open_member(broker, "a")
    poll(first)
    second, _ = open_member(broker, "b")
    poll(first)
    poll(second)
    assert recorder.events[1] == ("revoked", second.assignment())
    assert len(first.assignment()) == len(second.assignment()) == 2


def test_a_partition_never_has_two_owners():
    broker = MemoryBroker()
    broker.create_topic("topic", 3)
    members = [open_member(broker, name)[0] for name in "abc"]
    for round_ in range(12):
        source = members[round_ % 3]
        poll(source)
        owned = [p for m in members for p in m.assignment()]
        assert len(owned) == len(set(owned))
    assert all(len(m.assignment()) == 1 for m in members)


def test_partitions_take_turns_when_there_is_more_than_fits():
    broker = MemoryBroker()
    broker.create_topic("topic", 2)
    for partition in range(2):
        for _ in range(10):
            broker.append("topic", b"v", partition=partition)
    source, _ = open_member(broker, "a")
    taken = [r.partition() for _ in range(4) for r in source.poll(2, MANY_BYTES, 0.0)]
    assert taken == [0, 0, 1, 1, 0, 0, 1, 1]


def test_a_broker_that_blocks_wakes_a_poll_with_the_next_record():
    broker = MemoryBroker(blocking=True)
    broker.create_topic("topic")
    source, _ = open_member(broker, "a")
    poll(source)
    writer = threading.Timer(0.01, broker.append, ("topic", b"late"))
    writer.start()
    assert [r.value() for r in source.poll(1, MANY_BYTES, 30.0)] == [b"late"]
    writer.join()


def test_what_took_part_in_a_transaction_learns_of_its_end_one_after_the_other():
    """Decided is not told: offsets wait, readers wait, and so does the producer's next transaction."""
    broker = MemoryBroker()
    for topic in ("topic", "out", "letters"):
        broker.create_topic(topic)
    broker.append("topic", b"v")
    source, _ = open_member(broker, "a")
    records = poll(source)
    publisher = MemoryTransactions(broker, broker.group("group"), "id", output_topic="out", dead_letter_topic="letters")
    publisher.start(lambda: True)
    broker.transactions.hold_markers = True

    def begin():
        publisher.begin()
        publisher.publish(Outputs(records, [b"out"], "model", 1), [], lambda: True)

    begin()
    assert publisher.send_offsets({TopicPartition("topic", 0): 1}, source.group_metadata(), 0.0)
    assert publisher.flush(0.0)
    assert publisher.commit(0.0)
    begin()
    assert not publisher.flush(0.0)
    assert broker.transactions.write_marker()
    assert (broker.group("group").committed, broker.read("out")) == ({TopicPartition("topic", 0): 1}, [])
    assert broker.transactions.write_marker()
    assert [r.value() for r in broker.read("out")] == [b"out"]
    assert not broker.transactions.write_marker()
    assert publisher.flush(0.0)


def test_a_take_over_fences_at_once_although_it_waits_for_what_it_has_aborted():
    broker = MemoryBroker()
    for topic in ("out", "letters"):
        broker.create_topic(topic)
    topics = {"output_topic": "out", "dead_letter_topic": "letters"}
    first, second = (MemoryTransactions(broker, broker.group("group"), "id", **topics) for _ in range(2))
    first.start(lambda: True)
    first.begin()
    first.publish(Outputs([StoredRecord()], [b"out"], "model", 1), [], lambda: True)
    assert first.flush(0.0)
    broker.transactions.hold_markers = True
    with pytest.raises(StopOverdue):
        second.start(lambda: False)
    with pytest.raises(FatalClientError, match="PRODUCER_FENCED"):
        first.commit(0.0)
    assert broker.transactions.write_marker()
    second.start(lambda: False)
