"""Sends records that somebody has at hand: not the stream's publisher, but a producer for people and their files."""

from collections import Counter

from confluent_kafka import KafkaException

from scoreline.errors import DeliveryError
from scoreline.kafka.clients import Properties, make_producer
from scoreline.kafka.errors import describe_error

WAIT_SECONDS = 0.1
POLL_EVERY = 1000
SHOWN_REASONS = 3


class RecordSender:
    """Sends records to one topic, and counts what was not delivered.

    Args:
        properties: the user's, `bootstrap.servers` among them.
        give_up_seconds: a record that is not acknowledged for so long counts as failed, unless the properties say
            otherwise: unlike the service, a person waits for the end.

    Raises:
        ConfigError: the client does not take a property.
    """

    def __init__(self, properties: Properties, topic: str, *, give_up_seconds: float) -> None:
        self._topic = topic
        self._failures: Counter[str] = Counter()
        self._sent = 0
        limit = {"message.timeout.ms": str(int(give_up_seconds * 1000))}
        self._producer = make_producer(
            {**limit, **properties},
            on_delivery=lambda error, _: self._failures.update([describe_error(error)] if error is not None else []),
        )

    def wait(self, seconds: float) -> None:
        """Let time pass, while deliveries are looked at."""
        self._producer.poll(seconds)

    def send(self, key: bytes | None, value: bytes | None) -> None:
        """Hand a record to the client; waits while its queue is full."""
        self._sent += 1
        while True:
            try:
                self._producer.produce(self._topic, value, key)
            except BufferError:
                self._producer.poll(WAIT_SECONDS)
            except KafkaException as refused:
                self._failures[describe_error(refused.args[0])] += 1
                return
            else:
                break
        if self._sent % POLL_EVERY == 0:
            self._producer.poll(0)

    def finish(self) -> None:
        """Wait until every record was acknowledged or has failed.

        Raises:
            DeliveryError: some have failed; says how many, and why.
        """
        self._producer.flush()
        if self._failures:
            told = "; ".join(f"{times} times {reason}" for reason, times in self._failures.most_common(SHOWN_REASONS))
            raise DeliveryError(
                f"{self._failures.total()} of {self._sent} records were not delivered to {self._topic}: {told}"
            )
