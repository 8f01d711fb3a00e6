"""Records that are written all together or not at all."""

import secrets

import pytest

from scoreline.errors import DeliveryError, FatalClientError, Unavailable
from scoreline.kafka.commands.transactional_sender import open_transactional_sender
from scoreline.testing.consume import read_records
from scoreline.testing.topics import Topics
from scoreline.transport.record import StoredRecord

pytestmark = pytest.mark.kafka


@pytest.fixture
def open_sender(kafka):
    senders = []
    name = f"sender-{secrets.token_hex(4)}"

    def open_one(servers=kafka.bootstrap_servers, give_up_seconds=20.0):
        # What a service may have been given for its own producer does not get in the way.
        properties = {"bootstrap.servers": servers, "message.timeout.ms": "0"}
        senders.append(open_transactional_sender(properties, name, give_up_seconds=give_up_seconds))
        senders[-1].take_over()
        return senders[-1]

    yield open_one
    for sender in senders:
        sender.close()


def test_records_go_where_they_say_with_headers_and_the_current_time(kafka, make_topic, open_sender):
    first, second = make_topic("a", partitions=3), make_topic("b")
    sent = [
        StoredRecord(first, 2, key_=b"k", value_=b"v", headers_=(("h", b"1"), ("h", None)), timestamp_ms=5),
        StoredRecord(first, 1, key_=None, value_=None),
        StoredRecord(second, 0, key_=b"m", value_=b"n"),
    ]
    open_sender().send_together(sent)

    nothing, found = read_records(kafka.bootstrap_servers, first, at_least=2)
    (marker,) = read_records(kafka.bootstrap_servers, second, at_least=1)
    assert (found.partition(), found.key(), found.value()) == (2, b"k", b"v")
    assert found.headers() == (("h", b"1"), ("h", None))
    assert found.timestamp()[1] > 1_600_000_000_000
    assert (nothing.partition(), nothing.key(), nothing.value(), nothing.headers()) == (1, None, None, None)
    assert (marker.key(), marker.value()) == (b"m", b"n")


def test_a_record_that_is_refused_takes_its_whole_transaction_with_it(kafka, make_topic, open_sender):
    topic, small = make_topic("a"), make_topic("small", config={"max.message.bytes": "200"})
    sender = open_sender()
    sender.send_together([StoredRecord(topic, value_=b"before")])

    with pytest.raises(DeliveryError, match=rf"not delivered to {small}, .* rolled back: MSG_SIZE_TOO_LARGE"):
        sender.send_together(
            [StoredRecord(topic, value_=b"lost"), StoredRecord(small, value_=secrets.token_bytes(999))]
        )
    assert [r.value() for r in read_records(kafka.bootstrap_servers, topic, at_least=1)] == [b"before"]


def test_whoever_begins_later_stops_whoever_began_before(kafka, make_topic, open_sender):
    topic = make_topic("a")
    first = open_sender()
    first.send_together([StoredRecord(topic, value_=b"first")])
    second = open_sender()

    with pytest.raises(FatalClientError, match=r"another process has begun with the transactional id sender-.*_FENCED"):
        first.send_together([StoredRecord(topic, value_=b"too late")])
    second.send_together([StoredRecord(topic, value_=b"second")])
    assert [r.value() for r in read_records(kafka.bootstrap_servers, topic, at_least=2)] == [b"first", b"second"]


def test_what_another_left_open_is_rolled_back_before_anything_else(kafka, make_topic, open_sender):
    topic = make_topic("a")
    crashed = open_sender()
    crashed._producer.begin_transaction()
    crashed._produce(StoredRecord(topic, value_=b"half done"))
    crashed._flush()

    open_sender().send_together([StoredRecord(topic, value_=b"again")])
    assert [r.value() for r in read_records(kafka.bootstrap_servers, topic, at_least=1)] == [b"again"]
    everything = read_records(kafka.bootstrap_servers, topic, committed_only=False)
    assert [r.value() for r in everything] == [b"half done", b"again"]


def test_a_restart_of_the_broker_costs_nothing_but_time_and_its_absence_is_told(disposable_kafka, open_sender):
    servers = disposable_kafka.bootstrap_servers
    topic = Topics(servers).make("a")
    patient = open_sender(servers, 30.0)
    patient.send_together([StoredRecord(topic, value_=b"1")])
    disposable_kafka.kill()
    disposable_kafka.start()
    patient.send_together([StoredRecord(topic, value_=b"2")])
    hasty = open_sender(servers, 2.0)
    disposable_kafka.kill()

    with pytest.raises((DeliveryError, Unavailable), match="within 2 s"):
        hasty.send_together([StoredRecord(topic, value_=b"3")])
    disposable_kafka.start()
    assert [r.value() for r in read_records(servers, topic, at_least=2)] == [b"1", b"2"]
