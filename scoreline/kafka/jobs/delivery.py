"""Finishes chunks on Kafka: result, event and offset in one transaction, or none of them."""

import logging
from collections.abc import Callable, Collection, Mapping
from functools import partial

from confluent_kafka import KafkaError, Message

from scoreline.dead_letters import dead_letter_headers
from scoreline.errors import DeliveryError, FatalClientError, Refused, StopOverdue, Unavailable
from scoreline.jobs.events import EVENTS_PARTITION_HEADER, ChunkDone, JobEvent, find_key
from scoreline.jobs.result import ChunkResult, ResultPlace
from scoreline.kafka.client.clients import OnDelivery
from scoreline.kafka.jobs.encoding import JobEncoding, JobTopicNames
from scoreline.kafka.jobs.spreading import choose_partition
from scoreline.kafka.publishing.transacting import TransactionalProducing
from scoreline.observability.traces.context import find_context, make_headers
from scoreline.records import Clock, DeadLetter, Headers, NextOffsets, Reason, Record, TopicPartition, find_header
from scoreline.transport.patience import Patience
from scoreline.transport.ports import GroupMetadata, TransactionObserver
from scoreline.transport.transacting import Transacting

logger = logging.getLogger("scoreline.jobs")

MOST_LOST_PRODUCERS = 3
"""So many in a row, without a transaction committed in between, are no broker that was away."""

MOST_PARTITION_DIGITS = 9


