"""Puts uploads and events of jobs onto their topics: nobody waits, and every record says what became of it."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from scoreline.errors import DeliveryError, RecordTooLarge, ServiceError, Unavailable
from scoreline.jobs.chunk import FIRST_CHUNKS, Chunk
from scoreline.jobs.events import EVENTS_PARTITION_HEADER, JobEvent, find_chunk_key, find_key
from scoreline.kafka.client.bounded import call_in_thread
from scoreline.kafka.client.clients import Properties, make_producer
from scoreline.kafka.client.errors import PURGES, TOO_LARGE, describe_error
from scoreline.kafka.client.shadowed import close_producer, raise_shadowed
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.jobs.encoding import JobEncoding, JobTopicNames
from scoreline.kafka.jobs.spreading import choose_partition
from scoreline.kafka.jobs.topics import JobTopics
from scoreline.records import Clock, Headers
from scoreline.transport.ports import ClientObserver

logger = logging.getLogger("scoreline.jobs")

MOST_UNACKNOWLEDGED_BYTES = 64 * 1024 * 1024
"""Of all uploads of a process together; each of them has a bound of its own that is well below."""

UPLOAD_DEFAULTS: Properties = {"linger.ms": 2}
"""A caller waits for the last acknowledgement of its upload."""

PATIENCE: Properties = {"message.timeout.ms": 30_000}
"""A broker that is away makes an upload fail: in contrast to the stream, somebody waits for it and may try again."""

SERVE_SECONDS = 0.1

Header = tuple[str, str | bytes | None]


class WatchedProducer(NamedTuple):
    """A producer, and what is told of it alone: another one that takes its place starts with nothing against it."""

    producer: Producer
    watch: ClientWatch


class KafkaJobPublisher:
    """Implements `scoreline.jobs.ports.JobPublisher`, with a thread that serves the producer.

    Args:
        connect: makes a producer; another one where the first has ended for good.
        most_unacknowledged_bytes: of chunks; events, which are small and few, always have room.
    """

    def __init__(
        self,
        connect: Callable[[], WatchedProducer],
        topics: JobTopics,
        encoding: JobEncoding,
        names: JobTopicNames,
        *,
        most_unacknowledged_bytes: int = MOST_UNACKNOWLEDGED_BYTES,
    ) -> None:
        self._connect = connect
        self._topics = topics
        self._encoding = encoding
        self._names = names
        self._most_unacknowledged_bytes = most_unacknowledged_bytes
        self._unacknowledged_bytes = 0
        self._lock = threading.Lock()  # of the bytes
        self._producer_lock = threading.Lock()  # held for a moment: the event loop publishes, too
        self._current = connect()
        self._closed = threading.Event()
        self._crashed: str | None = None
        self._thread = threading.Thread(target=self._serve, name="job-publisher", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        """Why nothing is published any more, until the process starts again; None while all is well."""
        return self._crashed

    @property
    def events_partitions(self) -> int:
        """How many partitions the events topic has; raises Unavailable while that is not known."""
        return self._topics.count_partitions(self._names.events)

    def publish_chunk(self, chunk: Chunk, headers: Headers = ()) -> "Future[None]":
        """Put a chunk on its lane; see the port."""
        order = chunk.order
        topic = self._names.jobs if chunk.number < FIRST_CHUNKS else self._names.bulk
        partition = choose_partition(order.submission, chunk.number, self._topics.count_partitions(topic))
        value = self._encoding.encode_chunk(chunk, topic)
        with self._lock:
            if self._unacknowledged_bytes + len(value) > max(self._most_unacknowledged_bytes, len(value)):
                raise Unavailable(
                    f"{self._unacknowledged_bytes} bytes of jobs wait for Kafka's acknowledgement already; "
                    "send the job again in a moment"
                )
            self._unacknowledged_bytes += len(value)
        all_headers = [(EVENTS_PARTITION_HEADER, str(order.events_partition).encode()), *headers]
        key = find_chunk_key(order.job_id, order.submission, chunk.number).encode()
        published = self._publish(topic, value, key, partition, all_headers)
        published.add_done_callback(partial(self._give_room, len(value)))
        return published

    def publish_event(self, event: JobEvent, events_partition: int, headers: Headers = ()) -> "Future[None]":
        """Put an event onto its partition; see the port."""
        value = self._encoding.encode_event(event)
        return self._publish(self._names.events, value, find_key(event).encode(), events_partition, headers)

    def close(self) -> None:
        """Give up what is not acknowledged and release the producer; never waits for a broker."""
        self._closed.set()
        self._thread.join(2 * SERVE_SECONDS + 1.0)
        with self._producer_lock:
            left = self._current
        _give_up(left)
        close_producer(*left)

    def _publish(self, topic: str, value: bytes, key: bytes, partition: int, headers: Headers) -> "Future[None]":
        published: Future[None] = Future()
        published.set_running_or_notify_cancel()  # it is on its way: cancelling would change nothing
        where = f"{topic}[{partition}]"
        given: list[Header] = list(headers)
        try:
            with self._producer_lock:  # whatever is closed meanwhile gets nothing more, and gives up what it has
                self._check_open()
                producer, watch = self._current
                settle = partial(_settle, published, watch, where)
                producer.produce(topic, value, key, partition, on_delivery=settle, headers=given)
        except Unavailable as refusal:
            published.set_exception(refusal)
        except BufferError:
            published.set_exception(Unavailable("the producer of jobs has no room; send the job again in a moment"))
        except KafkaException as raised:
            published.set_exception(_explain(raised.args[0], watch, where))
        return published

    def _check_open(self) -> None:
        if self._crashed is not None:
            raise Unavailable(self._crashed)
        if self._closed.is_set():
            raise Unavailable("the service is stopping")

    def _give_room(self, size: int, _: "Future[None]") -> None:
        with self._lock:
            self._unacknowledged_bytes -= size

    def _serve(self) -> None:
        try:
            while not self._closed.is_set():
                self._turn()
        except Exception as error:
            logger.exception("jobs are not published any more", extra={"event": "job_publisher_crashed"})
            with self._producer_lock:
                self._crashed = f"the thread that publishes jobs has ended ({type(error).__name__})"
            _give_up(self._current)  # nobody would tell what becomes of it

    def _turn(self) -> None:
        self._topics.tick()
        producer, watch = self._current
        try:
            raise_shadowed(partial(producer.poll, SERVE_SECONDS))
        except KafkaException as raised:
            watch.note(raised.args[0])
        if watch.fatal is not None:
            self._replace(self._current, watch.fatal)

    def _replace(self, lost: WatchedProducer, why: str) -> None:
        """An idempotent producer that has lost count of its records can never go on, but another one can."""
        logger.warning(
            "the producer of jobs cannot go on, another one does: %s",
            why,
            extra={"event": "job_producer_replaced", "error": why},
        )
        successor = self._connect()
        with self._producer_lock:
            self._current = successor
        _give_up(lost)
        call_in_thread(partial(close_producer, *lost))  # may wait for a broker, and the other one is to be served


def _settle(published: "Future[None]", watch: ClientWatch, where: str, error: KafkaError | None, _: Message) -> None:
    if error is None:
        published.set_result(None)
    else:
        published.set_exception(_explain(error, watch, where))


def _explain(error: KafkaError, watch: ClientWatch, where: str) -> ServiceError:
    detail = f"it was not delivered to {where}: {describe_error(error)}"
    if error.code() in TOO_LARGE:
        return RecordTooLarge(f"{detail}; the topic's max.message.bytes has to allow it (`scoreline topics create`)")
    if error.code() in PURGES:
        return Unavailable(f"it was given up before {where} had acknowledged it: {watch.reason or 'a stop'}")
    if error.code() == KafkaError.INVALID_RECORD:
        return DeliveryError(detail)
    return Unavailable(detail)


def _give_up(left: WatchedProducer) -> None:
    """Tell those who wait for a producer that what it has is not delivered."""
    try:
        left.producer.purge()
        raise_shadowed(partial(left.producer.flush, 0.1))
    except KafkaException as raised:
        left.watch.note(raised.args[0])


def open_job_publisher(
    properties: Properties,
    topics: JobTopics,
    encoding: JobEncoding,
    names: JobTopicNames,
    *,
    observer: ClientObserver | None,
    clock: Clock = time.monotonic,
) -> KafkaJobPublisher:
    """A publisher with a producer of its own.

    Args:
        properties: the user's for a producer, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property.
    """
    merged = {**UPLOAD_DEFAULTS, **properties, **PATIENCE}

    def connect() -> WatchedProducer:
        watch = ClientWatch(observer, clock=clock)
        return WatchedProducer(make_producer(merged, watch=watch, tell_delivered=True), watch)

    return KafkaJobPublisher(connect, topics, encoding, names)
