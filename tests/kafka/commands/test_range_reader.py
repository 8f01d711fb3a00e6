"""Reading a topic up to the end that it has now."""

import pytest

from scoreline.errors import ConfigError, Refused, Unavailable
from scoreline.kafka.commands.range_reader import Extent, open_range_reader
from scoreline.testing.consume import produce_records, read_records
from scoreline.transport.record import StoredRecord

pytestmark = pytest.mark.kafka


@pytest.fixture
def open_reader(kafka):
    readers = []

    def open_one(topic, *, quiet_seconds=10.0, **start):
        properties = {"bootstrap.servers": kafka.bootstrap_servers, "auto.offset.reset": "error"}
        readers.append(open_range_reader(properties, topic, quiet_seconds=quiet_seconds, **start))
        return readers[-1]

    yield open_one
    for reader in readers:
        reader.close()


@pytest.fixture
def transactional(kafka):
    """A producer with a transaction open."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": "range-reader"})
    producer.init_transactions()
    producer.begin_transaction()
    return producer


def values(reader):
    return [record.value() for page in reader.pages() for record in page]


def records(*values, partition=0, timestamp_ms=0):
    return [StoredRecord(value_=value, partition_=partition, timestamp_ms=timestamp_ms) for value in values]


def test_what_comes_after_the_reader_was_made_is_left_and_the_rest_is_read_once(kafka, make_topic, open_reader):
    topic = make_topic("range", partitions=3)
    before = [b"%d" % n for n in range(1200)]
    produce_records(kafka.bootstrap_servers, topic, [*records(*before), *records(b"x", partition=2)])
    reader = open_reader(topic)
    produce_records(kafka.bootstrap_servers, topic, [*records(b"after"), *records(b"after", partition=1)])

    assert (reader.extents, reader.unread) == ({0: Extent(0, 0, 1200), 1: Extent(0, 0, 0), 2: Extent(0, 0, 1)}, 1201)
    found = values(reader)
    assert [value for value in found if value != b"x"] == before
    assert len(found) == 1201
    assert reader.unread == 0


def test_the_end_of_a_transaction_ends_a_partition(kafka, make_topic, open_reader, transactional):
    """The last offset holds no record but the broker's own mark."""
    topic = make_topic("range")
    transactional.produce(topic, b"committed")
    transactional.commit_transaction()
    read_records(kafka.bootstrap_servers, topic, at_least=1)  # for a moment after a commit readers do not see it yet

    reader = open_reader(topic)
    assert reader.unread == 2
    assert values(reader) == [b"committed"]


def test_what_an_open_transaction_hides_is_not_waited_for(kafka, make_topic, open_reader, transactional):
    topic = make_topic("range")
    produce_records(kafka.bootstrap_servers, topic, records(b"plain"))
    transactional.produce(topic, b"open")
    transactional.flush()
    produce_records(kafka.bootstrap_servers, topic, records(b"behind"))
    try:
        assert values(open_reader(topic)) == [b"plain"]
    finally:
        transactional.abort_transaction()
    read_records(kafka.bootstrap_servers, topic, at_least=2)
    assert values(open_reader(topic)) == [b"plain", b"behind"]


def test_a_moment_and_an_offset_are_starts(kafka, make_topic, open_reader):
    topic = make_topic("range", partitions=2, config={"retention.ms": "-1"})
    for moment in (1000, 2000, 3000):
        produce_records(kafka.bootstrap_servers, topic, records(b"%d" % moment, timestamp_ms=moment))
    produce_records(kafka.bootstrap_servers, topic, records(b"old", partition=1, timestamp_ms=500))

    assert values(open_reader(topic, since_ms=1500)) == [b"2000", b"3000"]
    assert values(open_reader(topic, since_ms=9000)) == []
    assert values(open_reader(topic, partitions=[1])) == [b"old"]
    assert values(open_reader(topic, partitions=[0], from_offset=2)) == [b"3000"]
    assert values(open_reader(topic, partitions=[0], from_offset=7)) == []


def test_a_partition_that_the_topic_has_not_is_a_bad_argument(make_topic, open_reader):
    with pytest.raises(ConfigError, match="has the partitions 0 to 1, and not 2, 5"):
        open_reader(make_topic("range", partitions=2), partitions=[0, 5, 2])


def test_a_missing_topic_is_refused(open_reader):
    with pytest.raises(Refused, match="no-such-topic"):
        open_reader("no-such-topic")


def test_a_broker_that_stops_answering_is_not_waited_for_without_end(disposable_kafka):
    from scoreline.testing.topics import Topics

    topic = Topics(disposable_kafka.bootstrap_servers).make("range")
    produce_records(disposable_kafka.bootstrap_servers, topic, records(b"1"))
    properties = {"bootstrap.servers": disposable_kafka.bootstrap_servers}
    reader = open_range_reader(properties, topic, quiet_seconds=1.0)
    disposable_kafka.kill()
    try:
        with pytest.raises(Unavailable, match=r"nothing came of the topic range-.* for 1 s"):
            list(reader.pages())
    finally:
        reader.close()