class KafkaChunkDelivery(Transacting):
    """Implements `scoreline.jobs.ports.ChunkDelivery`; for one thread.

    A result goes out first, because its event has to say where it lies. The event comes last, right before the commit:
    while a transaction is open, nobody reads what lies behind its records, and every status is read from the events.

    Where the producer is lost (a broker that was away for longer than a transaction may last has given it up), another
    takes its place, which ends the transaction one way or the other; what the group has committed by then tells which,
    and the chunk is done again only where its offset is not among it. A producer that is fenced before the broker can
    have given its transaction up was fenced by another live one with its name: that is the end of this one.

    Args:
        partition_counts: of the topics that are written, as they were at the start.
        count_partitions: how many a topic has now; asked where an event is for a partition that was not there.
        find_committed: what the group has committed, of some partitions; Unavailable where that is not to be had yet.
        transaction_seconds: how long a transaction may last, by the broker's clock.
        clock: monotonic seconds.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self,
        producing: TransactionalProducing,
        encoding: JobEncoding,
        names: JobTopicNames,
        partition_counts: Mapping[str, int],
        *,
        count_partitions: Callable[[str], int],
        find_committed: Callable[[Collection[TopicPartition]], NextOffsets],
        transaction_seconds: float,
        patience: Patience,
        observer: TransactionObserver,
        clock: Clock,
        wall_clock: Clock,
    ) -> None:
        super().__init__(producing, patience=patience, observer=observer)
        self._producing = producing
        self._encoding = encoding
        self._names = names
        self._partition_counts = dict(partition_counts)
        self._count_partitions = count_partitions
        self._find_committed = find_committed
        self._transaction_seconds = transaction_seconds
        self._clock = clock
        self._wall_clock = wall_clock
        self._lost = 0
        self._opened_at: float | None = None
        # A method of a built-in class: where a producer is lost, the client calls back with an error pending already,
        # in which code of Python's own goes astray.
        self._reports: dict[KafkaError | None, Message] = {}
        self._note_report: OnDelivery = self._reports.__setitem__

    def finish(
        self,
        result: ChunkResult,
        events_partition: int,
        next_offsets: NextOffsets,
        group: GroupMetadata,
        headers: Headers = (),
    ) -> None:
        """Publish the result, then the event that says where it lies, and commit both with the offset of the chunk.

        Raises:
            RecordTooLarge: the transaction was aborted, because the result is larger than its topic allows.
            DeliveryError: the transaction was aborted, or its producer was lost; the chunk has to be read again.
            DependencyError: the cluster does not tell about the events topic, or about the group.
            StopOverdue: how it ended is not known.
            FatalClientError: the client cannot go on.
        """
        value = self._encoding.encode_result(result)
        partitions = self._partition_counts[self._names.results]
        told_on = self._choose_events_partition(events_partition)

        def publish() -> None:
            partition = choose_partition(result.submission, result.number, partitions)
            self._reports.clear()
            key = f"{result.job_id}/{result.number}".encode()
            self._produce(
                self._names.results, value, key, partition, headers=headers or None, on_delivery=self._note_report
            )
            self._insist(self._producing.flush)
            event = ChunkDone(result.job_id, result.submission, result.scored_at_ms, self._find_place(result))
            self._tell(event, told_on, next_offsets, group, headers)

        self._go_through(publish, next_offsets)

    def fail(
        self, record: Record, event: JobEvent | None, next_offsets: NextOffsets, group: GroupMetadata, *, reason: str
    ) -> None:
        """Put a record that is no readable chunk into the dead letters, and the event that fails its job beside it.

        Raises:
            DeliveryError, DependencyError, StopOverdue, FatalClientError: as `finish`.
        """
        letter = DeadLetter(record, Reason.UNDECODABLE, reason)
        headers = dead_letter_headers(letter, failed_at_ms=int(self._wall_clock() * 1000))
        topic = self._names.dead_letters
        partition = record.partition() % self._partition_counts[topic]
        said = None if event is None else _find_events_partition(record)
        told_on = None if said is None else self._choose_events_partition(said)

        def publish() -> None:
            self._produce(topic, record.value(), record.key(), partition, headers=headers)
            self._insist(self._producing.flush)
            if event is None or told_on is None:
                self._send_offsets(next_offsets, group)
            else:
                self._tell(event, told_on, next_offsets, group, make_headers(find_context(record)))

        self._go_through(publish, next_offsets)

    def skip(self, next_offsets: NextOffsets, group: GroupMetadata) -> None:
        """Commit past chunks that nobody wants any more; raises as `finish`."""
        self._go_through(partial(self._send_offsets, next_offsets, group), next_offsets)

    def close(self) -> None:
        """Release the producer; a transaction whose end is not known is ended by the next start, or by the broker."""
        self._producing.close()

    def _go_through(self, steps: Callable[[], None], next_offsets: NextOffsets) -> None:
        self._patience.renew()
        self._opened_at = None

        def take_steps() -> None:
            self._opened_at = self._clock()
            steps()

        try:
            self._transact(take_steps)
        except FatalClientError as error:
            self._lost += 1
            if self._is_taken() or self._lost > MOST_LOST_PRODUCERS:
                raise
            logger.warning(
                "the producer of a worker is lost, another one takes its place",
                extra={"event": "job_producer_replaced", "error": str(error)},
            )
            if not self._find_out(next_offsets):
                self._observer.transaction_ended("aborted")
                raise DeliveryError(f"the chunk has to be done again: {error}") from error
            self._observer.transaction_ended("committed")
        self._lost = 0

    def _is_taken(self) -> bool:
        """Whether another live producer has the id: the broker ends no transaction before its time."""
        if not self._producing.is_fenced or self._opened_at is None:
            return False
        return self._clock() - self._opened_at < self._transaction_seconds

    def _find_out(self, next_offsets: NextOffsets) -> bool:
        """Whether the lost transaction went through after all, or another worker has done the chunk by now."""
        try:
            self._producing.renew()
            while True:
                try:
                    committed = self._find_committed(next_offsets.keys())
                except Unavailable as away:
                    if not self._patience.keep_waiting():
                        raise StopOverdue(f"whether a chunk was committed is not known: {away}") from away
                else:
                    return all(committed.get(p, -1) >= offset for p, offset in next_offsets.items())
        except Refused as refused:
            # To go on would be to guess; a new start reads on from what was committed.
            raise FatalClientError(f"whether a chunk was committed cannot be found out: {refused}") from refused

    def _tell(
        self,
        event: JobEvent,
        events_partition: int,
        next_offsets: NextOffsets,
        group: GroupMetadata,
        headers: Headers,
    ) -> None:
        """Offsets first, which take a while; then the event."""
        self._send_offsets(next_offsets, group)
        value, key = self._encoding.encode_event(event), find_key(event).encode()
        self._produce(self._names.events, value, key, events_partition, headers=headers or None)
        self._insist(self._producing.flush)

    def _send_offsets(self, next_offsets: NextOffsets, group: GroupMetadata) -> None:
        self._insist(partial(self._producing.send_offsets, next_offsets, group))

    def _produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        *,
        headers: Headers | None = None,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        self._producing.produce(
            topic,
            value,
            key,
            partition,
            headers=headers,
            keep_waiting=self._patience.keep_waiting,
            on_delivery=on_delivery,
        )

    def _find_place(self, result: ChunkResult) -> ResultPlace:
        """Where the result lies, by the report of its delivery."""
        for error, message in self._reports.items():
            if error is not None:
                self._producing.report(error, message)
                self._insist(self._producing.flush)  # raises, and sees to the producer
        delivered = self._reports.get(None)
        if delivered is None:
            raise DeliveryError("the broker has not said where the result of a chunk lies")
        place = (delivered.partition() or 0, delivered.offset() or 0)
        return ResultPlace(result.number, result.first_row, result.rows, result.rows_failed, *place)

    def _choose_events_partition(self, asked: int) -> int:
        """The one that was asked for, also where it was added a moment ago.

        One that the topic does not have would be refused each time; every reader has all partitions anyway.

        Raises:
            DependencyError: the cluster does not tell.
        """
        topic = self._names.events
        known = self._partition_counts[topic]
        if asked >= known:
            self._partition_counts[topic] = max(known, self._count_partitions(topic))
            if self._partition_counts[topic] > known:
                # What a producer knows of a topic is up to five minutes old, and until then it refuses a new partition.
                self._producing.wear_out()
        return asked % self._partition_counts[topic]


def _find_events_partition(record: Record) -> int | None:
    """Where the events of its job lie, as its own header says; None where that is no number."""
    said = find_header(record, EVENTS_PARTITION_HEADER) or b""
    return int(said) if said.isdigit() and len(said) <= MOST_PARTITION_DIGITS else None
