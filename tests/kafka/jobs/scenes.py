"""Topics of jobs on a real broker, and what works on them."""

import secrets
import time
import uuid
from functools import partial

import numpy as np

from scoreline.errors import Unavailable
from scoreline.jobs.chunk import Chunk, JobOrder
from scoreline.jobs.events import Submitted
from scoreline.jobs.result import ChunkResult
from scoreline.jobs.view import JobView
from scoreline.jobs.wire import JobDecoder
from scoreline.kafka.cluster.admin import open_admin
from scoreline.kafka.jobs.chunk_deliveries import open_chunk_delivery
from scoreline.kafka.jobs.committed import CommittedOffsets
from scoreline.kafka.jobs.encoding import JobEncoding, JobTopicNames
from scoreline.kafka.jobs.feed import open_event_feed
from scoreline.kafka.jobs.publisher import open_job_publisher
from scoreline.kafka.jobs.results import open_result_reader
from scoreline.kafka.jobs.topics import open_job_topics
from scoreline.kafka.member.source import open_source
from scoreline.records import TopicPartition
from scoreline.schemas.folder import FolderCatalog
from scoreline.schemas.framing import Framing
from scoreline.transport.patience import Patience

WEEK_SECONDS = 7 * 24 * 3600
ANSWER_SECONDS = 20.0


class Nobody:
    """Hears everything, and does nothing about it."""

    def commit_answered(self, next_offsets, error):
        pass

    def client_error(self, name, detail):
        pass

    def transaction_ended(self, outcome):
        pass


class JobsScene:
    """Everything that is opened here is closed by `close`, the last first."""

    def __init__(self, bootstrap_servers, make_topic, folder, *, partitions=3, results_config=None):
        self.properties = {"bootstrap.servers": bootstrap_servers}
        self.partitions = partitions
        label = f"jobs-{secrets.token_hex(4)}"
        self.names = JobTopicNames(label, f"{label}.bulk", f"{label}.results", f"{label}.events", f"{label}.letters")
        for name in self.names.every:
            config = results_config if name == self.names.results else {"max.message.bytes": "2000000"}
            make_topic(name, partitions=partitions, exact=True, config=config)
        self.catalog = FolderCatalog(folder)
        self.encoding = JobEncoding(self.catalog, Framing.CONFLUENT, self.names)
        self.encoding.look()
        self.group_id = f"group-{label}"
        self._closers = []

    def close(self):
        for close in reversed(self._closers):
            close()

    def open_topics(self):
        return open_job_topics(self.properties, self.names.every[:4], observer=None)

    def open_publisher(self):
        publisher = open_job_publisher(self.properties, self.open_topics(), self.encoding, self.names, observer=None)
        self._closers.append(publisher.close)
        await_that(lambda: knows_partitions(publisher))
        return publisher

    def open_feed(self, **options):
        view = JobView(time.time, results_retention_seconds=WEEK_SECONDS)
        decoder = JobDecoder(self.catalog, Framing.CONFLUENT)
        feed = open_event_feed(
            self.properties,
            self.open_topics(),
            self.names.events,
            decoder,
            view,
            observer=None,
            **{"tell_ended": lambda status: None, **options},
        )
        feed.start()
        self._closers.append(partial(feed.close, 5.0))
        return feed, view

    def open_reader(self, **options):
        reader = open_result_reader(
            self.properties,
            self.names.results,
            JobDecoder(self.catalog, Framing.CONFLUENT),
            **{"should_stop": lambda: False, **options},
        )
        self._closers.append(reader.close)
        return reader

    def count_partitions(self, topic):
        return open_admin(self.properties, observer=None).describe_topics([topic])[topic].partitions

    def open_source(self, topic):
        source = open_source(self.properties, [topic], group_id=self.group_id, observer=Nobody())
        self._closers.append(source.close)
        return source

    def open_delivery(self, source, member="one", *, encoding=None, properties=None):
        patience = Patience(source, clock=time.monotonic, should_give_up=lambda: False, heartbeat=lambda: None)
        delivery = open_chunk_delivery(
            {**self.properties, **(properties or {})},
            encoding or self.encoding,
            self.names,
            dict.fromkeys(self.names.every, self.partitions),
            count_partitions=self.count_partitions,
            find_committed=CommittedOffsets(self.properties, self.group_id, observer=None).find,
            transactional_id=f"{self.group_id}-{member}",
            patience=patience,
            client_observer=Nobody(),
            observer=Nobody(),
            keep_waiting=lambda: True,
        )
        self._closers.append(delivery.close)
        return delivery


def await_that(condition, seconds=ANSWER_SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not come to be in time"
        time.sleep(0.01)


def knows_partitions(publisher):
    try:
        return publisher.events_partitions > 0
    except Unavailable:
        return False


def is_ready(feed):
    try:
        feed.check_ready()
    except Unavailable:
        return False
    return True


def poll_until(source, count):
    """So many records of a source."""
    taken = []
    deadline = time.monotonic() + ANSWER_SECONDS
    while len(taken) < count:
        taken += source.poll(100, 1 << 24, 0.2)
        assert time.monotonic() < deadline, f"{len(taken)} of {count} came"
    return taken


def next_offsets_of(record):
    return {TopicPartition(record.topic(), record.partition()): record.offset() + 1}


def make_order(job_id=None, submission=None, events_partition=1):
    job_id = job_id or str(uuid.uuid4())
    return JobOrder(job_id, submission or job_id, "model", 3, False, (), events_partition)


def make_chunks(order, count, rows=2):
    line = b'{"a":1}'
    return [Chunk(order, n, n * rows, rows, b"\n".join([line] * rows)) for n in range(count)]


def make_submitted(order, chunks, rows, at_ms=None):
    at_ms = int(time.time() * 1000) if at_ms is None else at_ms
    return Submitted(order.job_id, order.submission, at_ms, chunks, rows, order.model, order.version, b"d" * 32)


def make_result(chunk):
    predictions = np.arange(chunk.first_row, chunk.first_row + chunk.rows, dtype=np.float64)
    order = chunk.order
    return ChunkResult(
        order.job_id,
        order.submission,
        chunk.number,
        chunk.first_row,
        order.model,
        order.version,
        predictions,
        (),
        int(time.time() * 1000),
    )
