"""What a publisher of jobs does with its producer, which a test has written."""

import threading
from collections import deque

import pytest
from confluent_kafka import KafkaError, KafkaException

from scoreline.errors import RecordTooLarge, Unavailable
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.jobs.encoding import JobEncoding, JobTopicNames
from scoreline.kafka.jobs.publisher import KafkaJobPublisher, WatchedProducer
from scoreline.kafka.jobs.spreading import choose_partition
from scoreline.schemas.folder import FolderCatalog
from scoreline.schemas.framing import Framing
from tests.kafka.jobs.scenes import await_that, make_chunks, make_order, make_submitted

NAMES = JobTopicNames("jobs", "jobs.bulk", "job-results", "job-events", "jobs.dead-letters")


class HeldProducer:
    """Acknowledges when it is told to; purging gives up what is left."""

    def __init__(self):
        self.left = deque()
        self.obstacle = None
        self.closed = threading.Event()
        self.may_close = threading.Event()
        self.may_close.set()

    def produce(self, topic, value, key, partition, *, on_delivery, headers):
        if self.obstacle is not None:
            raise self.obstacle
        self.left.append(on_delivery)

    def answer(self, error=None):
        self.left.popleft()(error, None)

    def poll(self, seconds):
        self.closed.wait(0.001)

    def purge(self):
        while self.left:
            self.answer(KafkaError(KafkaError._PURGE_QUEUE))

    def flush(self, seconds):
        return 0

    def close(self):
        self.may_close.wait(5)
        self.closed.set()


class FourPartitions:
    def __init__(self):
        self.obstacle = None

    def count_partitions(self, topic):
        return 4

    def tick(self):
        if self.obstacle is not None:
            raise self.obstacle


class Scene:
    def __init__(self, folder, most_bytes=10_000):
        self.producers = []
        self.watches = []
        encoding = JobEncoding(FolderCatalog(folder), Framing.CONFLUENT, NAMES)
        encoding.look()
        self.topics = FourPartitions()
        self.publisher = KafkaJobPublisher(
            self.connect, self.topics, encoding, NAMES, most_unacknowledged_bytes=most_bytes
        )
        self.order = make_order()

    def connect(self):
        self.watches.append(ClientWatch(None, clock=lambda: 0.0))
        self.producers.append(HeldProducer())
        return WatchedProducer(self.producers[-1], self.watches[-1])

    def publish_chunk(self, number=0, rows=100):
        return self.publisher.publish_chunk(make_chunks(self.order, number + 1, rows)[number])


@pytest.fixture
def scene(tmp_path):
    scene = Scene(tmp_path)
    yield scene
    scene.publisher.close()


def test_there_is_room_again_once_something_is_acknowledged_or_refused(scene):
    published = [scene.publish_chunk(rows=500) for _ in range(2)]
    with pytest.raises(Unavailable, match="wait for Kafka's acknowledgement already"):
        scene.publish_chunk(rows=500)
    scene.publisher.publish_event(make_submitted(scene.order, 1, 1), 0)
    producer = scene.producers[0]
    producer.answer()
    assert published[0].result(0) is None
    scene.publish_chunk(rows=500)
    producer.answer(KafkaError(KafkaError.NOT_ENOUGH_REPLICAS))
    with pytest.raises(Unavailable, match="NOT_ENOUGH_REPLICAS"):
        published[1].result(0)
    scene.publish_chunk(rows=500)


def test_a_chunk_that_is_larger_than_the_room_goes_alone(scene):
    large = scene.publish_chunk(rows=3000)
    with pytest.raises(Unavailable):
        scene.publish_chunk()
    scene.producers[0].answer()
    assert large.result(0) is None


def test_what_a_topic_does_not_take_is_told_with_what_to_do(scene):
    published = scene.publish_chunk()
    scene.producers[0].answer(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    with pytest.raises(RecordTooLarge, match="scoreline topics create"):
        published.result(0)


@pytest.mark.parametrize(
    ("obstacle", "told"),
    [
        (BufferError(), "no room"),
        (KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)), "scoreline topics create"),
    ],
)
def test_a_producer_that_takes_nothing_is_told_by_the_future(scene, obstacle, told):
    scene.producers[0].obstacle = obstacle
    with pytest.raises(Unavailable, match=told):
        scene.publish_chunk().result(0)
    scene.producers[0].obstacle = None
    assert not scene.publish_chunk().done(), "and takes no room"


def test_another_producer_goes_on_where_one_cannot_and_what_it_had_fails(scene):
    lost = scene.publish_chunk()
    scene.watches[0].fatal = "it has lost count"
    await_that(lambda: len(scene.producers) == 2)
    with pytest.raises(Unavailable, match="given up before"):
        lost.result(1)
    published = scene.publish_chunk()
    await_that(lambda: scene.producers[1].left)
    scene.producers[1].answer()
    assert published.result(0) is None


def test_nobody_waits_for_the_end_of_a_producer_that_another_one_has_replaced(scene):
    """The event loop publishes, and a broker that is away holds up the closing of a client."""
    old = scene.producers[0]
    old.may_close.clear()
    scene.watches[0].fatal = "it has lost count"
    await_that(lambda: len(scene.producers) == 2)
    published = scene.publish_chunk()
    await_that(lambda: scene.producers[1].left)
    scene.producers[1].answer()
    assert published.result(0) is None
    assert not old.closed.is_set()
    old.may_close.set()
    await_that(old.closed.is_set)


def test_a_thread_that_has_ended_is_told_and_keeps_nobody_waiting(scene, caplog):
    left = scene.publish_chunk()
    assert scene.publisher.trouble is None
    scene.topics.obstacle = RuntimeError("a defect")
    with pytest.raises(Unavailable, match="given up"):
        left.result(5)
    await_that(lambda: scene.publisher.trouble is not None)
    with pytest.raises(Unavailable, match="has ended"):
        scene.publish_chunk().result(0)
    assert "job_publisher_crashed" in [vars(record)["event"] for record in caplog.records]


def test_a_stop_gives_up_what_is_not_acknowledged_and_takes_nothing_more(scene):
    left = scene.publish_chunk()
    scene.publisher.close()
    with pytest.raises(Unavailable, match="given up"):
        left.result(0)
    with pytest.raises(Unavailable, match="stopping"):
        scene.publish_chunk().result(0)


def test_pieces_of_an_upload_go_round_all_partitions_from_a_start_of_its_own():
    uploads = [str(n) for n in range(50)]
    for upload in uploads:
        assert sorted(choose_partition(upload, number, 4) for number in range(4)) == [0, 1, 2, 3]
    assert {choose_partition(upload, 0, 4) for upload in uploads} == {0, 1, 2, 3}
