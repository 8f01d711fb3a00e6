"""The worker: poll a chunk → decode → score → deliver, read straight through."""

from collections.abc import Callable, Sequence

from scoreline.errors import DeliveryError, DependencyError, RecordTooLarge, StopOverdue
from scoreline.jobs.chunk import Chunk
from scoreline.jobs.events import ChunkFailed, parse_chunk_key
from scoreline.jobs.fields import Unreadable
from scoreline.jobs.lanes import Lanes
from scoreline.jobs.observers import ChunkScored, WorkerObserver
from scoreline.jobs.ports import ChunkDelivery
from scoreline.jobs.scoring import ChunkScorer, ScoredChunk
from scoreline.jobs.wire import JobDecoder
from scoreline.observability.events import RowsObserver
from scoreline.observability.traces.context import TraceContext, find_context, make_headers
from scoreline.records import Clock, Record, TopicPartition, find_last_records, find_next_offsets
from scoreline.transport.backoff import Backoff
from scoreline.transport.ports import GroupMetadata, Source
from scoreline.transport.stopping import StopSignal

IDLE_POLL_SECONDS = 0.1
"""How long a poll waits when nothing is there: the granularity of a stop, and of bulk chunks after a pause."""

SLICE_SECONDS = 0.1

MOST_DETAIL_CHARACTERS = 500


class JobWorker:
    """Finishes a chunk, or hands it back to its lane, before it polls again.

    The offset of a chunk goes with the group metadata as it was before the chunk was scored: where the group has moved
    on since, the coordinator refuses it, all of it is aborted, and whoever owns the partition then scores it anew.

    Args:
        model: whose chunks are scored; those of another are left to its own workers, who read the same topics in a
            group of their own.
        is_unwanted: by job id and submission, whether chunks of an upload need not be scored any more.
        clock: monotonic seconds.
        wall_clock: seconds since the epoch.
        rows_observer: told of the rows of a chunk that have a prediction, once the chunk is finished.
    """

    def __init__(
        self,
        lanes: Lanes,
        decoder: JobDecoder,
        scorer: ChunkScorer,
        delivery: ChunkDelivery,
        *,
        model: str,
        is_unwanted: Callable[[str, str], bool],
        stop: StopSignal,
        clock: Clock,
        wall_clock: Clock,
        observers: Sequence[WorkerObserver] = (),
        rows_observer: RowsObserver | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._lanes = lanes
        self._decoder = decoder
        self._scorer = scorer
        self._delivery = delivery
        self._model = model
        self._is_unwanted = is_unwanted
        self._stop = stop
        self._clock = clock
        self._wall_clock = wall_clock
        self._observers = observers
        self._rows_observer = rows_observer
        self._backoff = backoff or Backoff()

    def run(self) -> None:
        """Turn until told to stop; the chunk in hand is finished first.

        Raises:
            Refused: only at the start: a permission is missing.
            StopOverdue: how the chunk in hand ended is not known, and a stop allows no more waiting.
            FatalClientError: a Kafka client cannot go on.
        """
        while not self._stop.is_set():
            self.turn()

    def turn(self) -> None:
        """Poll once and finish what came, or hand it back; raises as `run`."""
        self._tell_turned()
        polled = self._lanes.poll(IDLE_POLL_SECONDS)
        if polled is None:
            return
        lane, record = polled
        try:
            self._finish(record, lane.group_metadata())
        except StopOverdue:
            raise
        except (DeliveryError, DependencyError) as error:
            self._roll_back(lane, record, error)
        else:
            self._backoff.reset()

    def _finish(self, record: Record, group: GroupMetadata) -> None:
        chunk = self._decoder.decode_chunk(record.value())
        if isinstance(chunk, Unreadable):
            self._bury(record, group, chunk.detail)
            return
        if chunk.order.model != self._model:
            self._delivery.skip(_find_next(record), group)
            for observer in self._observers:
                observer.chunk_passed_over(record, chunk)
            return
        if self._is_unwanted(chunk.order.job_id, chunk.order.submission):
            self._delivery.skip(_find_next(record), group)
            for observer in self._observers:
                observer.chunk_skipped(record)
            return
        scored = self._scorer.score(chunk)
        began, trace = self._clock(), find_context(record)
        try:
            self._delivery.finish(
                scored.result, chunk.order.events_partition, _find_next(record), group, make_headers(trace)
            )
        except RecordTooLarge as error:
            self._bury(record, group, f"its result cannot be published: {error}")
            return
        self._tell_scored(record, chunk, scored, self._clock() - began, trace)

    def _bury(self, record: Record, group: GroupMetadata, detail: str) -> None:
        """Fail the job of a chunk that nobody can finish; the key says which one where the value does not."""
        detail = detail[:MOST_DETAIL_CHARACTERS]
        name = parse_chunk_key(record.key())
        event = None
        if name is not None:
            at_ms = int(self._wall_clock() * 1000)
            event = ChunkFailed(name.job_id, name.submission, at_ms, name.number, f"chunk {name.number}: {detail}")
        self._delivery.fail(record, event, _find_next(record), group, reason=detail)
        for observer in self._observers:
            observer.chunk_buried(record, detail)

    def _roll_back(self, lane: Source, record: Record, error: Exception) -> None:
        """Have the chunk read again, after a pause in which both lanes stay alive."""
        lane.rewind({TopicPartition(record.topic(), record.partition()): record.offset()})
        seconds = self._backoff.next_seconds()
        for observer in self._observers:
            observer.chunk_rolled_back(record, error, seconds)
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0 and not self._stop.is_set():
            self._tell_turned()
            self._lanes.keep_alive()
            self._stop.wait(min(left, SLICE_SECONDS))

    def _tell_scored(
        self, record: Record, chunk: Chunk, scored: ScoredChunk, publish_seconds: float, trace: TraceContext | None
    ) -> None:
        event = ChunkScored(
            topic=record.topic(),
            job_id=chunk.order.job_id,
            number=chunk.number,
            model=chunk.order.model,
            version=chunk.order.version,
            rows=chunk.rows,
            rows_failed=scored.result.rows_failed,
            stage_seconds={**scored.seconds, "publish": publish_seconds},
            trace=trace,
        )
        for observer in self._observers:
            observer.chunk_scored(event)
        if self._rows_observer is not None and scored.rows is not None:
            self._rows_observer.rows_scored(*scored.rows)

    def _tell_turned(self) -> None:
        for observer in self._observers:
            observer.turned()


def _find_next(record: Record) -> dict[TopicPartition, int]:
    return find_next_offsets(find_last_records([record]))
