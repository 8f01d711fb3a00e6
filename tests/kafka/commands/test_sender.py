"""Sending what somebody has at hand."""

import pytest

from scoreline.errors import ConfigError, DeliveryError
from scoreline.kafka.commands.sender import RecordSender
from scoreline.testing.consume import read_records


@pytest.mark.kafka
def test_records_arrive_in_order_with_their_keys(kafka, make_topic):
    topic = make_topic("sent")
    sender = RecordSender({"bootstrap.servers": kafka.bootstrap_servers}, topic, give_up_seconds=30)
    for number in range(3000):
        sender.send(None if number % 2 else b"k", str(number).encode())
    sender.finish()

    found = read_records(kafka.bootstrap_servers, topic, at_least=3000)
    assert [r.value() for r in found] == [str(n).encode() for n in range(3000)]
    assert [r.key() for r in found[:2]] == [b"k", None]


@pytest.mark.kafka
def test_a_full_queue_is_waited_for(kafka, make_topic):
    topic = make_topic("sent")
    properties = {"bootstrap.servers": kafka.bootstrap_servers, "queue.buffering.max.messages": "10"}
    sender = RecordSender(properties, topic, give_up_seconds=30)
    for _ in range(200):
        sender.send(None, b"x")
    sender.finish()

    assert len(read_records(kafka.bootstrap_servers, topic, at_least=200)) == 200


@pytest.mark.slow
def test_what_is_not_delivered_in_time_is_counted_with_the_reason():
    sender = RecordSender({"bootstrap.servers": "127.0.0.1:1"}, "anything", give_up_seconds=0.3)
    sender.send(None, b"x")
    sender.send(None, b"y")

    with pytest.raises(DeliveryError, match="2 of 2 records were not delivered to anything: 2 times _MSG_TIMED_OUT"):
        sender.finish()


def test_what_is_told_to_stop_neither_waits_nor_counts_what_nobody_acknowledged():
    stopped = []
    properties = {"bootstrap.servers": "127.0.0.1:1", "queue.buffering.max.messages": "1"}
    sender = RecordSender(properties, "anything", give_up_seconds=60, should_stop=lambda: bool(stopped))
    sender.send(None, b"x")
    stopped.append("now")

    sender.send(None, b"does not fit into the queue")
    sender.wait(60)
    sender.finish()
    assert sender.acknowledged == 0


@pytest.mark.slow
def test_what_a_broker_has_acknowledged_is_counted(mock_kafka):
    properties = {"bootstrap.servers": mock_kafka.bootstrap_servers, "linger.ms": 0}
    sender = RecordSender(properties, "sent", give_up_seconds=30)
    for _ in range(5):
        sender.send(None, b"x")
    sender.finish()

    assert sender.acknowledged == 5


def test_what_the_client_itself_refuses_is_counted_too():
    sender = RecordSender(
        {"bootstrap.servers": "127.0.0.1:1", "message.max.bytes": "1000"}, "anything", give_up_seconds=30
    )
    sender.send(None, bytes(5000))

    with pytest.raises(
        DeliveryError, match="1 of 1 records were not delivered to anything: 1 times MSG_SIZE_TOO_LARGE"
    ):
        sender.finish()


def test_a_property_that_the_client_refuses_is_a_bad_configuration():
    with pytest.raises(ConfigError, match="SCORELINE_PRODUCER_BATCH_SIZE"):
        RecordSender({"bootstrap.servers": "127.0.0.1:1", "batch.size": "large"}, "anything", give_up_seconds=1)
