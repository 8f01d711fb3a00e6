"""Uploads, events and results of jobs on a real broker."""

import dataclasses
import random
import time

import pytest

from scoreline.errors import DeliveryError, RecordTooLarge, ResultsGone, Unavailable
from scoreline.jobs.chunk import FIRST_CHUNKS
from scoreline.jobs.events import Cancelled, ChunkFailed
from scoreline.jobs.job import JobStatus
from scoreline.jobs.result import ResultPlace
from scoreline.jobs.wire import JobDecoder
from scoreline.kafka.jobs.committed import CommittedOffsets
from scoreline.kafka.jobs.publisher import open_job_publisher
from scoreline.records import TopicPartition
from scoreline.schemas.framing import Framing
from scoreline.testing.consume import read_records
from tests.kafka.jobs.scenes import (
    ANSWER_SECONDS,
    JobsScene,
    await_that,
    is_ready,
    make_chunks,
    make_order,
    make_result,
    make_submitted,
    next_offsets_of,
    poll_until,
)

pytestmark = pytest.mark.kafka


def upload(publisher, order, count, rows=2):
    chunks = make_chunks(order, count, rows)
    for published in [publisher.publish_chunk(chunk) for chunk in chunks]:
        published.result(ANSWER_SECONDS)
    publisher.publish_event(make_submitted(order, count, count * rows), order.events_partition).result(ANSWER_SECONDS)
    return chunks


def work(scene, delivery, source, count):
    """Finish so many chunks."""
    decoder = JobDecoder(scene.catalog, Framing.CONFLUENT)
    left = count
    while left:
        for record in poll_until(source, 1):
            chunk = decoder.decode_chunk(record.value())
            group = source.group_metadata()
            delivery.finish(make_result(chunk), chunk.order.events_partition, next_offsets_of(record), group)
            left -= 1


def test_the_first_chunks_and_the_rest_go_their_own_ways_over_all_partitions(jobs_scene):
    publisher = jobs_scene.open_publisher()
    order = make_order()
    upload(publisher, order, FIRST_CHUNKS + 6)

    servers = jobs_scene.properties["bootstrap.servers"]
    first = read_records(servers, jobs_scene.names.jobs, at_least=FIRST_CHUNKS)
    rest = read_records(servers, jobs_scene.names.bulk, at_least=6)
    decoder = JobDecoder(jobs_scene.catalog, Framing.CONFLUENT)
    assert sorted(decoder.decode_chunk(r.value()).number for r in first) == list(range(FIRST_CHUNKS))
    assert sorted(decoder.decode_chunk(r.value()).number for r in rest) == list(range(FIRST_CHUNKS, FIRST_CHUNKS + 6))
    assert {r.partition() for r in first} == {r.partition() for r in rest} == {0, 1, 2}
    assert {r.key() for r in first} == {f"{order.job_id}/{n}".encode() for n in range(FIRST_CHUNKS)}
    assert dict(first[0].headers())["scoreline-job-events-partition"] == b"1"


def test_a_job_goes_from_its_upload_to_its_results(jobs_scene):
    publisher = jobs_scene.open_publisher()
    feed, view = jobs_scene.open_feed()
    source = jobs_scene.open_source(jobs_scene.names.jobs)
    order = make_order()
    upload(publisher, order, 5)
    feed.catch_up().result(ANSWER_SECONDS)
    assert view.find(order.job_id).status is JobStatus.QUEUED

    work(jobs_scene, jobs_scene.open_delivery(source), source, 5)
    feed.catch_up().result(ANSWER_SECONDS)
    job = view.find(order.job_id)
    assert (job.status, job.rows_done, job.rows_failed) == (JobStatus.SUCCEEDED, 10, 0)
    reader = jobs_scene.open_reader()
    places = view.locate(order.job_id, 0, 10)
    assert [p for result in reader.read(places) for p in result.predictions] == list(range(10))
    assert [result.number for result in reader.read(places[3:])] == [3, 4], "and again, and not from the start"
    assert [result.number for result in reader.read(list(reversed(places)))] == [4, 3, 2, 1, 0]


