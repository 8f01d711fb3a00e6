"""What a worker tells of chunks, once a chunk."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from scoreline.jobs.chunk import Chunk
from scoreline.observability.traces.context import TraceContext
from scoreline.records import Record


@dataclass(frozen=True, slots=True)
class ChunkScored:
    """A chunk that is finished: its result, its event and its offset are committed.

    Attributes:
        topic: of the lane that it came on.
        number: of the chunk within its job.
        rows_failed: those of `rows` that have errors instead of a prediction.
        stage_seconds: time by stage: `decode`, `predict`, `publish`.
        trace: that the job was submitted in; None where it was in none.
    """

    topic: str
    job_id: str
    number: int
    model: str
    version: int
    rows: int
    rows_failed: int
    stage_seconds: Mapping[str, float]
    trace: TraceContext | None = None


class WorkerObserver(Protocol):
    """Learns how a worker is doing; may not raise."""

    def turned(self) -> None:
        """The worker is alive."""
        ...

    def chunk_scored(self, event: ChunkScored) -> None:
        """A chunk is finished."""
        ...

    def chunk_skipped(self, record: Record) -> None:
        """A chunk was passed over, because nobody wants its job any more."""
        ...

    def chunk_passed_over(self, record: Record, chunk: Chunk) -> None:
        """A chunk is for another model, whose own workers score it."""
        ...

    def chunk_buried(self, record: Record, detail: str) -> None:
        """A chunk that cannot be finished by anyone is a dead letter, and its job has failed."""
        ...

    def chunk_rolled_back(self, record: Record, error: Exception, retry_seconds: float) -> None:
        """A chunk could not be finished; it is tried again after a pause."""
        ...
