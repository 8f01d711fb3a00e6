"""Puts predictions and dead letters onto their topics through the idempotent producer."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from scoreline.dead_letters import dead_letter_headers
from scoreline.errors import DeliveryError, FatalClientError, RecordTooLarge
from scoreline.kafka.client.clients import Properties, make_producer
from scoreline.kafka.client.errors import PURGES, TOO_LARGE, describe_error, is_fatal
from scoreline.kafka.client.shadowed import close_producer, raise_shadowed
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.publishing.destinations import Destinations
from scoreline.records import Clock, DeadLetter, Outputs, caller_headers
from scoreline.transport.outgoing import prediction_headers
from scoreline.transport.ports import ClientObserver

FULL_QUEUE_WAIT_SECONDS = 0.1


class Undelivered:
    """What was refused since the last settlement: the first as an example, the rest as a number.

    Attributes:
        too_large: whether anything was refused for its size; what went to the same broker in one request with it is
            refused for other reasons, or for none of its own.
    """

    def __init__(self) -> None:
        self.count = 0
        self.example = ""
        self.too_large = False

    def report(self, error: KafkaError | None, message: Message) -> None:
        """The producer's `on_delivery`; what was given up here, and not refused, needs no telling."""
        if error is not None and error.code() not in PURGES:
            self.add(error, f"{message.topic()}[{message.partition()}]")

    def add(self, error: KafkaError, where: str) -> None:
        """A record for that partition will not be delivered."""
        too_large = error.code() in TOO_LARGE
        if not self.count or (too_large and not self.too_large):
            self.example = f"{where}: {describe_error(error)}"
        self.count += 1
        self.too_large |= too_large

    def forget(self) -> None:
        """It has been told, or does not matter any more."""
        self.count = 0
        self.too_large = False

    def raise_for_any(self) -> None:
        """Tell of what was refused, once.

        Raises:
            RecordTooLarge: something was refused for its size.
            DeliveryError: something was refused.
        """
        if self.count:
            message = f"{self.count} records were not delivered, the first for {self.example}"
            error = RecordTooLarge(message) if self.too_large else DeliveryError(message)
            self.forget()
            raise error


