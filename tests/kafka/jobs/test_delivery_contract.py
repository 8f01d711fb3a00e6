"""What every delivery of chunks does: the one in memory, which tests of the worker lean on, and Kafka's."""

import pytest
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.jobs.events import EVENTS_PARTITION_HEADER, ChunkDone, ChunkFailed, find_chunk_key
from scoreline.jobs.wire import JobDecoder, encode_chunk
from scoreline.observability.traces.context import TraceContext, find_context, make_headers
from scoreline.records import TopicPartition
from scoreline.schemas.fixed import JOB_CHUNK_ID
from scoreline.schemas.framing import Framing
from scoreline.testing.consume import read_records
from scoreline.transport.memory import MemoryBroker, MemorySource
from tests.jobs.builders import ShippedSchemas
from tests.jobs.scenes import GROUP, PREFIX, MemoryChunkDelivery
from tests.kafka.jobs.scenes import ANSWER_SECONDS, make_chunks, make_order, make_result, next_offsets_of, poll_until

PARTITIONS = 3


class InMemory:
    def __init__(self):
        self._broker = MemoryBroker()
        for topic in ("jobs", "results", "events", "dead"):
            self._broker.create_topic(topic, PARTITIONS)
        self.source = MemorySource(self._broker, GROUP, ["jobs"], member="one")
        self.delivery = MemoryChunkDelivery(self._broker)

    def put(self, chunk, headers):
        order = chunk.order
        self._broker.append(
            "jobs",
            encode_chunk(chunk, PREFIX[JOB_CHUNK_ID]),
            key=find_chunk_key(order.job_id, order.submission, chunk.number).encode(),
            headers=[(EVENTS_PARTITION_HEADER, str(order.events_partition).encode()), *headers],
        )

    def read(self, topic, at_least=0):
        return self._broker.read({"events": "events", "results": "results", "dead_letters": "dead"}[topic])

    def find_committed(self, partition):
        return self._broker.group(GROUP).committed.get(partition)


class OnKafka:
    def __init__(self, scene):
        self._scene = scene
        self._publisher = scene.open_publisher()
        self.source = scene.open_source(scene.names.jobs)
        self.delivery = scene.open_delivery(self.source)

    def put(self, chunk, headers):
        self._publisher.publish_chunk(chunk, headers).result(ANSWER_SECONDS)

    def read(self, topic, at_least=0):
        name = getattr(self._scene.names, topic)
        return read_records(self._scene.properties["bootstrap.servers"], name, at_least=at_least)

    def find_committed(self, partition):
        consumer = Consumer({**self._scene.properties, "group.id": self._scene.group_id})
        try:
            (found,) = consumer.committed([ClientPartition(partition.topic, partition.partition)], ANSWER_SECONDS)
        finally:
            consumer.close()
        return found.offset if found.offset >= 0 else None


@pytest.fixture(params=[InMemory, pytest.param(OnKafka, marks=pytest.mark.kafka)])
def world(request):
    return InMemory() if request.param is InMemory else OnKafka(request.getfixturevalue("jobs_scene"))


@pytest.fixture
def decoder():
    return JobDecoder(ShippedSchemas(), Framing.CONFLUENT)


def take_chunk(world, events_partition=2, headers=()):
    """A chunk, and its record as the worker polls it."""
    (chunk,) = make_chunks(make_order(events_partition=events_partition), 1)
    world.put(chunk, headers)
    (record,) = poll_until(world.source, 1)
    return chunk, record


def find_partition(record):
    return TopicPartition(record.topic(), record.partition())


def test_a_finished_chunk_has_its_result_where_its_event_says_and_is_committed_past(world, decoder):
    chunk, record = take_chunk(world)
    world.delivery.finish(make_result(chunk), 2, next_offsets_of(record), world.source.group_metadata())

    (told,) = world.read("events", at_least=1)
    event = decoder.decode_event(told.value())
    assert isinstance(event, ChunkDone)
    assert (told.partition(), event.job_id, event.place.number) == (2, chunk.order.job_id, 0)
    (stored,) = world.read("results", at_least=1)
    assert (stored.partition(), stored.offset()) == (event.place.partition, event.place.offset)
    assert decoder.decode_result(stored.value()).job_id == chunk.order.job_id
    assert world.find_committed(find_partition(record)) == record.offset() + 1


def test_a_chunks_trace_is_in_its_record_and_goes_on_to_result_and_event(world):
    trace = TraceContext("a" * 32, "b" * 16, 1, "x=1")
    chunk, record = take_chunk(world, headers=make_headers(trace))
    assert find_context(record) == trace
    group = world.source.group_metadata()
    world.delivery.finish(make_result(chunk), 2, next_offsets_of(record), group, make_headers(trace))

    written = [world.read(topic, at_least=1)[0] for topic in ("results", "events")]
    assert [find_context(each) for each in written] == [trace, trace]


def test_a_buried_chunk_is_a_dead_letter_and_its_event_goes_where_its_header_says(world, decoder):
    chunk, record = take_chunk(world, events_partition=1)
    failed = ChunkFailed(chunk.order.job_id, chunk.order.submission, 1500, 0, "it is no chunk")
    world.delivery.fail(record, failed, next_offsets_of(record), world.source.group_metadata(), reason="it is no chunk")

    (told,) = world.read("events", at_least=1)
    assert (told.partition(), decoder.decode_event(told.value())) == (1, failed)
    (letter,) = world.read("dead_letters", at_least=1)
    assert (letter.key(), letter.value()) == (record.key(), record.value())
    assert world.read("results") == []
    assert world.find_committed(find_partition(record)) == record.offset() + 1


def test_a_chunk_of_a_job_that_nobody_can_name_is_a_dead_letter_without_an_event(world):
    _, record = take_chunk(world)
    world.delivery.fail(record, None, next_offsets_of(record), world.source.group_metadata(), reason="it is no chunk")
    assert len(world.read("dead_letters", at_least=1)) == 1
    assert world.read("events") == []


def test_a_chunk_that_is_skipped_is_committed_past_and_leaves_nothing(world):
    _, record = take_chunk(world)
    assert world.find_committed(find_partition(record)) in (None, record.offset())
    world.delivery.skip(next_offsets_of(record), world.source.group_metadata())
    assert world.find_committed(find_partition(record)) == record.offset() + 1
    assert world.read("events") == world.read("results") == world.read("dead_letters") == []
