"""Has chunks counted where scoreline counts, and has lags looked at: what a worker's observers are for."""

from collections.abc import Sequence

from scoreline.jobs.chunk import Chunk
from scoreline.jobs.observers import ChunkScored
from scoreline.observability.metrics.jobs import JobMetrics
from scoreline.observability.stats import Stats
from scoreline.records import Record
from scoreline.stream.lag import LagObserver


class JobCounting:
    """Implements `scoreline.jobs.observers.WorkerObserver`.

    Args:
        lags: of the worker's lanes, looked at with each turn.
    """

    def __init__(self, metrics: JobMetrics, stats: Stats, lags: Sequence[LagObserver]) -> None:
        self._metrics = metrics
        self._stats = stats
        self._lags = lags

    def turned(self) -> None:
        """See how far the lanes are behind, where it is time."""
        for lag in self._lags:
            lag.turned()

    def chunk_scored(self, event: ChunkScored) -> None:
        """Count its rows."""
        self._metrics.rows_scored(event.version, event.rows, event.rows_failed)
        seconds = sum(event.stage_seconds.values())
        self._stats.chunk_scored(event.version, rows=event.rows, failed=event.rows_failed, seconds=seconds)

    def chunk_skipped(self, record: Record) -> None:
        """Nothing of it was scored."""

    def chunk_passed_over(self, record: Record, chunk: Chunk) -> None:  # noqa: ARG002 - the port's names
        """Count its rows apart."""
        self._metrics.rows_passed_over(chunk.rows)

    def chunk_buried(self, record: Record, detail: str) -> None:  # noqa: ARG002 - the port's names
        """Count the failure."""
        self._stats.chunk_failed()

    def chunk_rolled_back(self, record: Record, error: Exception, retry_seconds: float) -> None:  # noqa: ARG002 - the port's names
        """Count the failure."""
        self._stats.chunk_failed()