class KafkaPublisher:
    """Implements `scoreline.transport.ports.Publisher`.

    An output goes to partition `source_partition mod n` of its topic, so that the order of a source partition is that
    of the output's. Its Kafka timestamp is the time at which it is handed over.

    Args:
        producer: made with `undelivered.report` as its `on_delivery` and `watch`.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self,
        producer: Producer,
        destinations: Destinations,
        *,
        wall_clock: Clock,
        undelivered: Undelivered,
        watch: ClientWatch,
    ) -> None:
        self._producer = producer
        self._destinations = destinations
        self._wall_clock = wall_clock
        self._undelivered = undelivered
        self._watch = watch
        self._closed = False

    def publish(self, outputs: Outputs, dead_letters: Sequence[DeadLetter], keep_waiting: Callable[[], bool]) -> None:
        """Hand everything to the producer; waits for room in its queue.

        Raises:
            DeliveryError: the queue was full, and `keep_waiting` said no.
            FatalClientError: the producer cannot go on.
        """
        self._publish_outputs(outputs, keep_waiting)
        if dead_letters:
            self._publish_dead_letters(dead_letters, keep_waiting)

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything published is acknowledged or refused.

        Raises:
            RecordTooLarge: something was refused for its size.
            DeliveryError: something was refused.
            FatalClientError: the producer cannot go on.
        """
        try:
            unsettled = raise_shadowed(partial(self._producer.flush, timeout_seconds))
        except KafkaException as raised:
            raise FatalClientError(self._explain_fatal(raised.args[0])) from raised
        if self._watch.fatal is not None:
            raise FatalClientError(self._explain_fatal(None))
        if unsettled:
            return False
        self._undelivered.raise_for_any()
        return True

    def discard(self) -> None:
        """Drop what is queued or under way; what the broker has got of it by now stays there."""
        try:
            self._producer.purge()
            raise_shadowed(partial(self._producer.flush, 0))
        except KafkaException as raised:
            self._watch.note(raised.args[0])  # of a producer that cannot go on: it has nothing to give up any more
        self._undelivered.forget()

    def close(self) -> None:
        """Drop what is unfinished and release the producer; never waits for a broker."""
        if not self._closed:
            self._closed = True
            self.discard()
            close_producer(self._producer, self._watch)

    def _publish_outputs(self, outputs: Outputs, keep_waiting: Callable[[], bool]) -> None:
        produce, topic = self._producer.produce, self._destinations.output_topic
        n, with_version = self._destinations.partition_counts[topic], self._destinations.output_headers
        model = outputs.model
        versions = repeat(outputs.versions) if isinstance(outputs.versions, int) else outputs.versions
        for record, value, version in zip(outputs.records, outputs.values, versions, strict=False):
            partition = record.partition() % n
            headers: Any = record.headers()
            if with_version:
                headers = prediction_headers(record, model, version)
            elif headers:
                headers = caller_headers(record)
            try:
                if headers:
                    produce(topic, value, record.key(), partition, headers=headers)
                else:
                    produce(topic, value, record.key(), partition)
            except (BufferError, KafkaException) as obstacle:
                again = partial(produce, topic, value, record.key(), partition, headers=headers or [])
                self._insist(again, obstacle, keep_waiting, f"{topic}[{partition}]")

    def _publish_dead_letters(self, dead_letters: Sequence[DeadLetter], keep_waiting: Callable[[], bool]) -> None:
        topic = self._destinations.dead_letter_topic
        n = self._destinations.partition_counts[topic]
        failed_at_ms = int(self._wall_clock() * 1000)
        for dead_letter in dead_letters:
            record = dead_letter.record
            partition = record.partition() % n
            headers: Any = dead_letter_headers(dead_letter, failed_at_ms=failed_at_ms)
            produce = partial(self._producer.produce, topic, record.value(), record.key(), partition, headers=headers)
            try:
                produce()
            except (BufferError, KafkaException) as obstacle:
                self._insist(produce, obstacle, keep_waiting, f"{topic}[{partition}]")

    def _insist(
        self, produce: Callable[[], None], obstacle: Exception, keep_waiting: Callable[[], bool], where: str
    ) -> None:
        """Offer a record again while the queue is full; note it where the producer will never take it."""
        while isinstance(obstacle, BufferError):
            if not keep_waiting():
                raise DeliveryError(f"the producer's queue stayed full until the batch had to be given up, at {where}")
            self._serve(FULL_QUEUE_WAIT_SECONDS)
            try:
                produce()
            except (BufferError, KafkaException) as next_obstacle:
                obstacle = next_obstacle
            else:
                return
        error: KafkaError = obstacle.args[0]
        if is_fatal(error):
            raise FatalClientError(self._explain_fatal(error))
        self._undelivered.add(error, where)

    def _serve(self, seconds: float) -> None:
        """Have callbacks run, for so long at the most; a producer that has failed for good says so here, too."""
        try:
            raise_shadowed(partial(self._producer.poll, seconds))
        except KafkaException as raised:
            raise FatalClientError(self._explain_fatal(raised.args[0])) from raised

    def _explain_fatal(self, error: KafkaError | None) -> str:
        """Why the producer cannot go on: the first reason that it gave, which later calls do not repeat."""
        said = self._watch.fatal or ("no reason given" if error is None else describe_error(error))
        return f"the Kafka producer cannot go on: {said}"


def open_publisher(
    properties: Properties,
    destinations: Destinations,
    *,
    observer: ClientObserver,
    clock: Clock = time.monotonic,
    wall_clock: Clock = time.time,
) -> KafkaPublisher:
    """A publisher with a producer of its own.

    Args:
        properties: the user's, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property.
    """
    undelivered = Undelivered()
    watch = ClientWatch(observer, clock=clock)
    return KafkaPublisher(
        make_producer(properties, watch=watch, on_delivery=undelivered.report),
        destinations,
        wall_clock=wall_clock,
        undelivered=undelivered,
        watch=watch,
    )
