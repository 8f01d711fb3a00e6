"""Puts predictions of shadows onto their topic as far as it gets: outside every transaction, and nobody waits."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message

from scoreline.errors import DeliveryError, Refused
from scoreline.kafka.client.clients import Properties, make_producer
from scoreline.kafka.client.errors import PURGES, describe_error, is_fatal
from scoreline.kafka.client.shadowed import ANSWER_SECONDS, close_producer, raise_shadowed
from scoreline.kafka.client.watch import ClientWatch
from scoreline.records import Clock, Outputs, caller_headers
from scoreline.transport.outgoing import prediction_headers
from scoreline.transport.ports import ClientObserver

logger = logging.getLogger("scoreline.shadow")

FIND_AGAIN_SECONDS = 30.0
"""A topic that was missing may have been created."""

RENEW_SECONDS = 30.0
"""So far apart are producers at least: what has ended one for good may end the next one at once."""

FLUSH_SECONDS = 1.0


class ShadowPublisher:
    """A producer and its topic, both looked for when there is something to put out. For one thread, but for `close`.

    Args:
        count_partitions: of a topic; 0 where there is none. Raises `DependencyError` where the cluster does not tell.
        undelivered: told how many predictions were not delivered after all.
    """

    def __init__(
        self,
        properties: Properties,
        topic: str,
        *,
        count_partitions: Callable[[str], int],
        undelivered: Callable[[int], None],
        observer: ClientObserver,
        output_headers: bool,
        clock: Clock = time.monotonic,
    ) -> None:
        self._properties = properties
        self._topic = topic
        self._count_partitions = count_partitions
        self._undelivered = undelivered
        self._output_headers = output_headers
        self._clock = clock
        self._observer = observer
        self._watch = ClientWatch(observer, clock=clock)
        self._producer: Any = None
        self._made_at = float("-inf")
        self._lock = threading.Lock()  # of `_producer` and `_watch`, which belong together
        self._partitions = 0
        self._find_at = float("-inf")
        self._closed = threading.Event()
        self._refusal: str | None = None

    def publish(self, outputs: Outputs) -> None:
        """Hand predictions over; what comes after `close` is dropped and counted.

        Raises:
            Refused: there is no such topic.
            DeliveryError: the producer does not take all of them, and the others may have gone; or it cannot go on,
                and the next call makes a new one.
            DependencyError: the cluster does not tell of the topic.
        """
        if not self._closed.is_set() and not self._partitions:
            self._find_topic()
        producer = self._open_producer()
        if producer is None:
            self._undelivered(len(outputs))
            return
        try:
            # First of all: what was refused keeps its place in a full queue until its report is served.
            raise_shadowed(partial(producer.poll, 0))
            if self._watch.fatal is None:
                self._hand_over(producer, outputs)
        except (BufferError, KafkaException) as error:
            ended = isinstance(error, KafkaException) and is_fatal(error.args[0])
            if not ended and self._watch.fatal is None:
                raise DeliveryError(f"predictions of shadows do not get to {self._topic}: {error}") from error
            self._watch.fatal = self._watch.fatal or str(error)
        if self._watch.fatal is not None:
            self._give_up(flush_seconds=0.0, answer_seconds=ANSWER_SECONDS)
            raise DeliveryError(f"the producer of shadows' predictions cannot go on: {self._watch.fatal}")

    def close(self, timeout_seconds: float) -> None:
        """Give what is under way a moment, and drop the rest; takes twice the time-out at most."""
        self._closed.set()
        self._give_up(min(FLUSH_SECONDS, timeout_seconds), min(ANSWER_SECONDS, timeout_seconds))

    def _open_producer(self) -> Any:
        """The producer, made where there is none; None once everything is closed."""
        with self._lock:
            if self._closed.is_set():
                return None
            if self._producer is None:
                if self._clock() < self._made_at + RENEW_SECONDS:
                    raise DeliveryError(f"the producer of shadows' predictions could not go on: {self._watch.fatal}")
                self._watch = ClientWatch(self._observer, clock=self._clock)
                self._producer = make_producer(self._properties, watch=self._watch, on_delivery=self._report)
                self._made_at = self._clock()
            return self._producer

    def _hand_over(self, producer: Any, outputs: Outputs) -> None:
        versions = [outputs.versions] * len(outputs) if isinstance(outputs.versions, int) else outputs.versions
        for record, value, version in zip(outputs.records, outputs.values, versions, strict=True):
            headers = caller_headers(record)
            if self._output_headers:
                headers = prediction_headers(record, outputs.model, version)
            partition = record.partition() % self._partitions
            produce = partial(producer.produce, self._topic, value, record.key(), partition, headers=headers)
            try:
                produce()
            except BufferError:
                raise_shadowed(partial(producer.poll, 0))
                produce()

    def _give_up(self, flush_seconds: float, answer_seconds: float) -> None:
        """Release the producer, if there is one; what does not go in the time for the flush is dropped and counted."""
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            left = raise_shadowed(partial(producer.flush, flush_seconds))
        except KafkaException as raised:
            self._watch.note(raised.args[0])
            left = len(producer)
        if left:
            self._undelivered(left)
            producer.purge()
        close_producer(producer, self._watch, answer_seconds=answer_seconds)

    def _find_topic(self) -> None:
        if self._clock() >= self._find_at:
            self._partitions = self._count_partitions(self._topic)
            self._find_at = self._clock() + FIND_AGAIN_SECONDS
        if not self._partitions:
            raise Refused(
                f"there is no topic {self._topic} for the predictions of shadows, which are compared all the same; "
                "create it: scoreline topics create --shadow"
            )

    def _report(self, error: KafkaError | None, message: Message) -> None:  # noqa: ARG002 - the client's signature
        if error is None or error.code() in PURGES:  # what was given up is counted already
            return
        self._undelivered(1)
        refusal = describe_error(error)
        if refusal != self._refusal:
            self._refusal = refusal
            logger.warning(
                "predictions of shadows are refused by %s: %s",
                self._topic,
                refusal,
                extra={"event": "shadow_refused", "topic": self._topic, "error": refusal},
            )
