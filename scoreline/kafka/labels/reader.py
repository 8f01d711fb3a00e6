"""Reads labels from now on, outside any group: every process joins those of the predictions that it made itself."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.errors import DependencyError
from scoreline.kafka.client.bounded import call_in_thread
from scoreline.kafka.client.clients import Properties, make_consumer, without_membership
from scoreline.kafka.client.consuming import concerns_group
from scoreline.kafka.client.errors import PARTITION_EOF, describe_error
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.commands.reader import NOBODYS_GROUP
from scoreline.kafka.labels.reading import LabelReading
from scoreline.records import Clock, Record
from scoreline.transport.ports import ClientObserver

logger = logging.getLogger("scoreline.labels")

READER_DEFAULTS: Properties = {"queued.min.messages": 10_000, "queued.max.messages.kbytes": 8_192}
READER_INVARIANTS: Properties = {
    "group.id": NOBODYS_GROUP,
    "auto.offset.reset": "earliest",  # where retention was faster than this process, what is left is read
}

AT_ONCE = 2000
GATHER_SECONDS = 0.1
"""So long labels are gathered: joining a few at a time costs about as much as joining many."""

RETRY_SECONDS = 0.5
ANSWER_SECONDS = 3.0
LOOK_AGAIN_SECONDS = 30.0
"""Partitions are added seldom."""


class KafkaLabelReader:
    """A thread that reads; nothing but a defect ends it.

    Args:
        connect: makes a consumer with `watch`; another one where the first has ended for good.
        reading: for this thread alone.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        connect: Callable[[], Consumer],
        topic: str,
        reading: LabelReading,
        *,
        watch: ClientWatch,
        clock: Clock,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._connect = connect
        self._topic = topic
        self._reading = reading
        self._watch = watch
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._topic_trouble: str | None = None
        self._join_trouble: str | None = None
        self._positions: dict[int, int] = {}
        self._found_all = False
        self._look_at = float("-inf")
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="labels", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs, or is not to run yet, or no more."""
        return self._thread.ident is None or self._thread.is_alive() or self._closed.is_set()

    def describe(self) -> str:
        """How it stands, for people."""
        if not self.is_alive:
            return "the thread that reads labels has ended; its log says why"
        trouble = self._join_trouble or self._topic_trouble or self._watch.reason
        if trouble is not None:
            return trouble
        return f"reads {len(self._positions)} partitions of {self._topic}" if self._found_all else "not reading yet"

    def close(self, within_seconds: float) -> None:
        """Stop reading; a thread that waits for a broker is left behind."""
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join(within_seconds)

    def _run(self) -> None:
        try:
            consumer = self._connect()
            try:
                while not self._closed.is_set():
                    consumer = self._turn(consumer)
            finally:
                # Closing may wait for a broker that is away.
                call_in_thread(consumer.close)
        except Exception:
            logger.exception("labels are not read any more", extra={"event": "label_reader_crashed"})

    def _turn(self, consumer: Consumer) -> Consumer:
        if self._watch.fatal is not None:
            call_in_thread(consumer.close)
            self._watch.fatal = None  # of the old one
            consumer = self._connect()
            self._assign(consumer, self._positions)
        if self._clock() >= self._look_at:
            self._look_for_partitions(consumer)
        if not self._positions:
            self._closed.wait(GATHER_SECONDS)
        elif not self._reading.is_stuck:
            self._consume(consumer)
        try:
            self._reading.join()
        except DependencyError as error:
            self._join_trouble = str(error)
            self._closed.wait(self._retry_seconds)
        else:
            self._join_trouble = None
        return consumer

    def _look_for_partitions(self, consumer: Consumer) -> None:
        """Those that there are at the start from their ends on, later ones from their beginnings."""
        try:
            new = {
                p: self._find_start(consumer, p) for p in self._list_partitions(consumer) if p not in self._positions
            }
        except KafkaException as raised:
            self._topic_trouble = f"could not look at the topic {self._topic}: {describe_error(raised.args[0])}"
            self._look_at = self._clock() + self._retry_seconds
            return
        self._assign(consumer, new)
        self._positions.update(new)
        self._found_all, self._topic_trouble = True, None
        self._watch.forget()  # the cluster answers: what is still refused is told again by the next fetch
        self._look_at = self._clock() + LOOK_AGAIN_SECONDS

    def _list_partitions(self, consumer: Consumer) -> list[int]:
        found = consumer.list_topics(self._topic, timeout=ANSWER_SECONDS).topics[self._topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return sorted(found.partitions)

    def _find_start(self, consumer: Consumer, partition: int) -> int:
        if self._found_all:
            return OFFSET_BEGINNING
        # Asked for now and not left to the first fetch: what is produced in between has to be seen.
        _, end = consumer.get_watermark_offsets(ClientPartition(self._topic, partition), timeout=ANSWER_SECONDS)
        return int(end)

    def _assign(self, consumer: Consumer, starts: dict[int, int]) -> None:
        if starts:
            consumer.incremental_assign([ClientPartition(self._topic, p, offset) for p, offset in starts.items()])

    def _consume(self, consumer: Consumer) -> None:
        try:
            messages = consumer.consume(AT_ONCE, GATHER_SECONDS)
        except KafkaException as raised:
            self._watch.note(raised.args[0])
            return
        self._reading.take(self._find_records(messages))

    def _find_records(self, messages: Sequence[Message]) -> list[Record]:
        good = []
        for message in messages:
            error, partition, offset = message.error(), message.partition(), message.offset()
            if error is None and partition is not None and offset is not None:
                self._positions[partition] = offset + 1
                good.append(message)
            elif error is not None and error.code() == PARTITION_EOF:
                self._watch.forget()
            elif error is not None and not concerns_group(error):
                self._watch.note(error)
        return cast("list[Record]", good)


def open_label_reader(
    properties: Properties,
    topic: str,
    reading: LabelReading,
    *,
    observer: ClientObserver | None,
    clock: Clock = time.monotonic,
) -> KafkaLabelReader:
    """A reader with a consumer of its own; `start` begins it.

    Args:
        properties: the user's for a consumer, `bootstrap.servers` among them.
    """
    watch = ClientWatch(observer, clock=clock)
    merged = {**READER_DEFAULTS, **without_membership(properties), **READER_INVARIANTS}
    connect = partial(make_consumer, merged, watch=watch, tell_ends=True)
    return KafkaLabelReader(connect, topic, reading, watch=watch, clock=clock)
