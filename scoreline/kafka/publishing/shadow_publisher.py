"""Puts predictions of shadows onto their topic as far as it gets: outside every transaction, and nobody waits."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message

from scoreline.errors import DeliveryError, Refused
from scoreline.kafka.client.clients import Properties, make_producer
from scoreline.kafka.client.errors import PURGES, describe_error
from scoreline.kafka.client.shadowed import ANSWER_SECONDS, close_producer
from scoreline.kafka.client.watch import ClientWatch
from scoreline.records import Clock, Outputs, caller_headers
from scoreline.transport.outgoing import prediction_headers
from scoreline.transport.ports import ClientObserver

logger = logging.getLogger("scoreline.shadow")

FIND_AGAIN_SECONDS = 30.0
"""A topic that was missing may have been created."""

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
        self._watch = ClientWatch(observer, clock=clock)
        self._producer: Any = None
        self._partitions = 0
        self._find_at = float("-inf")
        self._closed = threading.Event()
        self._refusal: str | None = None

    def publish(self, outputs: Outputs) -> None:
        """Hand predictions over; what comes after `close` is dropped and counted.

        Raises:
            Refused: there is no such topic.
            DeliveryError: the producer does not take all of them; the others may have gone.
            DependencyError: the cluster does not tell of the topic.
        """
        if self._closed.is_set():
            self._undelivered(len(outputs))
            return
        if not self._partitions:
            self._find_topic()
        versions = [outputs.versions] * len(outputs) if isinstance(outputs.versions, int) else outputs.versions
        if self._producer is None:
            self._producer = make_producer(self._properties, watch=self._watch, on_delivery=self._report)
        # First of all: what was refused keeps its place in a full queue until its report is served.
        self._producer.poll(0)
        for record, value, version in zip(outputs.records, outputs.values, versions, strict=True):
            headers = caller_headers(record)
            if self._output_headers:
                headers = prediction_headers(record, outputs.model, version)
            partition = record.partition() % self._partitions
            try:
                self._producer.produce(self._topic, value, record.key(), partition, headers=headers)
            except (BufferError, KafkaException) as error:
                raise DeliveryError(f"predictions of shadows do not get to {self._topic}: {error}") from error

    def close(self, timeout_seconds: float) -> None:
        """Give what is under way a moment, and drop the rest; takes twice the time-out at most."""
        already, producer = self._closed.is_set(), self._producer
        self._closed.set()
        if producer is None or already:
            return
        left = producer.flush(min(FLUSH_SECONDS, timeout_seconds))
        if left:
            self._undelivered(left)
            producer.purge()
        close_producer(producer, self._watch, answer_seconds=min(ANSWER_SECONDS, timeout_seconds))

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
