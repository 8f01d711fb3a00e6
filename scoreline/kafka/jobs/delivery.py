"""Finishes chunks on Kafka: result, event and offset in one transaction, or none of them."""

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial

from confluent_kafka import KafkaError, Message

from scoreline.dead_letters import dead_letter_headers
from scoreline.errors import DeliveryError, FatalClientError
from scoreline.jobs.events import EVENTS_PARTITION_HEADER, ChunkDone, JobEvent, find_key
from scoreline.jobs.result import ChunkResult, ResultPlace
from scoreline.kafka.client.clients import OnDelivery, Properties, make_transactional_producer
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.jobs.encoding import JobEncoding, JobTopicNames
from scoreline.kafka.jobs.spreading import choose_partition
from scoreline.kafka.publishing.producing import Undelivered
from scoreline.kafka.publishing.transacting import TransactionalProducing
from scoreline.records import Clock, DeadLetter, Headers, NextOffsets, Reason, Record, find_header
from scoreline.transport.patience import Patience
from scoreline.transport.ports import ClientObserver, GroupMetadata, TransactionObserver
from scoreline.transport.transacting import Transacting

logger = logging.getLogger("scoreline.jobs")

TRANSACTION_DEFAULTS: Properties = {"transaction.timeout.ms": 10_000}
"""A worker that is killed hides what comes behind its open transaction from all readers for so long."""

MOST_LOST_PRODUCERS = 3
"""So many in a row, without a transaction committed in between, are no broker that was away."""


