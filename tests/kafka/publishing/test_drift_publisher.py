"""Drift events on their way out: nobody waits for them, and what does not get there is counted."""

import threading
from collections import deque

import pytest
from confluent_kafka import KafkaError, KafkaException

from scoreline.errors import Unavailable
from scoreline.kafka.publishing import best_effort
from scoreline.kafka.publishing.best_effort import RENEW_SECONDS, TELL_AGAIN_SECONDS
from scoreline.kafka.publishing.drift_publisher import MOST_WAITING, DriftEventPublisher
from scoreline.models.baseline.baseline import Origin
from scoreline.observability.drift.ports import DriftChanged
from tests.observability.drift.scenes import make_change

FATAL = KafkaException(KafkaError(KafkaError._FATAL, "out of order", fatal=True))


class ScriptedProducer:
    """Takes records while its queue has room, which a poll makes; reports are served by a poll."""

    def __init__(self, properties, on_delivery):
        self.properties = properties
        self.on_delivery = on_delivery
        self.produced, self.obstacles, self.reports = [], deque(), deque()
        self.room = self.size = 1000
        self.delivers = True
        self.unsettled = self.purges = self.closes = 0
        self.flushed = []

    def produce(self, topic, value, key, partition, *, headers):
        assert (partition, headers) == (-1, [])
        if self.obstacles:
            raise self.obstacles.popleft()
        if not self.room:
            raise BufferError("Local: Queue full")
        self.room -= 1
        self.produced.append((topic, value, key))

    def poll(self, timeout):
        assert timeout == 0, "nobody may wait here"
        if self.delivers:
            self.room = self.size
        while self.reports:
            self.on_delivery(self.reports.popleft(), None)

    def flush(self, timeout):
        self.flushed.append(timeout)
        return self.unsettled

    def purge(self):
        self.purges += 1

    def close(self):
        self.closes += 1


class Scene:
    def __init__(self, monkeypatch):
        self.producers, self.dropped, self.now = [], 0, 0.0
        self.registry_error, self.asked = None, 0
        monkeypatch.setattr(best_effort, "make_producer", self._make)
        self.publisher = DriftEventPublisher(
            {"bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 0},
            "drift-events",
            open_encoder=self._open,
            dropped=self.note_dropped,
            observer=None,
            clock=lambda: self.now,
        )

    def tell(self, count=1):
        self.publisher.drift_changed([DriftChanged("flights", 3, Origin.PUBLISHED, make_change())] * count)

    @property
    def producer(self):
        return self.producers[-1]

    def _open(self):
        self.asked += 1
        if self.registry_error is not None:
            raise self.registry_error
        return lambda event: f"{event.model} {event.change.name}".encode()

    def _make(self, properties, *, watch, on_delivery):
        self.producers.append(ScriptedProducer(properties, on_delivery))
        return self.producer

    def note_dropped(self, count):
        self.dropped += count


@pytest.fixture
def scene(monkeypatch):
    return Scene(monkeypatch)


def test_events_of_a_model_have_one_key_and_so_one_order(scene):
    scene.tell(2)
    scene.publisher.turn()

    assert scene.producer.produced == [("drift-events", b"flights x", b"flights")] * 2
    assert scene.producer.properties["message.timeout.ms"] == 300_000
    assert scene.dropped == 0


def test_no_producer_is_made_before_there_is_something_to_tell(scene):
    scene.publisher.turn()

    assert scene.producers == []


def test_a_registry_that_is_away_is_asked_again_and_nothing_is_lost(scene, caplog):
    scene.registry_error = Unavailable("no route to the registry")
    scene.tell()
    for _ in range(3):
        scene.publisher.turn()
    scene.registry_error, scene.now = None, 60.0
    scene.publisher.turn()

    assert len(scene.producer.produced) == 1
    assert [record.error for record in caplog.records] == ["no route to the registry"]


def test_a_queue_stays_full_until_it_is_polled_and_then_takes_what_waits(scene):
    scene.tell()
    scene.publisher.turn()
    scene.producer.room = scene.producer.size = 2
    scene.producer.delivers = False
    scene.tell(4)
    for _ in range(3):
        scene.publisher.turn()
    assert len(scene.producer.produced) == 3
    scene.producer.delivers = True
    scene.publisher.turn()

    assert len(scene.producer.produced) == 5
    assert scene.dropped == 0


def test_an_event_that_is_too_large_is_dropped_and_those_behind_it_go(scene, caplog):
    scene.tell()
    scene.publisher.turn()
    scene.producer.obstacles.append(KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)))
    scene.tell(3)
    scene.publisher.turn()

    assert len(scene.producer.produced) == 3
    assert scene.dropped == 1
    assert "MSG_SIZE_TOO_LARGE" in caplog.records[0].error


