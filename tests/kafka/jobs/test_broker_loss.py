"""Batch jobs when the broker goes and comes back, when partitions are added, when a transaction is left open."""

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from scoreline.errors import DeliveryError, Unavailable
from scoreline.jobs.job import JobStatus
from scoreline.jobs.wire import JobDecoder
from scoreline.kafka.client.clients import make_transactional_producer
from scoreline.schemas.framing import Framing
from scoreline.testing.topics import Topics
from tests.kafka.jobs.scenes import (
    ANSWER_SECONDS,
    JobsScene,
    await_that,
    make_chunks,
    make_order,
    make_result,
    make_submitted,
    next_offsets_of,
    poll_until,
)

pytestmark = pytest.mark.kafka


def test_a_broker_that_is_killed_and_comes_back_costs_nothing_but_time(disposable_kafka, tmp_path):
    """Uploads go through, the feed reads on, a worker finishes its chunk, results come: with the clients of before."""
    scene = JobsScene(disposable_kafka.bootstrap_servers, Topics(disposable_kafka.bootstrap_servers).make, tmp_path)
    try:
        publisher = scene.open_publisher()
        feed, view = scene.open_feed()
        source = scene.open_source(scene.names.jobs)
        delivery = scene.open_delivery(source)
        order = make_order()
        (chunk,) = make_chunks(order, 1)
        publisher.publish_chunk(chunk).result(ANSWER_SECONDS)
        (record,) = poll_until(source, 1)
        group = source.group_metadata()
        feed.catch_up().result(ANSWER_SECONDS)

        disposable_kafka.kill()
        published = publisher.publish_event(make_submitted(order, 1, 2), order.events_partition)
        with pytest.raises(Unavailable):
            feed.catch_up().result(ANSWER_SECONDS)
        disposable_kafka.start()

        published.result(ANSWER_SECONDS)
        decoded = JobDecoder(scene.catalog, Framing.CONFLUENT).decode_chunk(record.value())
        delivery.finish(make_result(decoded), order.events_partition, next_offsets_of(record), group)
        await_that(lambda: is_done(feed, view, order.job_id))
        (result,) = scene.open_reader().read(view.locate(order.job_id, 0, 2))
        assert result.predictions.tolist() == [0.0, 1.0]
    finally:
        scene.close()


def is_done(feed, view, job_id):
    try:
        feed.catch_up().result(ANSWER_SECONDS)
    except Unavailable:
        return False
    return view.find(job_id).status is JobStatus.SUCCEEDED


def test_an_event_on_a_partition_that_was_added_is_known_once_it_was_caught_up_with(jobs_scene):
    publisher = jobs_scene.open_publisher()
    feed, view = jobs_scene.open_feed()
    feed.catch_up().result(ANSWER_SECONDS)
    more = jobs_scene.partitions + 2
    admin = AdminClient(jobs_scene.properties)
    added = admin.create_partitions([NewPartitions(jobs_scene.names.events, more)])
    added[jobs_scene.names.events].result(ANSWER_SECONDS)
    order = make_order(events_partition=more - 1)
    publisher.publish_event(make_submitted(order, 1, 1), order.events_partition).result(ANSWER_SECONDS)

    feed.catch_up().result(ANSWER_SECONDS)
    assert view.find(order.job_id) is not None


def test_what_lies_behind_an_open_transaction_is_never_said_not_to_be_there(jobs_scene):
    """Until the transaction ends, to catch up fails; it does not pass."""
    publisher = jobs_scene.open_publisher()
    feed, view = jobs_scene.open_feed(catch_up_seconds=2.0)
    order = make_order()
    killed = make_transactional_producer(jobs_scene.properties, "killed-in-the-middle")
    killed.init_transactions(ANSWER_SECONDS)
    killed.begin_transaction()
    killed.produce(jobs_scene.names.events, b"whatever", b"key", order.events_partition)
    killed.flush(ANSWER_SECONDS)
    publisher.publish_event(make_submitted(order, 1, 1), order.events_partition).result(ANSWER_SECONDS)

    with pytest.raises(Unavailable, match="a transaction that a worker has left open"):
        feed.catch_up().result(ANSWER_SECONDS)
    assert view.find(order.job_id) is None
    killed.abort_transaction(ANSWER_SECONDS)
    feed.catch_up().result(ANSWER_SECONDS)
    assert view.find(order.job_id) is not None
    killed.close()


def test_a_producer_that_is_lost_is_replaced_and_its_chunk_done_again(jobs_scene):
    """Fenced by another one with its name, as by a broker that has given it up."""
    publisher = jobs_scene.open_publisher()
    feed, view = jobs_scene.open_feed()
    order = make_order()
    chunks = make_chunks(order, 2)
    for chunk in chunks:
        publisher.publish_chunk(chunk).result(ANSWER_SECONDS)
    publisher.publish_event(make_submitted(order, 2, 4), order.events_partition).result(ANSWER_SECONDS)
    source = jobs_scene.open_source(jobs_scene.names.jobs)
    records = poll_until(source, 2)
    delivery = jobs_scene.open_delivery(source)
    decoder = JobDecoder(jobs_scene.catalog, Framing.CONFLUENT)

    def finish(record):
        result = make_result(decoder.decode_chunk(record.value()))
        delivery.finish(result, order.events_partition, next_offsets_of(record), source.group_metadata())

    finish(records[0])
    thief = jobs_scene.open_delivery(source)  # under the same transactional id
    with pytest.raises(DeliveryError, match="has to be done again"):
        finish(records[1])
    finish(records[1])
    thief.close()
    feed.catch_up().result(ANSWER_SECONDS)
    assert view.find(order.job_id).status is JobStatus.SUCCEEDED
