"""Has a span made for each chunk that a worker ends with."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scoreline.jobs.chunk import Chunk
from scoreline.jobs.events import parse_chunk_key
from scoreline.jobs.observers import ChunkScored
from scoreline.observability.traces.context import find_context
from scoreline.records import Record

if TYPE_CHECKING:
    from scoreline.observability.traces.chunks import ChunkTraces

_NO_TIME: Mapping[str, float] = {}


class JobTracing:
    """Implements `scoreline.jobs.observers.WorkerObserver`; what is only passed over, or tried again, has no span."""

    def __init__(self, traces: "ChunkTraces") -> None:
        self._traces = traces

    def turned(self) -> None:
        """Nothing was done yet."""

    def chunk_scored(self, event: ChunkScored) -> None:
        """Record it."""
        self._traces.chunk_ended(
            event.topic,
            event.trace,
            job_id=event.job_id,
            number=event.number,
            stage_seconds=event.stage_seconds,
            facts={
                "model": event.model,
                "version": event.version,
                "rows": event.rows,
                "rows_failed": event.rows_failed,
            },
        )

    def chunk_skipped(self, record: Record) -> None:
        """Nothing was done for it."""

    def chunk_passed_over(self, record: Record, chunk: Chunk) -> None:
        """Its own workers record it."""

    def chunk_buried(self, record: Record, detail: str) -> None:  # noqa: ARG002 - the port's name
        """Record the failure; the detail is in the log."""
        name = parse_chunk_key(record.key())
        self._traces.chunk_ended(
            record.topic(),
            find_context(record),
            job_id=None if name is None else name.job_id,
            number=None if name is None else name.number,
            stage_seconds=_NO_TIME,
            facts={},
            error="the chunk is a dead letter",
        )

    def chunk_rolled_back(self, record: Record, error: Exception, retry_seconds: float) -> None:
        """It comes back."""
