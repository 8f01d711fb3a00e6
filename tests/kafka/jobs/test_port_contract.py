"""What every implementation of the ports of jobs does: those in memory, which tests lean on, and Kafka's."""

import time
import uuid

import pytest

from scoreline.jobs.events import Cancelled
from scoreline.jobs.job import JobStatus
from scoreline.jobs.view import JobView
from scoreline.jobs.wire import JobDecoder
from scoreline.schemas.framing import Framing
from scoreline.testing.jobs import MemoryEventFeed, MemoryJobPublisher, MemoryJobTopics, MemoryResultReader
from tests.kafka.jobs.scenes import (
    ANSWER_SECONDS,
    WEEK_SECONDS,
    make_chunks,
    make_order,
    make_result,
    make_submitted,
    next_offsets_of,
    poll_until,
)


class InMemory:
    def __init__(self):
        self._topics = MemoryJobTopics()
        self.publisher = MemoryJobPublisher(self._topics)
        self.view = JobView(time.time, results_retention_seconds=WEEK_SECONDS)
        self.feed = MemoryEventFeed(self._topics, self.view)

    def open_reader(self):
        return MemoryResultReader(self._topics)

    def score_all(self, count):
        assert len(self._topics.chunks) == count
        self._topics.score_all(make_result)


class OnKafka:
    def __init__(self, scene):
        self._scene = scene
        self.publisher = scene.open_publisher()
        self.feed, self.view = scene.open_feed()

    def open_reader(self):
        return self._scene.open_reader()

    def score_all(self, count):
        source = self._scene.open_source(self._scene.names.jobs)
        delivery = self._scene.open_delivery(source)
        decoder = JobDecoder(self._scene.catalog, Framing.CONFLUENT)
        for record in poll_until(source, count):
            chunk = decoder.decode_chunk(record.value())
            delivery.finish(
                make_result(chunk), chunk.order.events_partition, next_offsets_of(record), source.group_metadata()
            )


@pytest.fixture(params=[InMemory, pytest.param(OnKafka, marks=pytest.mark.kafka)])
def world(request):
    return InMemory() if request.param is InMemory else OnKafka(request.getfixturevalue("jobs_scene"))


def test_what_was_published_is_known_once_caught_up_and_read_where_it_is_said_to_lie(world):
    order = make_order(events_partition=world.publisher.events_partitions - 1)
    chunks = make_chunks(order, 5)
    for published in [world.publisher.publish_chunk(chunk) for chunk in chunks]:
        assert published.result(ANSWER_SECONDS) is None
    submitted = make_submitted(order, len(chunks), 10)
    assert world.publisher.publish_event(submitted, order.events_partition).result(ANSWER_SECONDS) is None
    assert world.feed.catch_up().result(ANSWER_SECONDS) is None
    job = world.view.find(order.job_id)
    assert (job.status, job.events_partition) == (JobStatus.QUEUED, order.events_partition)

    world.score_all(len(chunks))
    world.feed.catch_up().result(ANSWER_SECONDS)
    assert world.view.find(order.job_id).status is JobStatus.SUCCEEDED
    places = world.view.locate(order.job_id, 0, 10)
    reader = world.open_reader()
    assert [result.number for result in reader.read(places)] == [0, 1, 2, 3, 4]
    reader.rest()
    assert [result.first_row for result in reader.read([places[3], places[1]])] == [6, 2], "in the order asked for"
    assert list(reader.read([])) == []
    reader.close()


def test_events_of_a_partition_keep_the_order_in_which_they_were_published(world):
    """None of the later ones is waited for before the earlier ones are in the view."""
    orders = [make_order(str(uuid.uuid4())) for _ in range(10)]
    published = []
    for order in orders:
        published.append(world.publisher.publish_event(make_submitted(order, 1, 1), 0))
        cancelled = Cancelled(order.job_id, order.submission, int(time.time() * 1000))
        published.append(world.publisher.publish_event(cancelled, 0))
    for future in published:
        future.result(ANSWER_SECONDS)
    world.feed.catch_up().result(ANSWER_SECONDS)
    world.feed.check_ready()
    found = [world.view.find(order.job_id).status for order in orders]
    assert found == [JobStatus.CANCELLED] * len(orders)
