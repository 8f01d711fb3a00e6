"""What a load puts onto a topic, and what a watcher makes of it."""

import threading

import pytest
from confluent_kafka import KafkaException

from scoreline.testing.consume import count_records, read_records
from scoreline.testing.load import Load
from scoreline.testing.watcher import Watcher

pytestmark = pytest.mark.kafka


def test_a_load_is_found_again_by_its_numbers(kafka, make_topic):
    """Key, partition and offset of a record follow from its number; everything that was sent is acknowledged."""
    topic, silent = make_topic(partitions=3), make_topic()
    watcher = Watcher(kafka.bootstrap_servers, topic, [silent], judge=lambda m: None if m.value() == b"v" else "value")
    load = Load(kafka.bootstrap_servers, topic, lambda n: b"x" if n == 7 else b"v", partitions=3, per_second=500)
    with watcher, load:
        assert watcher.await_different(100, within_seconds=30)
    records = read_records(kafka.bootstrap_servers, topic, at_least=load.sent)
    assert len(records) == count_records(kafka.bootstrap_servers, topic) == load.sent >= 100
    assert all((int(r.key()) % 3, int(r.key()) // 3) == (r.partition(), r.offset()) for r in records)
    assert (watcher.wrong, watcher.named_wrong) == (1, ["value"])


def test_a_load_that_is_refused_says_so(kafka, make_topic):
    tried = threading.Event()

    def make_value(number):
        if number:
            tried.set()
        return b"v" * 1000

    topic = make_topic(config={"max.message.bytes": "100"})
    load = Load(kafka.bootstrap_servers, topic, make_value, partitions=1, per_second=1000)
    with pytest.raises(KafkaException, match="MSG_SIZE_TOO_LARGE"), load:
        assert tried.wait(10)


def test_a_value_that_cannot_be_made_ends_the_load(kafka, make_topic):
    def make_value(number):
        raise LookupError(f"no value for {number}")

    topic = make_topic()
    with (
        pytest.raises(LookupError, match="no value for 0"),
        Watcher(kafka.bootstrap_servers, topic, [], judge=lambda _: None) as watcher,
        Load(kafka.bootstrap_servers, topic, make_value, partitions=1, per_second=1000),
    ):
        watcher.await_different(1, within_seconds=0.3)
