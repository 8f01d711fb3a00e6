"""Predictions of shadows on their way out: what hinders them hinders nobody else."""

import contextlib
import logging
import time
from collections import deque

import pytest
from confluent_kafka import KafkaError, KafkaException

from scoreline.errors import DeliveryError, Refused, Unavailable
from scoreline.kafka.publishing import best_effort
from scoreline.kafka.publishing.best_effort import RENEW_SECONDS
from scoreline.kafka.publishing.shadow_publisher import FIND_AGAIN_SECONDS, FLUSH_SECONDS, ShadowPublisher
from scoreline.local.network import free_ports
from scoreline.records import Outputs
from scoreline.transport.record import StoredRecord

FULL = BufferError("the queue is full")


def make_outputs(*partitions, headers=None):
    records = [StoredRecord("features", p, i, b"key-%d" % i, headers_=headers) for i, p in enumerate(partitions)]
    return Outputs(records, [b"value-%d" % i for i in range(len(records))], "flights", 7)


class ScriptedProducer:
    """Takes records until an obstacle comes; reports wait to be served, and then make room."""

    def __init__(self, on_delivery):
        self.on_delivery = on_delivery
        self.produced = []
        self.obstacles = deque()
        self.reports = deque()
        self.reports_at_produce = deque()
        self.fatal = None
        self.flushed = []
        self.unsettled = self.purges = self.closes = 0

    def produce(self, topic, value, key, partition, *, headers):
        if self.reports_at_produce:
            self.reports.append(self.reports_at_produce.popleft())
            raise FULL
        if self.obstacles:
            raise self.obstacles.popleft()
        self.produced.append((topic, value, key, partition, headers))

    def poll(self, timeout):
        assert timeout == 0, "nobody may wait here"
        if self.fatal is not None:
            raise self.fatal
        while self.reports:
            self.on_delivery(self.reports.popleft(), None)

    def flush(self, timeout):
        self.flushed.append(timeout)
        self.poll(0)
        return self.unsettled

    def __len__(self):
        return self.unsettled

    def purge(self):
        self.purges += 1
        self.fatal = None
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
        self.producers, self.watches, self.undelivered = [], [], 0
        self.partitions, self.asked, self.now = 3, [], 0.0
        monkeypatch.setattr(best_effort, "make_producer", self._make)
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
        self.watches.append(watch)
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
        self.publisher.publish(make_outputs(*partitions, headers=headers))

    def fail(self, way):
        """The producer says in one of its ways that it cannot go on."""
        fatal = KafkaError(KafkaError._FATAL, "out of order", fatal=True)
        if way == "produce":
            self.producer.obstacles.append(KafkaException(fatal))
        elif way == "poll":
            self.producer.fatal = KafkaException(fatal)
        else:
            self.watches[-1].note(fatal)


@pytest.fixture
def free_port():
    (port,) = free_ports(1)
    return port


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
    scene.producer.obstacles.extend([obstacle] * 2)
    with pytest.raises(DeliveryError, match="do not get to predictions"):
        scene.publish(0)


def test_what_is_refused_is_counted_told_once_and_makes_room_even_when_nothing_more_is_taken(scene, caplog):
    scene.publish(0)
    refused = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    scene.producer.reports.extend([refused] * 3)
    scene.producer.obstacles.extend([FULL] * 2)
    with caplog.at_level(logging.WARNING, "scoreline.shadow"), pytest.raises(DeliveryError):
        scene.publish(0)
    assert scene.undelivered == 3
    (told,) = caplog.records
    assert told.event == "shadow_refused"
    assert "TOPIC_AUTHORIZATION_FAILED" in told.error


def test_reports_are_served_where_the_queue_is_full_and_then_there_is_room(scene):
    scene.publish(0)
    scene.producer.reports_at_produce.append(KafkaError(KafkaError._MSG_TIMED_OUT))
    scene.publish(0, 1)
    assert len(scene.producer.produced) == 3
    assert scene.undelivered == 1


@pytest.mark.parametrize("way", ["produce", "poll", "callback"])
def test_a_producer_that_cannot_go_on_is_released_and_the_next_call_makes_another(scene, way):
    scene.publish(0, 1, 2)
    scene.fail(way)
    scene.producer.unsettled = 3
    scene.now = RENEW_SECONDS
    with pytest.raises(DeliveryError, match="cannot go on"):
        scene.publish(0)
    assert (scene.producer.purges, scene.producer.closes, scene.undelivered) == (1, 1, 3)
    scene.publish(0)
    assert [len(producer.produced) for producer in scene.producers] == [3, 1]
    scene.publisher.close(1.0)
    assert [producer.closes for producer in scene.producers] == [1, 1]


def test_producers_are_not_made_one_after_the_other_where_each_fails_at_once(scene):
    scene.publish(0)
    scene.fail("produce")
    for _ in range(3):
        with pytest.raises(DeliveryError, match="go on"):
            scene.publish(0)
    assert len(scene.producers) == 1
    scene.now = RENEW_SECONDS
    scene.publish(0)
    assert len(scene.producers) == 2


@pytest.mark.slow
def test_a_queue_that_was_full_takes_predictions_again_once_the_client_has_given_the_old_ones_up(free_port):
    """The client itself, and nobody at the other end."""
    undelivered = []
    publisher = ShadowPublisher(
        {
            "bootstrap.servers": f"127.0.0.1:{free_port}",
            "queue.buffering.max.messages": "2",
            "message.timeout.ms": "50",
        },
        "predictions.shadow",
        count_partitions=lambda _: 1,
        undelivered=undelivered.append,
        observer=Observer(),
        output_headers=False,
    )
    publisher.publish(make_outputs(0, 0))
    with pytest.raises(DeliveryError, match="Queue full"):
        publisher.publish(make_outputs(0))
    give_up_at = time.monotonic() + 20
    while not undelivered and time.monotonic() < give_up_at:
        time.sleep(0.02)  # only the next call learns of it
        with contextlib.suppress(DeliveryError):
            publisher.publish(make_outputs(0))
    publisher.publish(make_outputs(0))
    publisher.close(0.5)
    assert sum(undelivered) == 4


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
