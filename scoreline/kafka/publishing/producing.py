"""A producer of one's own: what every publisher does with it, whatever it publishes."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from scoreline.errors import DeliveryError, FatalClientError, RecordTooLarge
from scoreline.kafka.client.clients import OnDelivery
from scoreline.kafka.client.errors import PURGES, TOO_LARGE, describe_error, is_fatal
from scoreline.kafka.client.shadowed import close_producer, raise_shadowed
from scoreline.kafka.client.watch import ClientWatch
from scoreline.records import Headers

FULL_QUEUE_WAIT_SECONDS = 0.1


class Insist(Protocol):
    """Offers a record again that was not taken at once; see `Producing.insist`."""

    def __call__(
        self, produce: Callable[[], None], obstacle: Exception, keep_waiting: Callable[[], bool], where: str
    ) -> None:
        """Until it is taken."""
        ...


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


class Producing:
    """Owns a producer: waits for acknowledgements, for room in its queue, and says why it cannot go on.

    Args:
        producer: made with `undelivered.report` as its `on_delivery` and `watch`.
    """

    def __init__(self, producer: Producer, *, undelivered: Undelivered, watch: ClientWatch) -> None:
        self._producer = producer
        self._undelivered = undelivered
        self._watch = watch
        self._closed = False

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        *,
        headers: Headers | None,
        keep_waiting: Callable[[], bool],
        on_delivery: OnDelivery | None = None,
    ) -> None:
        """Hand one record to the producer; waits for room in its queue. What it never takes is told by `flush`.

        Args:
            on_delivery: called in place of what the producer was made with.

        Raises:
            DeliveryError: the queue was full, and `keep_waiting` said no.
            FatalClientError: the producer cannot go on.
        """
        more: dict[str, Any] = {"headers": headers or []}
        if on_delivery is not None:
            more["on_delivery"] = on_delivery
        produce = partial(self._producer.produce, topic, value, key, partition, **more)
        try:
            produce()
        except (BufferError, KafkaException) as obstacle:
            self.insist(produce, obstacle, keep_waiting, f"{topic}[{partition}]")

    def report(self, error: KafkaError | None, message: Message) -> None:
        """For an `on_delivery` of one's own: have `flush` tell of a record that was not delivered."""
        self._undelivered.report(error, message)

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
            raise FatalClientError(self.explain_fatal(raised.args[0])) from raised
        if self._watch.fatal is not None:
            raise FatalClientError(self.explain_fatal(None))
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

    def insist(
        self, produce: Callable[[], None], obstacle: Exception, keep_waiting: Callable[[], bool], where: str
    ) -> None:
        """Offer a record again while the queue is full; note it where the producer will never take it."""
        while isinstance(obstacle, BufferError):
            if not keep_waiting():
                raise DeliveryError(f"the producer's queue stayed full until the batch had to be given up, at {where}")
            self.serve(FULL_QUEUE_WAIT_SECONDS)
            try:
                produce()
            except (BufferError, KafkaException) as next_obstacle:
                obstacle = next_obstacle
            else:
                return
        error: KafkaError = obstacle.args[0]
        if is_fatal(error):
            raise FatalClientError(self.explain_fatal(error))
        self._undelivered.add(error, where)

    def serve(self, seconds: float) -> None:
        """Have callbacks run, for so long at the most; a producer that has failed for good says so here, too."""
        try:
            raise_shadowed(partial(self._producer.poll, seconds))
        except KafkaException as raised:
            raise FatalClientError(self.explain_fatal(raised.args[0])) from raised

    def explain_fatal(self, error: KafkaError | None) -> str:
        """Why the producer cannot go on: the first reason that it gave, which later calls do not repeat."""
        said = self._watch.fatal or ("no reason given" if error is None else describe_error(error))
        return f"the Kafka producer cannot go on: {said}"