def test_what_was_acknowledged_on_one_sidecar_is_never_unknown_on_another(jobs_scene):
    """Round-robin: submit here, ask there, at once."""
    publisher = jobs_scene.open_publisher()
    sidecars = [jobs_scene.open_feed(), jobs_scene.open_feed()]
    for turn in range(40):
        order = make_order(events_partition=turn % jobs_scene.partitions)
        publisher.publish_event(make_submitted(order, 1, 1), order.events_partition).result(ANSWER_SECONDS)
        feed, view = sidecars[turn % 2]
        if view.find(order.job_id) is None:
            feed.catch_up().result(ANSWER_SECONDS)
        assert view.find(order.job_id) is not None


def test_a_sidecar_that_starts_later_knows_every_job_once_it_is_ready(jobs_scene):
    publisher = jobs_scene.open_publisher()
    orders = [make_order(events_partition=n % jobs_scene.partitions) for n in range(30)]
    for order in orders:
        upload(publisher, order, 1)
    cancelled = orders[7]
    publisher.publish_event(
        Cancelled(cancelled.job_id, cancelled.submission, now_ms()), cancelled.events_partition
    ).result(ANSWER_SECONDS)
    feed, view = jobs_scene.open_feed()
    await_that(lambda: is_ready(feed))

    assert all(view.find(order.job_id) is not None for order in orders)


def now_ms():
    return int(time.time() * 1000)


def test_nothing_of_an_aborted_transaction_is_seen_and_the_chunk_comes_again(jobs_scene):
    """The group moves on between reading and finishing: offsets that were read under the old membership are refused."""
    publisher = jobs_scene.open_publisher()
    feed, view = jobs_scene.open_feed()
    order = make_order()
    upload(publisher, order, 1)
    source = jobs_scene.open_source(jobs_scene.names.jobs)
    (record,) = poll_until(source, 1)
    stale = source.group_metadata()
    delivery = jobs_scene.open_delivery(source)
    other = jobs_scene.open_source(jobs_scene.names.jobs)
    await_that(lambda: not (source.poll(1, 1, 0.05) or other.poll(1, 1, 0.05)) and other.assignment())
    chunk = JobDecoder(jobs_scene.catalog, Framing.CONFLUENT).decode_chunk(record.value())

    with pytest.raises(DeliveryError):
        delivery.finish(make_result(chunk), order.events_partition, next_offsets_of(record), stale)
    feed.catch_up().result(ANSWER_SECONDS)
    assert view.find(order.job_id).chunks_done == 0
    assert read_records(jobs_scene.properties["bootstrap.servers"], jobs_scene.names.results) == []


def test_an_unreadable_chunk_fails_its_job_and_lies_in_the_dead_letters(jobs_scene):
    publisher = jobs_scene.open_publisher()
    feed, view = jobs_scene.open_feed()
    order = make_order(events_partition=2)
    upload(publisher, order, 1)
    source = jobs_scene.open_source(jobs_scene.names.jobs)
    (record,) = poll_until(source, 1)
    event = ChunkFailed(order.job_id, order.submission, now_ms(), 0, "it is no chunk")
    delivery = jobs_scene.open_delivery(source)
    delivery.fail(record, event, next_offsets_of(record), source.group_metadata(), reason="it is no chunk")

    feed.catch_up().result(ANSWER_SECONDS)
    job = view.find(order.job_id)
    assert (job.status, job.detail) == (JobStatus.FAILED, "it is no chunk")
    (letter,) = read_records(jobs_scene.properties["bootstrap.servers"], jobs_scene.names.dead_letters, at_least=1)
    assert letter.value() == record.value()
    assert dict(letter.headers())["scoreline-error-detail"] == b"it is no chunk"


