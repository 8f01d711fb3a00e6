"""Sends records that somebody has at hand: not the stream's publisher, but a producer for people and their files."""

import time
from collections import Counter
from collections.abc import Callable

from confluent_kafka import KafkaException

from scoreline.errors import DeliveryError
from scoreline.kafka.client.clients import Properties, make_producer
from scoreline.kafka.client.errors import describe_error
from scoreline.records import Clock

WAIT_SECONDS = 0.1
POLL_EVERY = 1000
SHOWN_REASONS = 3


class RecordSender:
    """Sends records to one topic, and counts what was not delivered.

    Args:
        properties: the user's, `bootstrap.servers` among them.
        give_up_seconds: a record that is not acknowledged for so long counts as failed, unless the properties say
            otherwise: unlike the service, a person waits for the end.
        should_stop: asked at least every `WAIT_SECONDS`; from then on nothing is waited for.

    Raises:
        ConfigError: the client does not take a property.
    """

    def __init__(
        self,
        properties: Properties,
        topic: str,
        *,
        give_up_seconds: float,
        should_stop: Callable[[], bool] = lambda: False,
        clock: Clock = time.monotonic,
    ) -> None:
        self._topic = topic
        self._should_stop = should_stop
        self._clock = clock
        self._failures: Counter[str] = Counter()
        self._sent = 0
        limit = {"message.timeout.ms": str(int(give_up_seconds * 1000))}
        self._producer = make_producer(
            {**limit, **properties},
            on_delivery=lambda error, _: self._failures.update([describe_error(error)] if error is not None else []),
        )

    @property
    def acknowledged(self) -> int:
        """How many records the broker has."""
        # Of successes there are no reports: what is neither waiting nor has failed has arrived.
        return self._sent - len(self._producer) - self._failures.total()

    def wait(self, seconds: float) -> None:
        """Let time pass, while deliveries are looked at."""
        until = self._clock() + seconds
        while not self._should_stop() and (left_seconds := until - self._clock()) > 0:
            self._producer.poll(min(left_seconds, WAIT_SECONDS))

    def send(self, key: bytes | None, value: bytes | None) -> None:
        """Hand a record to the client; waits while its queue is full, and lets go of the record if told to stop."""
        while True:
            try:
                self._producer.produce(self._topic, value, key)
            except BufferError:
                if self._should_stop():
                    return
                self._producer.poll(WAIT_SECONDS)
            except KafkaException as refused:
                self._sent += 1
                self._failures[describe_error(refused.args[0])] += 1
                return
            else:
                break
        self._sent += 1
        if self._sent % POLL_EVERY == 0:
            self._producer.poll(0)

    def finish(self) -> None:
        """Wait until every record was acknowledged or has failed, or it is told to stop.

        Raises:
            DeliveryError: some have failed; says how many, and why.
        """
        while self._producer.flush(WAIT_SECONDS) and not self._should_stop():
            pass
        if self._failures:
            told = "; ".join(f"{times} times {reason}" for reason, times in self._failures.most_common(SHOWN_REASONS))
            raise DeliveryError(
                f"{self._failures.total()} of {self._sent} records were not delivered to {self._topic}: {told}"
            )