class KafkaChunkDelivery(Transacting):
    """Implements `scoreline.jobs.ports.ChunkDelivery`; for one thread.

    A result goes out first, because its event has to say where it lies. The event comes last, right before the commit:
    while a transaction is open, nobody reads what lies behind its records, and every status is read from the events.

    Where the producer is lost (a broker that was away for longer than a transaction may last has given it up), another
    takes its place and the chunk is done again. If the lost commit went through after all, its result lies there twice:
    both are the same, and a job counts each chunk once.

    Args:
        partition_counts: of the topics that are written.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self,
        producing: TransactionalProducing,
        encoding: JobEncoding,
        names: JobTopicNames,
        partition_counts: Mapping[str, int],
        *,
        patience: Patience,
        observer: TransactionObserver,
        wall_clock: Clock,
    ) -> None:
        super().__init__(producing, patience=patience, observer=observer)
        self._producing = producing
        self._encoding = encoding
        self._names = names
        self._partition_counts = dict(partition_counts)
        self._wall_clock = wall_clock
        self._lost = 0
        # A method of a built-in class: where a producer is lost, the client calls back with an error pending already,
        # in which code of Python's own goes astray.
        self._reports: dict[KafkaError | None, Message] = {}
        self._note_report: OnDelivery = self._reports.__setitem__

    def finish(
        self, result: ChunkResult, events_partition: int, next_offsets: NextOffsets, group: GroupMetadata
    ) -> None:
        """Publish the result, then the event that says where it lies, and commit both with the offset of the chunk.

        Raises:
            RecordTooLarge: the transaction was aborted, because the result is larger than its topic allows.
            DeliveryError: the transaction was aborted, or its producer was lost; the chunk has to be read again.
            StopOverdue: how it ended is not known.
            FatalClientError: the client cannot go on.
        """
        value = self._encoding.encode_result(result)
        partitions = self._partition_counts[self._names.results]

        def publish() -> None:
            partition = choose_partition(result.submission, result.number, partitions)
            self._reports.clear()
            key = f"{result.job_id}/{result.number}".encode()
            self._produce(self._names.results, value, key, partition, on_delivery=self._note_report)
            self._insist(self._producing.flush)
            event = ChunkDone(result.job_id, result.submission, result.scored_at_ms, self._find_place(result))
            self._tell(event, events_partition, next_offsets, group)

        self._go_through(publish)

    def fail(
        self, record: Record, event: JobEvent | None, next_offsets: NextOffsets, group: GroupMetadata, *, reason: str
    ) -> None:
        """Put a record that is no readable chunk into the dead letters, and the event that fails its job beside it.

        Raises:
            DeliveryError, StopOverdue, FatalClientError: as `finish`.
        """
        letter = DeadLetter(record, Reason.UNDECODABLE, reason)
        headers = dead_letter_headers(letter, failed_at_ms=int(self._wall_clock() * 1000))
        topic = self._names.dead_letters
        partition = record.partition() % self._partition_counts[topic]

        def publish() -> None:
            self._produce(topic, record.value(), record.key(), partition, headers=headers)
            self._insist(self._producing.flush)
            events_partition = self._find_events_partition(record)
            if event is None or events_partition is None:
                self._send_offsets(next_offsets, group)
            else:
                self._tell(event, events_partition, next_offsets, group)

        self._go_through(publish)

    def skip(self, next_offsets: NextOffsets, group: GroupMetadata) -> None:
        """Commit past chunks that nobody wants any more; raises as `finish`."""
        self._go_through(partial(self._send_offsets, next_offsets, group))

    def close(self) -> None:
        """Release the producer; a transaction whose end is not known is ended by the next start, or by the broker."""
        self._producing.close()

    def _go_through(self, steps: Callable[[], None]) -> None:
        self._patience.renew()
        try:
            self._transact(steps)
        except FatalClientError as error:
            self._lost += 1
            if self._lost > MOST_LOST_PRODUCERS:
                raise
            self._producing.wear_out()
            logger.warning(
                "the producer of a worker is lost, another one takes its place",
                extra={"event": "job_producer_replaced", "error": str(error)},
            )
            raise DeliveryError(f"the chunk has to be done again: {error}") from error
        self._lost = 0

    def _tell(self, event: JobEvent, events_partition: int, next_offsets: NextOffsets, group: GroupMetadata) -> None:
        """Offsets first, which take a while; then the event."""
        self._send_offsets(next_offsets, group)
        value, key = self._encoding.encode_event(event), find_key(event).encode()
        # One that the topic does not have would be refused each time; every reader has all partitions anyway.
        partition = events_partition % self._partition_counts[self._names.events]
        self._produce(self._names.events, value, key, partition)
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

    def _find_events_partition(self, record: Record) -> int | None:
        """Where the events of its job lie, as its own header says; None where that is no partition."""
        said = find_header(record, EVENTS_PARTITION_HEADER) or b""
        partition = int(said) if said.isdigit() else -1
        return partition if 0 <= partition < self._partition_counts[self._names.events] else None


def open_chunk_delivery(
    properties: Properties,
    encoding: JobEncoding,
    names: JobTopicNames,
    partition_counts: Mapping[str, int],
    *,
    transactional_id: str,
    patience: Patience,
    client_observer: ClientObserver,
    observer: TransactionObserver,
    keep_waiting: Callable[[], bool],
    clock: Clock = time.monotonic,
    wall_clock: Clock = time.time,
) -> KafkaChunkDelivery:
    """A delivery with a producer of its own, whose transactional id is taken over before anything is read.

    Args:
        properties: the user's for a producer, `bootstrap.servers` among them.
        keep_waiting: asked once a second while the id is taken over.

    Raises:
        ConfigError: the client does not take a property.
        Refused: this user may not use the transactional id.
        StopOverdue: `keep_waiting` said no.
        FatalClientError: the client cannot go on.
    """
    undelivered = Undelivered()
    watch = ClientWatch(client_observer, clock=clock)
    connect = partial(
        make_transactional_producer,
        {**TRANSACTION_DEFAULTS, **properties},
        transactional_id,
        watch=watch,
        on_delivery=undelivered.report,
        tell_delivered=True,
    )
    producing = TransactionalProducing(
        connect,
        transactional_id=transactional_id,
        keep_waiting=patience.keep_waiting,
        undelivered=undelivered,
        watch=watch,
        clock=clock,
    )
    producing.start(keep_waiting)
    return KafkaChunkDelivery(
        producing, encoding, names, partition_counts, patience=patience, observer=observer, wall_clock=wall_clock
    )