def test_a_result_that_its_topic_does_not_take_is_told_and_leaves_nothing(kafka, make_topic, tmp_path):
    scene = JobsScene(kafka.bootstrap_servers, make_topic, tmp_path, results_config={"max.message.bytes": "2000"})
    try:
        publisher = scene.open_publisher()
        feed, view = scene.open_feed()
        order = make_order()
        upload(publisher, order, 2, rows=2000)
        source = scene.open_source(scene.names.jobs)
        with pytest.raises(RecordTooLarge, match="MSG_SIZE_TOO_LARGE"):
            work(scene, scene.open_delivery(source), source, 2)
        feed.catch_up().result(ANSWER_SECONDS)
        assert view.find(order.job_id).chunks_done == 0
    finally:
        scene.close()


def test_chunks_that_nobody_wants_are_committed_past(jobs_scene):
    publisher = jobs_scene.open_publisher()
    upload(publisher, make_order(), 1)
    source = jobs_scene.open_source(jobs_scene.names.jobs)
    (record,) = poll_until(source, 1)
    partition = TopicPartition(record.topic(), record.partition())
    committed = CommittedOffsets(jobs_scene.properties, jobs_scene.group_id, observer=None)
    assert committed.find([partition]) == {partition: record.offset()}, "where the partition begins"
    jobs_scene.open_delivery(source).skip(next_offsets_of(record), source.group_metadata())

    assert committed.find([partition]) == {partition: record.offset() + 1}


def test_a_chunk_that_is_too_large_for_its_topic_is_told(jobs_scene):
    publisher = jobs_scene.open_publisher()
    (chunk,) = make_chunks(make_order(), 1)
    chunk = dataclasses.replace(chunk, lines=random.Random(1).randbytes(3_000_000))
    with pytest.raises(RecordTooLarge, match=r"max\.message\.bytes"):
        publisher.publish_chunk(chunk).result(ANSWER_SECONDS)


def test_a_topic_that_is_missing_is_named_with_what_makes_it(kafka, jobs_scene):
    names = type(jobs_scene.names)("no-jobs", "no-bulk", "no-results", "no-events", "no-letters")
    from scoreline.kafka.jobs.topics import open_job_topics

    topics = open_job_topics(jobs_scene.properties, names.every[:4], observer=None)
    publisher = open_job_publisher(jobs_scene.properties, topics, jobs_scene.encoding, names, observer=None)
    try:
        await_that(lambda: "does not exist" in find_trouble(publisher))
        assert "the topic no-events does not exist" in find_trouble(publisher)
        assert "scoreline topics create" in find_trouble(publisher)
    finally:
        publisher.close()


def find_trouble(publisher):
    with pytest.raises(Unavailable) as caught:
        _ = publisher.events_partitions
    return str(caught.value)


def test_results_that_retention_has_taken_are_gone(jobs_scene):
    publisher = jobs_scene.open_publisher()
    feed, view = jobs_scene.open_feed()
    order = make_order()
    upload(publisher, order, 4)
    source = jobs_scene.open_source(jobs_scene.names.jobs)
    work(jobs_scene, jobs_scene.open_delivery(source), source, 4)
    feed.catch_up().result(ANSWER_SECONDS)
    places = view.locate(order.job_id, 0, 8)
    delete_everything(jobs_scene, jobs_scene.names.results)

    with pytest.raises(ResultsGone, match="does not have the offset"):
        list(jobs_scene.open_reader().read(places))
    end = max(place.offset for place in places if place.partition == places[0].partition) + 2
    with pytest.raises(ResultsGone, match=f"it ends at {end}"):
        list(jobs_scene.open_reader(quiet_seconds=0.5).read([ResultPlace(0, 0, 2, 0, places[0].partition, end)]))


def delete_everything(scene, topic):
    from confluent_kafka import OFFSET_END, TopicPartition
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(scene.properties)
    ends = [TopicPartition(topic, p, OFFSET_END) for p in range(scene.partitions)]
    for answer in admin.delete_records(ends).values():
        answer.result(ANSWER_SECONDS)
