"""Reads all events of jobs, from the first that is kept to the last, outside any group, into the view of a process."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.errors import ServiceError, Unavailable
from scoreline.jobs.job import JobStatus
from scoreline.jobs.view import JobView
from scoreline.jobs.wire import JobDecoder
from scoreline.kafka.client.bounded import call_in_thread
from scoreline.kafka.client.clients import Properties, make_consumer, without_membership
from scoreline.kafka.client.consuming import concerns_group, consume_at_once
from scoreline.kafka.client.errors import PARTITION_EOF
from scoreline.kafka.client.headers import find_trace
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.commands.reader import NOBODYS_GROUP
from scoreline.kafka.jobs.catching_up import CatchingUp
from scoreline.kafka.jobs.folding import EventFolding
from scoreline.kafka.jobs.topics import JobTopics
from scoreline.records import Clock, TopicPartition
from scoreline.transport.ports import ClientObserver

logger = logging.getLogger("scoreline.jobs")

FEED_DEFAULTS: Properties = {"queued.min.messages": 10_000, "queued.max.messages.kbytes": 8_192}
FEED_INVARIANTS: Properties = {
    "group.id": NOBODYS_GROUP,
    "auto.offset.reset": "earliest",  # what retention has taken concerns nobody any more
    "fetch.min.bytes": 1,  # who catches up waits for a single event, whatever a stream is to wait for
    "fetch.wait.max.ms": 100,
}

AT_ONCE = 1000
WAIT_SECONDS = 0.1
RETRY_SECONDS = 0.5
CATCH_UP_SECONDS = 4.0
"""Within the time that a caller of HTTP is answered in; a worker that was killed may hide events for longer."""


class KafkaEventFeed:
    """Implements `scoreline.jobs.ports.EventFeed`, with a thread that reads.

    Args:
        connect: makes a consumer with `watch` that is told of ends; another one where the first has ended for good.
        prepare: done first, again and again until it does not raise a `ServiceError`; may wait.
        decoder: for the thread of the feed alone.
        clock: monotonic seconds.
        tell_ended: called for each job that ends after the feed became ready; may not raise.
    """

    def __init__(
        self,
        connect: Callable[[], Consumer],
        topics: JobTopics,
        topic: str,
        decoder: JobDecoder,
        view: JobView,
        *,
        prepare: Callable[[], None],
        watch: ClientWatch,
        clock: Clock,
        tell_ended: Callable[[JobStatus], None],
        catch_up_seconds: float = CATCH_UP_SECONDS,
    ) -> None:
        self._connect = connect
        self._topics = topics
        self._topic = topic
        self._folding = EventFolding(decoder, view, clock=clock, tell_ended=tell_ended)
        self._prepare = prepare
        self._watch = watch
        self._clock = clock
        find_ends = partial(topics.find_ends, topic)
        self._catching_up = CatchingUp(find_ends, seconds=catch_up_seconds, explain=self._find_trouble, clock=clock)
        self._start = CatchingUp(find_ends, seconds=float("inf"), explain=self._find_trouble, clock=clock)
        self._started: Future[None] | None = None
        self._ready = False
        self._trouble: str | None = "its reading has not begun yet"
        self._positions: dict[int, int] = {}
        self._undecoded: list[Message] = []
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job-events", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def check_ready(self) -> None:
        """Whether the view is what the topic held when the process started.

        Raises:
            Unavailable: not yet; says why.
        """
        if not self._ready:
            raise Unavailable(f"jobs are not known yet, their events are still being read: {self.describe()}")
        if not self.is_alive:
            raise Unavailable(f"what happens to jobs is not known any more: {self.describe()}")

    def catch_up(self) -> "Future[None]":
        """Done when everything that is acknowledged by now is in the view; see the port."""
        return self._catching_up.wait()

    def describe(self) -> str:
        """How it stands, for people."""
        if self._thread.ident is not None and not self._thread.is_alive() and not self._closed.is_set():
            return "the thread that reads them has ended"
        trouble = self._find_trouble()
        if trouble is not None:
            return trouble
        unreadable = f", {self._folding.unreadable} of them unreadable" if self._folding.unreadable else ""
        return f"read up to {sum(self._positions.values())} in {len(self._positions)} partitions{unreadable}"

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs, or is not to run yet."""
        return self._thread.ident is None or self._thread.is_alive() or self._closed.is_set()

    def close(self, within_seconds: float) -> None:
        """Stop reading; a thread that waits for a broker is left behind."""
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join(within_seconds)

    def _run(self) -> None:
        try:
            if not self._get_prepared():
                return
            consumer = self._connect()
            try:
                while not self._closed.is_set():
                    consumer = self._turn(consumer)
            finally:
                # Closing may wait for a broker that is away.
                call_in_thread(consumer.close)
        except Exception:
            logger.exception("events of jobs are not read any more", extra={"event": "job_feed_crashed"})

    def _get_prepared(self) -> bool:
        while not self._closed.is_set():
            self._topics.tick()
            try:
                self._prepare()
            except ServiceError as error:
                self._trouble = str(error)
                self._closed.wait(RETRY_SECONDS)
            else:
                self._trouble = None
                return True
        return False

    def _turn(self, consumer: Consumer) -> Consumer:
        self._topics.tick()
        self._find_start()
        if self._watch.fatal is not None:
            call_in_thread(consumer.close)
            self._watch.fatal = None  # of the old one
            consumer = self._connect()
            self._assign(consumer, list(self._positions.items()))
        self._add_partitions(consumer)
        if not self._positions:
            self._closed.wait(WAIT_SECONDS)
        elif not self._undecoded:
            self._undecoded = self._consume(consumer)
        self._apply()
        self._catching_up.settle()
        self._start.settle()
        return consumer

    def _find_start(self) -> None:
        """Find out where the topic ends at the start, and notice when that was reached."""
        if self._ready:
            return
        if self._started is None:
            self._started = self._start.wait()
        elif self._started.done():
            error = self._started.exception()
            self._ready = error is None
            if self._ready:
                self._trouble = None
                logger.info("all events of jobs have been read", extra={"event": "job_events_read"})
            else:
                self._trouble = str(error)
                self._started = None
                self._closed.wait(RETRY_SECONDS)

    def _add_partitions(self, consumer: Consumer) -> None:
        """Those that the topic has by now, from their beginning."""
        known = max(self._start.partitions, self._catching_up.partitions)
        try:
            known = max(known, self._topics.count_partitions(self._topic))
        except Unavailable as error:
            if not known:
                self._trouble = str(error)
        new = [p for p in range(known) if p not in self._positions]
        if new:
            self._trouble = None
            self._assign(consumer, [(p, OFFSET_BEGINNING) for p in new])
            self._positions.update(dict.fromkeys(new, 0))

    def _assign(self, consumer: Consumer, starts: Sequence[tuple[int, int]]) -> None:
        wanted = [ClientPartition(self._topic, p, offset or OFFSET_BEGINNING) for p, offset in starts]
        if wanted:
            consumer.incremental_assign(wanted)

    def _consume(self, consumer: Consumer) -> list[Message]:
        try:
            return consume_at_once(consumer, AT_ONCE, WAIT_SECONDS)
        except KafkaException as raised:
            self._watch.note(raised.args[0])
            return []

    def _apply(self) -> None:
        """Put what was read into the view; what the schema registry is needed for waits for it."""
        for done, message in enumerate(self._undecoded):
            try:
                self._take(message)
            except Unavailable as error:
                self._trouble = str(error)
                del self._undecoded[:done]
                self._closed.wait(RETRY_SECONDS)
                return
        if self._undecoded:
            self._undecoded = []
            self._trouble = None

    def _take(self, message: Message) -> None:
        error, partition, offset = message.error(), message.partition(), message.offset()
        if partition is None or offset is None:
            return
        if error is not None:
            if error.code() == PARTITION_EOF:
                self._watch.forget()
                self._note_position(partition, offset)
            elif not concerns_group(error):
                self._watch.note(error)
            return
        # What happened before the start has been logged by others.
        trace_id = find_trace(message) if self._ready else None
        self._folding.take(
            message.value(), TopicPartition(self._topic, partition), offset, is_news=self._ready, trace_id=trace_id
        )
        self._note_position(partition, offset + 1)

    def _note_position(self, partition: int, position: int) -> None:
        self._positions[partition] = position
        self._catching_up.read(partition, position)
        self._start.read(partition, position)

    def _find_trouble(self) -> str | None:
        return self._trouble or self._watch.reason


def open_event_feed(
    properties: Properties,
    topics: JobTopics,
    topic: str,
    decoder: JobDecoder,
    view: JobView,
    *,
    prepare: Callable[[], None] = lambda: None,
    observer: ClientObserver | None,
    tell_ended: Callable[[JobStatus], None],
    clock: Clock = time.monotonic,
    catch_up_seconds: float = CATCH_UP_SECONDS,
) -> KafkaEventFeed:
    """A feed with a consumer of its own; `start` begins it.

    Args:
        properties: the user's for a consumer, `bootstrap.servers` among them.
        tell_ended: see `KafkaEventFeed`.
    """
    watch = ClientWatch(observer, clock=clock)
    merged = {**FEED_DEFAULTS, **without_membership(properties), **FEED_INVARIANTS}
    return KafkaEventFeed(
        partial(make_consumer, merged, watch=watch, tell_ends=True),
        topics,
        topic,
        decoder,
        view,
        prepare=prepare,
        watch=watch,
        clock=clock,
        tell_ended=tell_ended,
        catch_up_seconds=catch_up_seconds,
    )
