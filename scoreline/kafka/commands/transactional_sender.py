"""Writes records all together or not at all: a producer for commands that may be run twice and killed half-way."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from scoreline.errors import DeliveryError, FatalClientError, Refused, Unavailable
from scoreline.kafka.client.clients import Properties, make_producer
from scoreline.kafka.client.errors import PURGES, describe_error, find_remedy, translate_exception
from scoreline.kafka.client.shadowed import close_producer, raise_shadowed
from scoreline.kafka.client.watch import ClientWatch
from scoreline.records import Clock, Record

T = TypeVar("T")

SLICE_SECONDS = 1.0
"""How long one call may wait; it is repeated, so that errors which callbacks report are seen in between."""

FULL_QUEUE_WAIT_SECONDS = 0.1
TRANSACTION_TIMEOUT_MS = 60_000
MESSAGE_TIMEOUT_MS = 30_000
FENCED = ("_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH")


class TransactionalSender:
    """One transaction after another under a fixed transactional id: whoever begins later stops whoever began before.

    Args:
        producer: made with `watch`.
        give_up_seconds: how long a step of a transaction may take.
        failures: where the producer reports records that it could not deliver and their topics, from within its
            calls.
    """

    def __init__(
        self,
        producer: Producer,
        transactional_id: str,
        *,
        watch: ClientWatch,
        failures: list[tuple[KafkaError, str]],
        give_up_seconds: float,
        clock: Clock,
    ) -> None:
        self._producer = producer
        self._transactional_id = transactional_id
        self._watch = watch
        self._failures = failures
        self._give_up_seconds = give_up_seconds
        self._clock = clock

    def take_over(self) -> None:
        """Fence whoever else has our id, and have what they left open rolled back; returns when it is.

        Raises:
            Refused: this user may not use the transactional id.
            Unavailable: the cluster has not answered in time.
            FatalClientError: the client cannot go on.
        """
        self._insist(partial(self._producer.init_transactions, SLICE_SECONDS), "could not begin with transactions")

    def send_together(self, records: Sequence[Record]) -> None:
        """Write records to the topics and partitions that they name, with the current time, in one transaction.

        After an error the sender is of no use any more: librdkafka counts on from what was never written, and has the
        next transaction refused as well (OUT_OF_ORDER_SEQUENCE_NUMBER).

        Raises:
            DeliveryError: a record was refused, or time was up; none of them was written.
            Unavailable: the answer to the commit has not come in time: whether they are written is not known.
            FatalClientError: another process has taken our id over, or the client cannot go on.
        """
        self._insist(self._producer.begin_transaction, "could not begin a transaction")
        try:
            for record in records:
                self._produce(record)
            # Ahead of the commit, which would only say that there are such records.
            self._flush()
        except DeliveryError:
            self._roll_back()
            raise
        self._insist(partial(self._producer.commit_transaction, SLICE_SECONDS), "could not commit a transaction")

    def close(self) -> None:
        """Release the client; what is not committed is rolled back, by us or by the broker."""
        self._producer.purge()
        close_producer(self._producer, self._watch)

    def _produce(self, record: Record) -> None:
        deadline = self._clock() + self._give_up_seconds
        headers: Any = list(record.headers() or ())
        produce = partial(self._producer.produce, headers=headers)
        while True:
            try:
                produce(record.topic(), record.value(), record.key(), record.partition())
            except BufferError:
                if self._clock() > deadline:
                    raise DeliveryError("the producer's queue stayed full; nothing of it was written") from None
                self._call(partial(self._producer.poll, FULL_QUEUE_WAIT_SECONDS))
            except KafkaException as raised:
                self._stop_if_fatal(raised.args[0])
                raise DeliveryError(self._describe(raised.args[0], record.topic())) from raised
            else:
                return

    def _flush(self) -> None:
        deadline = self._clock() + self._give_up_seconds
        while self._call(partial(self._producer.flush, SLICE_SECONDS)):
            if self._clock() > deadline:
                reason = self._watch.reason or "the broker does not answer"
                raise DeliveryError(f"records were not acknowledged within {self._give_up_seconds:g} s: {reason}")
        if self._failures:
            # The first refusal has everything else purged, which may be reported ahead of it.
            causes = [failure for failure in self._failures if failure[0].code() not in PURGES]
            raise DeliveryError(self._describe(*(causes or self._failures)[0]))

    def _roll_back(self) -> None:
        self._insist(partial(self._producer.abort_transaction, SLICE_SECONDS), "could not roll a transaction back")

    def _insist(self, step: Callable[[], None], attempt: str) -> None:
        """Repeat a step for as long as the client says that it may be repeated, and there is time."""
        deadline = self._clock() + self._give_up_seconds
        while True:
            try:
                raise_shadowed(step)
            except KafkaException as raised:
                error: KafkaError = raised.args[0]
                self._call(partial(self._producer.poll, 0))  # error callbacks run only here
                if find_remedy(error) is not None:
                    raise translate_refusal(error, attempt) from raised
                self._stop_if_fatal(error)
                if error.txn_requires_abort():
                    self._roll_back()
                    raise DeliveryError(f"{attempt}: {describe_error(error)}; it was rolled back") from raised
                if not error.retriable():
                    raise translate_exception(raised, attempt) from raised
                if self._clock() > deadline:
                    reason = self._watch.reason or describe_error(error)
                    raise Unavailable(f"{attempt} within {self._give_up_seconds:g} s: {reason}") from raised
            else:
                return

    def _call(self, step: Callable[[], T]) -> T:
        """Do what has callbacks run; fatal errors come out of it as well."""
        try:
            return raise_shadowed(step)
        except KafkaException as raised:
            self._stop_if_fatal(raised.args[0])
            raise translate_exception(raised, "could not go on with a transaction") from raised

    def _stop_if_fatal(self, error: KafkaError) -> None:
        if error.fatal() or self._watch.fatal is not None:
            raise FatalClientError(self._explain_end(self._watch.fatal or describe_error(error)))

    def _explain_end(self, reason: str) -> str:
        if any(name in reason for name in FENCED):
            return (
                f"another process has begun with the transactional id {self._transactional_id} and taken over; "
                f"this one has stopped ({reason})"
            )
        return f"the Kafka producer cannot go on: {reason}"

    @staticmethod
    def _describe(error: KafkaError, topic: str) -> str:
        return f"a record was not delivered to {topic}, and its transaction was rolled back: {describe_error(error)}"


def translate_refusal(error: KafkaError, attempt: str) -> Refused:
    """A refusal stays one where the client calls it fatal as well: a grant cures it, and no restart does."""
    return Refused(f"{attempt}: {describe_error(error)}")


def open_transactional_sender(
    properties: Properties, transactional_id: str, *, give_up_seconds: float, clock: Clock = time.monotonic
) -> TransactionalSender:
    """A sender with a producer of its own.

    Args:
        properties: the user's, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property.
    """
    watch = ClientWatch(None, clock=clock)
    failures: list[tuple[KafkaError, str]] = []

    def note(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failures.append((error, message.topic() or "its topic"))

    ours = {
        "transactional.id": transactional_id,
        "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
        "message.timeout.ms": MESSAGE_TIMEOUT_MS,
    }
    producer = make_producer({**properties, **ours}, watch=watch, on_delivery=note)
    return TransactionalSender(
        producer, transactional_id, watch=watch, failures=failures, give_up_seconds=give_up_seconds, clock=clock
    )