def test_a_topic_that_is_missing_is_waited_for(scene, caplog):
    scene.tell()
    scene.publisher.turn()
    scene.producer.obstacles.append(KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC)))
    scene.tell(3)
    scene.publisher.turn()
    assert len(scene.producer.produced) == 1
    assert "scoreline topics create" in caplog.records[0].error
    scene.now = 60.0
    scene.publisher.turn()

    assert len(scene.producer.produced) == 4
    assert scene.dropped == 0


def test_producers_are_not_made_one_after_the_other_where_each_fails_at_once(scene):
    scene.tell()
    scene.publisher.turn()
    scene.producer.obstacles.append(FATAL)
    for second in range(int(RENEW_SECONDS)):
        scene.now = float(second)
        scene.tell()
        scene.publisher.turn()

    assert len(scene.producers) == 1


def test_a_reason_that_lasts_is_told_again_in_a_while(scene, caplog):
    scene.registry_error = Unavailable("no route to the registry")
    scene.tell()
    for now in (0.0, 60.0, TELL_AGAIN_SECONDS, TELL_AGAIN_SECONDS + 60.0):
        scene.now = now
        scene.publisher.turn()

    assert len(caplog.records) == 2


def test_what_waits_for_a_registry_that_hangs_is_counted_when_the_service_stops(scene):
    asked, may_answer = threading.Event(), threading.Event()

    def hang():
        asked.set()
        may_answer.wait(10)
        raise Unavailable("no route to the registry")

    publisher = DriftEventPublisher(
        {}, "drift-events", open_encoder=hang, dropped=scene.note_dropped, observer=None, clock=lambda: 0.0
    )
    publisher.start()
    publisher.drift_changed([DriftChanged("flights", 3, Origin.PUBLISHED, make_change())] * 7)
    assert asked.wait(5)
    publisher.close(0.1)

    assert scene.dropped == 7
    may_answer.set()
    publisher.close(5.0)
    assert scene.dropped == 7


def test_what_is_refused_is_counted_and_told_once(scene, caplog):
    scene.tell(2)
    scene.publisher.turn()
    scene.producer.reports.extend([KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)] * 2)
    scene.publisher.turn()

    assert scene.dropped == 2
    assert [record.event for record in caplog.records] == ["drift_events_missed"]


def test_a_producer_that_cannot_go_on_is_replaced(scene):
    scene.tell()
    scene.publisher.turn()
    first = scene.producer
    first.obstacles.append(FATAL)
    first.unsettled = 1
    scene.tell()
    scene.publisher.turn()
    scene.now = 60.0
    scene.publisher.turn()

    assert (first.closes, first.purges, scene.dropped) == (1, 1, 1)
    assert scene.producer is not first
    assert len(scene.producer.produced) == 1


def test_more_than_may_wait_is_dropped_and_counted(scene, caplog):
    scene.tell(MOST_WAITING + 5)
    scene.tell(2)

    assert scene.dropped == 7
    assert len(caplog.records) == 1


def test_at_the_end_what_waits_is_handed_over_and_given_a_moment(scene):
    scene.publisher.start()
    scene.tell(3)
    scene.publisher.close(5.0)

    assert len(scene.producer.produced) == 3
    assert scene.producer.closes == 1
    assert scene.dropped == 0
    scene.tell()
    assert scene.dropped == 1


def test_a_defect_ends_the_thread_and_is_told(scene, caplog):
    scene.registry_error = ZeroDivisionError("a defect")
    scene.publisher.start()
    scene.tell(2)
    scene.publisher.close(10.0)

    assert "ZeroDivisionError" in scene.publisher.trouble
    assert scene.dropped == 2
    assert "drift_publisher_crashed" in [record.event for record in caplog.records]


def test_a_registry_that_stays_away_is_asked_less_and_less_often(scene):
    scene.registry_error = Unavailable("no route to the registry")
    scene.tell()
    for second in range(60):
        scene.now = float(second)
        scene.publisher.turn()

    assert 2 < scene.asked < 15
