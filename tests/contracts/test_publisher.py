"""What every publisher has to do, whatever it publishes to."""

import secrets
import time

import pytest

from scoreline.dead_letters import REASON_HEADER, SOURCE_OFFSET_HEADER
from scoreline.errors import DeliveryError
from scoreline.records import DeadLetter, Outputs, Reason, TopicPartition, find_last_records, find_next_offsets
from scoreline.transport.at_least_once import AtLeastOnce
from scoreline.transport.patience import Patience
from scoreline.transport.record import StoredRecord
from tests.contracts.worlds import PATIENCE_SECONDS, poll_until

# How a group shares its partitions is nothing to a publisher: one world of each kind is enough.
pytestmark = pytest.mark.parametrize(
    "world", ["memory-cooperative", pytest.param("kafka-classic", marks=pytest.mark.kafka)], indirect=True
)


def make_records(count, partitions=1, **fields):
    return [
        StoredRecord("features", n % partitions, n // partitions, b"k%d" % n, b"in-%d" % n, **fields)
        for n in range(count)
    ]


def answers(records):
    return Outputs(records, [b"out-" + r.key() for r in records], "model", 3)


def flush(publisher):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not publisher.flush(0.5):
        assert time.monotonic() < deadline
    return True


def patient():
    return True


@pytest.fixture
def topics(world):
    return world.make_topic(partitions=2), world.make_topic(partitions=3)


def test_outputs_keep_order_key_and_the_source_partition_modulo_theirs(world, topics):
    outputs, _ = topics
    records = make_records(120, partitions=4)
    publisher = world.open_publisher(*topics)
    publisher.publish(answers(records), [], patient)
    assert flush(publisher)
    stored = world.read(outputs, at_least=120)
    for partition in range(2):
        expected = [(r.key(), b"out-" + r.key()) for r in records if r.partition() % 2 == partition]
        assert [(r.key(), r.value()) for r in stored if r.partition() == partition] == expected


def test_headers_of_the_caller_are_carried_and_ours_are_not(world, topics):
    record = StoredRecord(headers_=[("trace", b"1"), ("scoreline-pin-version", b"2"), ("trace", None)])
    publisher = world.open_publisher(*topics)
    publisher.publish(Outputs([record, StoredRecord()], [b"a", b"b"], "model", 3), [], patient)
    assert flush(publisher)
    carried, bare = world.read(topics[0], at_least=2)
    assert list(carried.headers()) == [("trace", b"1"), ("trace", None)]
    assert bare.headers() is None


def test_output_headers_name_the_model_and_each_prediction_s_version(world, topics):
    records = [StoredRecord(headers_=[("trace", b"1")]), StoredRecord(offset_=1)]
    publisher = world.open_publisher(*topics, output_headers=True)
    publisher.publish(Outputs(records, [b"a", b"b"], "flights", [3, 4]), [], patient)
    assert flush(publisher)
    third, fourth = (list(r.headers()) for r in world.read(topics[0], at_least=2))
    assert third == [("trace", b"1"), ("scoreline-model", b"flights"), ("scoreline-version", b"3")]
    assert fourth == [("scoreline-model", b"flights"), ("scoreline-version", b"4")]


def test_a_dead_letter_is_the_whole_record_with_the_reason(world, topics):
    record = StoredRecord("features", 5, 17, b"key", b"\x00broken", [("trace", b"1")], 1234)
    tombstone = StoredRecord("features", 2, 3, b"gone", None)
    publisher = world.open_publisher(*topics)
    letters = [DeadLetter(record, Reason.UNDECODABLE, "cut"), DeadLetter(tombstone, Reason.TOMBSTONE, "no value")]
    publisher.publish(Outputs([], [], "model", 1), letters, patient)
    assert flush(publisher)
    stored = world.read(topics[1], at_least=2)
    assert [(r.partition(), r.key(), r.value()) for r in stored] == [(2, b"key", b"\x00broken"), (2, b"gone", None)]
    headers = list(stored[0].headers())
    assert headers[0] == ("trace", b"1")
    assert (REASON_HEADER, b"undecodable") in headers
    assert (SOURCE_OFFSET_HEADER, b"17") in headers


def test_a_tombstone_is_forwarded(world, topics):
    publisher = world.open_publisher(*topics)
    publisher.publish(Outputs([StoredRecord(key_=b"gone", value_=None)], [None], "model", 1), [], patient)
    assert flush(publisher)
    assert [(r.key(), r.value()) for r in world.read(topics[0], at_least=1)] == [(b"gone", None)]


def test_what_is_published_has_the_present_as_its_timestamp(world, topics):
    publisher = world.open_publisher(*topics)
    publisher.publish(answers([StoredRecord(key_=b"old", timestamp_ms=1)]), [], patient)
    assert flush(publisher)
    [stored] = world.read(topics[0], at_least=1)
    assert abs(stored.timestamp()[1] - time.time() * 1000) < PATIENCE_SECONDS * 1000


def test_nothing_published_is_acknowledged_at_once(world, topics):
    assert world.open_publisher(*topics).flush(0.0)


def test_a_refused_record_is_told_once_the_rest_is_out(world):
    topics = world.make_topic(max_record_bytes=5000), world.make_topic(max_record_bytes=5000)
    publisher = world.open_publisher(*topics)
    small, large, other = make_records(3)
    publisher.publish(answers([small]), [], patient)
    assert flush(publisher)
    publisher.publish(Outputs([large], [secrets.token_bytes(10_000)], "model", 1), [], patient)
    with pytest.raises(DeliveryError, match="MSG_SIZE_TOO_LARGE"):
        flush(publisher)
    publisher.publish(answers([other]), [], patient)
    assert flush(publisher)
    assert [r.value() for r in world.read(topics[0], at_least=2)] == [b"out-k0", b"out-k2"]


def test_a_full_queue_makes_publishing_wait_and_loses_no_order(world, topics):
    records = make_records(200)
    publisher = world.open_publisher(*topics, capacity=16)
    publisher.publish(answers(records), [DeadLetter(records[0], Reason.TOMBSTONE, "")], patient)
    assert flush(publisher)
    assert [r.key() for r in world.read(topics[0], at_least=200)] == [r.key() for r in records]
    assert len(world.read(topics[1], at_least=1)) == 1


def test_a_queue_that_stays_full_is_left_when_the_caller_says_so(world, topics):
    publisher = world.open_publisher(*topics, capacity=16, answering=False)
    asked = []

    def impatient():
        asked.append(None)
        return len(asked) < 3

    with pytest.raises(DeliveryError, match="full"):
        publisher.publish(answers(make_records(100)), [], impatient)
    assert len(asked) == 3


def test_what_is_discarded_is_not_waited_for(world, topics):
    publisher = world.open_publisher(*topics, answering=False)
    publisher.publish(answers(make_records(10)), [], patient)
    assert not publisher.flush(0.05)
    publisher.discard()
    assert publisher.flush(0.0)


def test_batches_finished_at_least_once_are_committed_and_not_read_again(world, group):
    topic = world.make_topic(partitions=2)
    outputs, dead_letters = world.make_topic(partitions=2), world.make_topic()
    for partition in range(2):
        world.append(topic, [b"%d" % n for n in range(30)], partition=partition)

    def start(member):
        source = world.open_source(topic, group, member=member)
        return source, AtLeastOnce(
            world.open_publisher(outputs, dead_letters),
            source,
            commit_interval_seconds=0.0,
            clock=time.monotonic,
            patience=Patience(source, clock=time.monotonic, should_give_up=lambda: False, heartbeat=lambda: None),
        )

    source, delivery = start("a")
    finished = []
    while len(finished) < 40:
        records = poll_until(source, bool, max_records=10)
        delivery.finish(
            Outputs(records, [r.value() for r in records], "m", 1), [], find_next_offsets(find_last_records(records))
        )
        finished += records
    delivery.close()
    source.close()
    for partition in range(2):
        done = sum(r.partition() == partition for r in finished)
        assert (world.committed(group, TopicPartition(topic, partition)) or 0) == done
    source, delivery = start("b")
    rest = poll_until(source, lambda taken: len(taken) + len(finished) >= 60)
    assert len(rest) + len(finished) == 60
    delivery.close()
