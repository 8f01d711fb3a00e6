"""Batch jobs when the broker goes and comes back, when partitions are added, when a transaction is left open."""

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from scoreline.errors import DeliveryError, FatalClientError, Unavailable
from scoreline.jobs.job import JobStatus
from scoreline.jobs.wire import JobDecoder
from scoreline.kafka.client.clients import make_transactional_producer
from scoreline.kafka.cluster.groups import LATEST, open_group_admin
from scoreline.kafka.publishing.transacting import TransactionalProducing
from scoreline.records import TopicPartition
from scoreline.schemas.framing import Framing
from scoreline.testing.consume import read_records
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


def test_of_two_live_workers_with_one_name_the_older_ends_and_says_which_variable(worked_on):
    """It would take the name back, and the younger after it, for ever."""
    worked_on.finish(0)
    worked_on.scene.open_delivery(worked_on.source)  # under the same transactional id
    with pytest.raises(FatalClientError, match="SCORELINE_MEMBER_ID"):
        worked_on.finish(1)


def test_a_producer_whose_transaction_the_broker_has_given_up_is_replaced_and_its_chunk_done_again(worked_on):
    class Dawdling:
        """Has the first event wait until the transaction that it is to belong to was aborted."""

        def __init__(self, encoding):
            self.encode_result = encoding.encode_result
            self._encode = encoding.encode_event
            self.waited = False

        def encode_event(self, event):
            if not self.waited:
                self.waited = True
                await_that(worked_on.has_nothing_open, 30.0)
            return self._encode(event)

    scene = worked_on.scene
    worked_on.delivery = scene.open_delivery(
        worked_on.source, "two", encoding=Dawdling(scene.encoding), properties={"transaction.timeout.ms": 1000}
    )
    with pytest.raises(DeliveryError, match="has to be done again"):
        worked_on.finish(0)
    worked_on.finish(0)
    worked_on.finish(1)
    assert worked_on.read_numbers() == [0, 1]
    assert worked_on.find_status() is JobStatus.SUCCEEDED


def test_a_commit_that_went_through_before_its_producer_was_lost_is_not_done_again(worked_on, monkeypatch):
    commit = TransactionalProducing.commit
    losses = []

    def commit_and_lose(producing, timeout_seconds):
        answered = commit(producing, timeout_seconds)
        if answered and not losses:
            losses.append(producing)
            raise FatalClientError("the answer is lost")
        return answered

    monkeypatch.setattr(TransactionalProducing, "commit", commit_and_lose)
    worked_on.finish(0)
    assert losses
    worked_on.finish(1)
    assert worked_on.read_numbers() == [0, 1]
    assert worked_on.find_status() is JobStatus.SUCCEEDED


def test_an_event_for_a_partition_that_was_added_lies_in_it(worked_on):
    """The worker's own counts are those of its start, and so is what its producer knows."""
    scene = worked_on.scene
    worked_on.finish(1)
    admin = AdminClient(scene.properties)
    added = admin.create_partitions([NewPartitions(scene.names.events, scene.partitions + 2)])
    added[scene.names.events].result(ANSWER_SECONDS)
    last = scene.partitions + 1
    worked_on.finish(0, events_partition=last)
    events = read_records(scene.properties["bootstrap.servers"], scene.names.events, at_least=3)
    assert [record.partition() for record in events if b"/0/" in record.key()] == [last]


class WorkedOn:
    """A job of two chunks that a worker has read."""

    def __init__(self, scene):
        self.scene = scene
        publisher = scene.open_publisher()
        self.feed, self.view = scene.open_feed()
        self.order = make_order()
        for chunk in make_chunks(self.order, 2):
            publisher.publish_chunk(chunk).result(ANSWER_SECONDS)
        publisher.publish_event(make_submitted(self.order, 2, 4), self.order.events_partition).result(ANSWER_SECONDS)
        self.source = scene.open_source(scene.names.jobs)
        decoder = JobDecoder(scene.catalog, Framing.CONFLUENT)
        records = [(decoder.decode_chunk(record.value()), record) for record in poll_until(self.source, 2)]
        self.records = {chunk.number: (chunk, record) for chunk, record in records}
        self.delivery = scene.open_delivery(self.source)

    def finish(self, number, events_partition=None):
        chunk, record = self.records[number]
        told_on = self.order.events_partition if events_partition is None else events_partition
        self.delivery.finish(make_result(chunk), told_on, next_offsets_of(record), self.source.group_metadata())

    def has_nothing_open(self):
        """Whether every result can be read, or was rolled back."""
        names, servers = self.scene.names, self.scene.properties
        offsets = open_group_admin(servers)
        partitions = [TopicPartition(names.results, p) for p in range(self.scene.partitions)]
        ends = offsets.find_positions(dict.fromkeys(partitions, LATEST))
        # A result that was rolled back leaves its offset and that of the marker.
        return sum(ends.values()) >= 2

    def read_numbers(self):
        servers, names = self.scene.properties["bootstrap.servers"], self.scene.names
        decoder = JobDecoder(self.scene.catalog, Framing.CONFLUENT)
        return sorted(decoder.decode_result(r.value()).number for r in read_records(servers, names.results, at_least=2))

    def find_status(self):
        self.feed.catch_up().result(ANSWER_SECONDS)
        return self.view.find(self.order.job_id).status


@pytest.fixture
def worked_on(jobs_scene):
    return WorkedOn(jobs_scene)
