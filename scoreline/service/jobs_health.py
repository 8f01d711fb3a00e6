"""What the jobs role says of itself: alive by its workers' turns, ready by evidence."""

import logging
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from scoreline.jobs.chunk import Chunk
from scoreline.jobs.events import parse_chunk_key
from scoreline.jobs.observers import ChunkScored
from scoreline.observability.health import ComponentHealth
from scoreline.observability.traces.context import find_trace_id
from scoreline.records import Clock, Record, TopicPartition
from scoreline.stream.heartbeat import Heartbeat
from scoreline.stream.membership import MembershipHealth

logger = logging.getLogger("scoreline.jobs")

FORGOTTEN_SECONDS = 30.0
"""A chunk that has not come back for so long after its pause was finished by another worker."""

MOST_JOBS_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a chunk could not be finished.

    Attributes:
        ends_at: where nothing was heard of it by then, in monotonic seconds.
    """

    partition: TopicPartition
    text: str
    ends_at: float


class WorkerHealth:
    """Implements `WorkerObserver` for one worker; written by its thread, read by others."""

    def __init__(self, clock: Clock, lanes: Sequence[str]) -> None:
        self._clock = clock
        self._heartbeat = Heartbeat(clock, "a worker")
        self._trouble: Trouble | None = None
        self._passed_over: dict[str, None] = {}
        self._state = "starting"
        self.lanes = tuple(MembershipHealth(logger, lane=lane, gone=self._forget_trouble_of) for lane in lanes)

    def described(self, state: str) -> None:
        """Before the first assignment: what is being waited for."""
        self._heartbeat.seen()
        self._state = state

    def turned(self) -> None:
        """The worker is alive."""
        self._heartbeat.turned()
        trouble = self._trouble
        if trouble is not None and self._clock() >= trouble.ends_at:
            self._trouble = None

    def acknowledgement_awaited(self) -> None:
        """The worker is alive, and waits for the broker."""
        self._heartbeat.acknowledgement_awaited()

    def chunk_scored(self, event: ChunkScored) -> None:
        """A finished chunk ends any trouble."""
        if self._trouble is not None:
            trace_id = None if event.trace is None else event.trace.trace_id
            fields = {"event": "jobs_resumed", "job_id": event.job_id, "trace_id": trace_id}
            logger.info("work on jobs goes on", extra=fields)
            self._trouble = None

    def chunk_skipped(self, record: Record) -> None:  # noqa: ARG002 - the port's name
        """As scored: its offset is committed."""
        self._trouble = None

    def chunk_passed_over(self, record: Record, chunk: Chunk) -> None:
        """As scored: its offset is committed. Said once a job."""
        self._trouble = None
        order = chunk.order
        if order.job_id in self._passed_over:
            return
        if len(self._passed_over) >= MOST_JOBS_REMEMBERED:
            del self._passed_over[next(iter(self._passed_over))]
        self._passed_over[order.job_id] = None
        logger.info(
            "a job is for the model %s: its chunks are left to the workers of that",
            order.model,
            extra={
                "event": "job_passed_over",
                "model": order.model,
                "job_id": order.job_id,
                "trace_id": find_trace_id(record),
            },
        )

    def chunk_buried(self, record: Record, detail: str) -> None:
        """As scored; and somebody should look at it."""
        self._trouble = None
        where = f"{record.topic()}[{record.partition()}]@{record.offset()}"
        logger.error(
            "a chunk of a job is a dead letter: %s: %s",
            where,
            detail,
            extra={"event": "chunk_buried", "position": where, "error": detail, **_name_job(record)},
        )

    def chunk_rolled_back(self, record: Record, error: Exception, retry_seconds: float) -> None:
        """A chunk that could not be finished makes the role unready until one is, or it is another worker's."""
        text = f"{type(error).__name__}: {error}"
        if self._trouble is None or text != self._trouble.text:
            fields = {
                "event": "chunk_rolled_back",
                "error": text,
                "retry_seconds": round(retry_seconds, 3),
                **_name_job(record),
            }
            logger.warning("a chunk of a job will be scored again: %s", text, extra=fields)
        partition = TopicPartition(record.topic(), record.partition())
        self._trouble = Trouble(partition, text, self._clock() + retry_seconds + FORGOTTEN_SECONDS)

    @property
    def is_alive(self) -> bool:
        """Whether it has turned lately."""
        return self._heartbeat.is_alive

    def find_trouble(self) -> str | None:
        """Why it is not ready; None where it is."""
        silent = self._heartbeat.find_trouble()
        if silent is not None:
            return silent
        trouble = self._trouble
        if trouble is not None:
            return trouble.text
        if not all(lane.joined for lane in self.lanes):
            return self._state
        return "; ".join(text for lane in self.lanes for text in lane.find_stranded()) or None

    def _forget_trouble_of(self, partitions: Collection[TopicPartition]) -> None:
        if self._trouble is not None and self._trouble.partition in partitions:
            self._trouble = None


class JobsHealth:
    """The component `jobs`: all workers together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = "starting"
        self._workers: list[WorkerHealth] = []

    def described(self, state: str) -> None:
        """Before there are workers: what is being waited for."""
        self._state = state

    def add(self, worker: WorkerHealth) -> WorkerHealth:
        """From now on ask this worker, too."""
        with self._lock:
            self._workers.append(worker)
        return worker

    def check(self) -> ComponentHealth:
        """The component as it stands now."""
        with self._lock:
            workers = list(self._workers)
        troubles = [trouble for worker in workers if (trouble := worker.find_trouble()) is not None]
        alive = all(worker.is_alive for worker in workers)
        partitions = sum(len(lane.partitions) for worker in workers for lane in worker.lanes)
        detail = troubles[0] if troubles else f"{len(workers)} workers, {partitions} partitions assigned"
        ready = bool(workers) and not troubles
        return ComponentHealth("jobs", "jobs", ready, alive, detail if workers else self._state)


def _name_job(record: Record) -> dict[str, str | None]:
    """Which job a chunk is of, and the trace that this was submitted in, as far as its record says so."""
    name = parse_chunk_key(record.key())
    return {"job_id": None if name is None else name.job_id, "trace_id": find_trace_id(record)}
