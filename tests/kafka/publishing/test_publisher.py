"""The publisher against a producer whose every refusal is scripted; what Kafka itself does is in the contracts."""

import time
from collections import deque

import pytest
from confluent_kafka import KafkaError, KafkaException

from scoreline.errors import ConfigError, DeliveryError, FatalClientError
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.publishing.destinations import Destinations
from scoreline.kafka.publishing.producing import Undelivered
from scoreline.kafka.publishing.publisher import KafkaPublisher
from scoreline.records import DeadLetter, Outputs, Reason
from scoreline.transport.record import StoredRecord


class ScriptedProducer:
    def __init__(self):
        self.produced = []
        self.obstacles = deque()
        self.polls = 0
        self.unsettled = 0

    def produce(self, topic, value, key, partition, **more):
        obstacle = self.obstacles.popleft() if self.obstacles else None
        if obstacle is not None:
            raise obstacle
        self.produced.append((topic, value, key, partition, more))

    def poll(self, timeout):
        self.polls += 1

    def flush(self, timeout):
        return self.unsettled


class Scene:
    def __init__(self, **counts):
        self.producer = ScriptedProducer()
        self.watch = ClientWatch(None, clock=time.monotonic)
        self.publisher = KafkaPublisher(
            self.producer,
            Destinations("out", "dead", counts or {"out": 2, "dead": 2}, output_headers=False),
            wall_clock=lambda: 1.0,
            undelivered=Undelivered(),
            watch=self.watch,
        )

    def publish(self, *keys, keep_waiting=lambda: True):
        records = [StoredRecord(key_=key, partition_=3) for key in keys]
        self.publisher.publish(Outputs(records, [b"v"] * len(records), "m", 1), [], keep_waiting)

    @property
    def keys(self):
        return [key for _, _, key, _, _ in self.producer.produced]


@pytest.fixture
def scene():
    return Scene()


def refusal(code, **flags):
    return KafkaException(KafkaError(code, **flags))


def test_a_record_without_headers_is_produced_without_the_argument(scene):
    scene.publish(b"a")
    assert scene.producer.produced == [("out", b"v", b"a", 1, {})]


def test_a_full_queue_is_polled_and_the_record_offered_again_in_its_place(scene):
    scene.producer.obstacles.extend([None, BufferError(), BufferError()])
    scene.publish(b"a", b"b", b"c")
    assert scene.keys == [b"a", b"b", b"c"]
    assert scene.producer.polls == 2


def test_a_dead_letter_waits_for_room_too(scene):
    scene.producer.obstacles.append(BufferError())
    letter = DeadLetter(StoredRecord(key_=b"bad"), Reason.TOMBSTONE, "")
    scene.publisher.publish(Outputs([], [], "m", 1), [letter], lambda: True)
    assert scene.keys == [b"bad"]


def test_a_record_that_the_client_refuses_does_not_hold_up_the_others(scene):
    scene.producer.obstacles.extend([None, refusal(KafkaError.MSG_SIZE_TOO_LARGE)])
    scene.publish(b"a", b"b", b"c")
    assert scene.keys == [b"a", b"c"]
    with pytest.raises(DeliveryError, match=r"1 records .* out\[1\]: MSG_SIZE_TOO_LARGE"):
        scene.publisher.flush(0.1)
    assert scene.publisher.flush(0.1)


def test_a_refusal_is_not_told_before_everything_else_is_settled(scene):
    scene.producer.obstacles.append(refusal(KafkaError.MSG_SIZE_TOO_LARGE))
    scene.publish(b"a", b"b")
    scene.producer.unsettled = 1
    assert not scene.publisher.flush(0.1)
    scene.producer.unsettled = 0
    with pytest.raises(DeliveryError):
        scene.publisher.flush(0.1)


def test_headers_under_our_prefix_are_not_carried(scene):
    record = StoredRecord(headers_=[("scoreline-pin-version", b"2"), ("trace", b"1")])
    scene.publisher.publish(Outputs([record], [b"v"], "m", 1), [], lambda: True)
    assert scene.producer.produced == [("out", b"v", None, 0, {"headers": [("trace", b"1")]})]


def test_a_refusal_after_a_full_queue_is_noted_too(scene):
    scene.producer.obstacles.extend([BufferError(), refusal(KafkaError._UNKNOWN_PARTITION)])
    scene.publish(b"a")
    with pytest.raises(DeliveryError, match="_UNKNOWN_PARTITION"):
        scene.publisher.flush(0.1)


def test_a_producer_that_is_broken_for_good_ends_the_process(scene):
    scene.watch.note(KafkaError(KafkaError.INVALID_PRODUCER_EPOCH, "fenced", fatal=True))
    scene.producer.obstacles.append(refusal(KafkaError._FATAL))
    with pytest.raises(FatalClientError, match="INVALID_PRODUCER_EPOCH"):
        scene.publish(b"a")
    with pytest.raises(FatalClientError, match="INVALID_PRODUCER_EPOCH"):
        scene.publisher.flush(0.1)


def test_a_topic_whose_partitions_are_not_known_is_named():
    with pytest.raises(ConfigError, match="dead"):
        Scene(out=2)
