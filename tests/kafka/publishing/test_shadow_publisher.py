"""Predictions of shadows on their way out: what hinders them hinders nobody else."""

import logging
from collections import deque

import pytest
from confluent_kafka import KafkaError, KafkaException

from scoreline.errors import DeliveryError, Refused, Unavailable
from scoreline.kafka.publishing import shadow_publisher
from scoreline.kafka.publishing.shadow_publisher import FIND_AGAIN_SECONDS, FLUSH_SECONDS, ShadowPublisher
from scoreline.records import Outputs
from scoreline.transport.record import StoredRecord

FULL = BufferError("the queue is full")


class ScriptedProducer:
    """Takes records until an obstacle comes; reports wait to be served, and then make room."""

    def __init__(self, on_delivery):
        self.on_delivery = on_delivery
        self.produced = []
        self.obstacles = deque()
        self.reports = deque()
        self.flushed = []
        self.unsettled = self.purges = self.closes = 0

    def produce(self, topic, value, key, partition, *, headers):
        if self.obstacles:
            raise self.obstacles.popleft()
        self.produced.append((topic, value, key, partition, headers))

    def poll(self, timeout):
        assert timeout == 0, "nobody may wait here"
        while self.reports:
            self.on_delivery(self.reports.popleft(), None)

    def flush(self, timeout):
        self.flushed.append(timeout)
        self.poll(0)
        return self.unsettled

    def purge(self):
        self.purges += 1
        self.reports.extend([KafkaError(KafkaError._PURGE_QUEUE)] * self.unsettled)

    def close(self):
        self.closes += 1
        self.poll(0)


class Observer:
    def commit_answered(self, next_offsets, error):
        raise AssertionError("nothing is committed here")

    def client_error(self, name, detail):
        pass


class Scene:
    def __init__(self, monkeypatch, *, output_headers=False):
        self.producers, self.undelivered = [], 0
        self.partitions, self.asked, self.now = 3, [], 0.0
        monkeypatch.setattr(shadow_publisher, "make_producer", self._make)
        self.publisher = ShadowPublisher(
            {},
            "predictions.shadow",
            count_partitions=self._count,
            undelivered=self._note,
            observer=Observer(),
            output_headers=output_headers,
            clock=lambda: self.now,
        )

    def _make(self, properties, *, watch, on_delivery):
        self.producers.append(ScriptedProducer(on_delivery))
        return self.producers[-1]

    def _count(self, topic):
        self.asked.append(topic)
        if isinstance(self.partitions, Exception):
            raise self.partitions
        return self.partitions

    def _note(self, rows):
        self.undelivered += rows

    @property
    def producer(self):
        (made,) = self.producers
        return made

    def publish(self, *partitions, headers=None):
        records = [StoredRecord("features", p, i, b"key-%d" % i, headers_=headers) for i, p in enumerate(partitions)]
        self.publisher.publish(Outputs(records, [b"value-%d" % i for i in range(len(records))], "flights", 7))


@pytest.fixture
def scene(monkeypatch):
    return Scene(monkeypatch)


def test_a_prediction_goes_to_its_partition_by_number_with_the_key_and_the_callers_headers(scene):
    scene.publish(1, 5, headers=[("trace", b"7"), ("scoreline-attempt", b"1")])
    assert scene.producer.produced == [
        ("predictions.shadow", b"value-0", b"key-0", 1, [("trace", b"7")]),
        ("predictions.shadow", b"value-1", b"key-1", 2, [("trace", b"7")]),
    ]


def test_headers_name_the_version_where_those_of_predictions_do(monkeypatch):
    scene = Scene(monkeypatch, output_headers=True)
    scene.publish(0, headers=[("trace", b"7")])
    ((*_, headers),) = scene.producer.produced
    assert dict(headers) == {"trace": b"7", "scoreline-model": b"flights", "scoreline-version": b"7"}


def test_neither_producer_nor_topic_is_looked_for_before_there_is_something_to_put_out(scene):
    assert (scene.producers, scene.asked) == ([], [])
    scene.publish(0)
    scene.publish(0)
    assert (len(scene.producers), scene.asked) == (1, ["predictions.shadow"])


def test_a_missing_topic_says_how_to_create_it_and_is_looked_for_again_in_a_while(scene):
    scene.partitions = 0
    for _ in range(3):
        with pytest.raises(Refused, match=r"no topic predictions.shadow .* scoreline topics create --shadow"):
            scene.publish(0)
    assert scene.asked == ["predictions.shadow"]
    scene.partitions, scene.now = 3, FIND_AGAIN_SECONDS
    scene.publish(0)
    assert len(scene.producer.produced) == 1


def test_a_cluster_that_does_not_answer_says_so(scene):
    scene.partitions = Unavailable("nobody is there")
    with pytest.raises(Unavailable, match="nobody is there"):
        scene.publish(0)
    assert scene.producers == []


@pytest.mark.parametrize("obstacle", [FULL, KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))])
def test_what_the_producer_does_not_take_is_an_error_and_not_a_wait(scene, obstacle):
    scene.publish(0)
    scene.producer.obstacles.append(obstacle)
    with pytest.raises(DeliveryError, match="do not get to predictions"):
        scene.publish(0)


def test_what_is_refused_is_counted_told_once_and_makes_room_even_when_nothing_more_is_taken(scene, caplog):
    scene.publish(0)
    refused = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    scene.producer.reports.extend([refused] * 3)
    scene.producer.obstacles.append(FULL)
    with caplog.at_level(logging.WARNING, "scoreline.shadow"), pytest.raises(DeliveryError):
        scene.publish(0)
    assert scene.undelivered == 3
    (told,) = caplog.records
    assert told.event == "shadow_refused"
    assert "TOPIC_AUTHORIZATION_FAILED" in told.error


def test_a_close_gives_what_is_under_way_a_moment_and_counts_the_rest_once(scene):
    scene.publish(0, 1, 2)
    scene.producer.unsettled = 2
    scene.producer.reports.append(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    scene.publisher.close(10.0)
    assert scene.producer.flushed == [FLUSH_SECONDS]
    assert (scene.producer.purges, scene.producer.closes) == (1, 1)
    assert scene.undelivered == 3
    scene.publisher.close(10.0)
    assert scene.producer.closes == 1


def test_a_close_takes_no_longer_than_it_may(scene):
    scene.publish(0)
    scene.publisher.close(0.0)
    assert scene.producer.flushed == [0.0]


def test_what_comes_after_the_close_is_dropped_and_counted(scene):
    scene.publisher.close(1.0)
    scene.publish(0, 1)
    assert (scene.producers, scene.undelivered) == ([], 2)
