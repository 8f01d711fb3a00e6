"""Puts predictions of shadows onto their topic as far as it gets: outside every transaction, and nobody waits."""

import logging
import time
from collections.abc import Callable

from scoreline.errors import DeliveryError, Refused
from scoreline.kafka.client.clients import Properties
from scoreline.kafka.client.errors import describe_error
from scoreline.kafka.client.shadowed import ANSWER_SECONDS
from scoreline.kafka.publishing.best_effort import BestEffortProducer
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
        self._topic = topic
        self._count_partitions = count_partitions
        self._undelivered = undelivered
        self._output_headers = output_headers
        self._clock = clock
        self._producer = BestEffortProducer(
            properties,
            topic,
            what="shadows' predictions",
            dropped=undelivered,
            tell=self._tell,
            observer=observer,
            clock=clock,
        )
        self._partitions = 0
        self._find_at = float("-inf")

    def publish(self, outputs: Outputs) -> None:
        """Hand predictions over; what comes after `close` is dropped and counted.

        Raises:
            Refused: there is no such topic.
            DeliveryError: the producer does not take all of them, and the others may have gone; or it cannot go on,
                and a later call makes a new one.
            DependencyError: the cluster does not tell of the topic.
        """
        if self._producer.is_closed:
            self._undelivered(len(outputs))
            return
        if not self._partitions:
            self._find_topic()
        self._producer.serve()
        versions = [outputs.versions] * len(outputs) if isinstance(outputs.versions, int) else outputs.versions
        for record, value, version in zip(outputs.records, outputs.values, versions, strict=True):
            headers = caller_headers(record)
            if self._output_headers:
                headers = prediction_headers(record, outputs.model, version)
            partition = record.partition() % self._partitions
            error = self._producer.offer(value, record.key(), partition=partition, headers=headers)
            if error is not None:
                raise DeliveryError(f"predictions of shadows do not get to {self._topic}: {describe_error(error)}")

    def close(self, timeout_seconds: float) -> None:
        """Give what is under way a moment, and drop the rest; takes twice the time-out at most."""
        self._producer.close(min(FLUSH_SECONDS, timeout_seconds), min(ANSWER_SECONDS, timeout_seconds))

    def _find_topic(self) -> None:
        if self._clock() >= self._find_at:
            self._partitions = self._count_partitions(self._topic)
            self._find_at = self._clock() + FIND_AGAIN_SECONDS
        if not self._partitions:
            raise Refused(
                f"there is no topic {self._topic} for the predictions of shadows, which are compared all the same; "
                "create it: scoreline topics create --shadow"
            )

    def _tell(self, why: str) -> None:
        logger.warning(
            "predictions of shadows do not get to %s: %s",
            self._topic,
            why,
            extra={"event": "shadow_refused", "topic": self._topic, "error": why},
        )
