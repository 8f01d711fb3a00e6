"""Workers over the in-memory broker, with everything around them that a test may want to break."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scoreline.errors import DeliveryError, RecordTooLarge, Unavailable
from scoreline.features import Feature, Matrix
from scoreline.jobs.chunk import Chunk
from scoreline.jobs.events import EVENTS_PARTITION_HEADER, ChunkDone, JobEvent, find_chunk_key, find_key
from scoreline.jobs.lanes import Lanes
from scoreline.jobs.observers import ChunkScored, WorkerObserver
from scoreline.jobs.result import ChunkResult, ResultPlace
from scoreline.jobs.scoring import ChunkScorer
from scoreline.jobs.view import JobView
from scoreline.jobs.wire import JobDecoder, encode_chunk, encode_event, encode_result, find_prefix
from scoreline.jobs.worker import JobWorker
from scoreline.models.live_route import LiveRoute
from scoreline.models.model import ModelVersion, Scores
from scoreline.records import Headers, NextOffsets, Record, TopicPartition, find_header
from scoreline.schemas.fixed import JOB_CHUNK_ID, JOB_EVENT_ID, JOB_RESULT_ID
from scoreline.schemas.framing import Framing
from scoreline.testing.fakes import FixedVersions, WeightedSum
from scoreline.transport.backoff import Backoff
from scoreline.transport.memory import MemoryBroker, MemorySource, Outcome, Transaction
from scoreline.transport.ports import GroupMetadata
from tests.jobs.builders import JOB, ShippedSchemas, make_chunk, make_order

GROUP = "group-jobs"
SCHEMAS = ShippedSchemas()
PREFIX = {
    schema_id: find_prefix(SCHEMAS, Framing.CONFLUENT, "topic", schema_id)
    for schema_id in (JOB_CHUNK_ID, JOB_RESULT_ID, JOB_EVENT_ID)
}


class MemoryChunkDelivery:
    """A `ChunkDelivery` of transactions in memory.

    Attributes:
        fail_at: asked before each step of a transaction, by its name; an error that it gives ends the transaction.
        most_result_bytes: of a value on the results topic.
    """

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self.fail_at: Callable[[str], Exception | None] = lambda _: None
        self.most_result_bytes = 1 << 20

    def finish(
        self,
        result: ChunkResult,
        events_partition: int,
        next_offsets: NextOffsets,
        group: GroupMetadata,
        headers: Headers = (),
    ) -> None:
        value = encode_result(result, PREFIX[JOB_RESULT_ID])
        with self._transaction(next_offsets, group) as transaction:
            if len(value) > self.most_result_bytes:
                raise RecordTooLarge("the result is larger than its topic allows")
            offset = self._broker.append("results", value, headers=headers, transaction=transaction)
            place = ResultPlace(result.number, result.first_row, result.rows, result.rows_failed, 0, offset)
            done = ChunkDone(result.job_id, result.submission, result.scored_at_ms, place)
            self._append_event(done, events_partition, transaction, headers)

    def fail(
        self, record: Record, event: JobEvent | None, next_offsets: NextOffsets, group: GroupMetadata, *, reason: str
    ) -> None:
        with self._transaction(next_offsets, group) as transaction:
            self._broker.append(
                "dead", record.value(), key=record.key(), headers=[("reason", reason.encode())], transaction=transaction
            )
            said = find_header(record, EVENTS_PARTITION_HEADER)
            if event is not None and said is not None:
                self._append_event(event, int(said), transaction)

    def skip(self, next_offsets: NextOffsets, group: GroupMetadata) -> None:
        with self._transaction(next_offsets, group):
            pass

    def _append_event(self, event: JobEvent, partition: int, transaction: Transaction, headers: Headers = ()) -> None:
        self._broker.append(
            "events",
            encode_event(event, PREFIX[JOB_EVENT_ID]),
            partition=partition,
            key=find_key(event).encode(),
            headers=headers,
            transaction=transaction,
        )

    @contextmanager
    def _transaction(self, next_offsets: NextOffsets, group: GroupMetadata) -> Iterator[Transaction]:
        transaction = Transaction()
        try:
            self._step("publish")
            yield transaction
            self._step("send_offsets")
            self._send_offsets(transaction, next_offsets, group)
            self._step("commit")
        except BaseException:
            transaction.end(Outcome.ABORTED)
            raise
        transaction.end(Outcome.COMMITTED)

    def _send_offsets(self, transaction: Transaction, next_offsets: NextOffsets, group: GroupMetadata) -> None:
        refusal = self._broker.group(GROUP).commit_with(transaction, group, next_offsets)
        if refusal is not None:
            raise DeliveryError(f"the transaction has to be aborted: {refusal}")

    def _step(self, name: str) -> None:
        error = self.fail_at(name)
        if error is not None:
            raise error


class MovingVersions(FixedVersions):
    """Versions behind a store that may be away."""

    away = False

    def resolve(self, selector: str | None = None) -> LiveRoute:
        if self.away:
            raise Unavailable("the model store is away")
        return super().resolve(selector)


@dataclass
class Witness:
    """Keeps what workers tell."""

    turns: int = 0
    scored: list[ChunkScored] = field(default_factory=list)
    skipped: list[Record] = field(default_factory=list)
    passed_over: list[Chunk] = field(default_factory=list)
    buried: list[str] = field(default_factory=list)
    rolled_back: list[tuple[Exception, float]] = field(default_factory=list)
    predictions: list[float] = field(default_factory=list)

    def rows_scored(
        self, version: ModelVersion, features: Matrix, unseen: npt.NDArray[np.int64], scores: Scores
    ) -> None:
        self.predictions += scores.tolist()

    def turned(self) -> None:
        self.turns += 1

    def chunk_scored(self, event: ChunkScored) -> None:
        self.scored.append(event)

    def chunk_skipped(self, record: Record) -> None:
        self.skipped.append(record)

    def chunk_passed_over(self, record: Record, chunk: Chunk) -> None:
        self.passed_over.append(chunk)

    def chunk_buried(self, record: Record, detail: str) -> None:
        self.buried.append(detail)

    def chunk_rolled_back(self, record: Record, error: Exception, retry_seconds: float) -> None:
        self.rolled_back.append((error, retry_seconds))


class Scene:
    """Topics, a view that reads them when it is asked to, and the time."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        for topic in ("jobs", "bulk"):
            self.broker.create_topic(topic, 2)
        for topic in ("results", "events", "dead"):
            self.broker.create_topic(topic)
        self.now = 1000.0
        self.requested = False
        self.witness = Witness()
        self.versions = MovingVersions({1: WeightedSum([Feature("a")], [2.0])})
        self.delivery = MemoryChunkDelivery(self.broker)
        self.view = JobView(lambda: self.now, results_retention_seconds=1e6)
        self._applied = 0

    def is_set(self) -> bool:
        return self.requested

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.requested

    def open_lanes(self, name: str = "worker") -> Lanes:
        sources = [MemorySource(self.broker, GROUP, [lane], member=f"{name}-{lane}") for lane in ("jobs", "bulk")]
        return Lanes(*sources, clock=lambda: self.now)

    def make_worker(self, lanes: Lanes | None = None, observers: Sequence[WorkerObserver] = ()) -> JobWorker:
        return JobWorker(
            lanes or self.open_lanes(),
            JobDecoder(SCHEMAS, Framing.CONFLUENT),
            ChunkScorer(self.versions, clock=lambda: self.now, wall_clock=lambda: self.now),
            self.delivery,
            model="model",
            is_unwanted=self.view.is_unwanted,
            stop=self,
            clock=lambda: self.now,
            wall_clock=lambda: self.now,
            observers=[self.witness, *observers],
            rows_observer=self.witness,
            backoff=Backoff(first_seconds=1.0, rng=random.Random(1)),
        )

    def put(self, chunk: Chunk, lane: str = "jobs", partition: int = 0, headers: Headers = ()) -> None:
        order = chunk.order
        key = find_chunk_key(order.job_id, order.submission, chunk.number).encode()
        all_headers = [(EVENTS_PARTITION_HEADER, str(order.events_partition).encode()), *headers]
        value = encode_chunk(chunk, PREFIX[JOB_CHUNK_ID])
        self.broker.append(lane, value, partition=partition, key=key, headers=all_headers)

    def put_rows(
        self, number: int, *, job_id: str = JOB, lane: str = "jobs", partition: int = 0, rows: int = 3
    ) -> None:
        first = number * rows
        lines = [b'{"a":%d}' % (first + i) for i in range(rows)]
        self.put(make_chunk(lines, order=make_order(job_id), number=number, first_row=first), lane, partition)

    def read_events(self) -> list[JobEvent]:
        decoder = JobDecoder(SCHEMAS, Framing.CONFLUENT)
        return [decoder.decode_event(record.value()) for record in self.broker.read("events")]

    def read_results(self) -> list[ChunkResult]:
        decoder = JobDecoder(SCHEMAS, Framing.CONFLUENT)
        return [decoder.decode_result(record.value()) for record in self.broker.read("results")]

    def follow(self) -> JobView:
        """Have the view read what has come."""
        events = self.read_events()
        for event in events[self._applied :]:
            self.view.apply(event, 0)
        self._applied = len(events)
        return self.view

    def committed(self) -> dict[TopicPartition, int]:
        return dict(self.broker.group(GROUP).committed)

    def count_results(self) -> Counter[tuple[str, int]]:
        return Counter((result.job_id, result.number) for result in self.read_results())


def turn(workers: Sequence[JobWorker], times: int) -> None:
    for _ in range(times):
        for worker in workers:
            worker.turn()
