"""What of the metrics is about batch jobs."""

import threading
from collections.abc import Callable, Collection, Mapping

from prometheus_client import Counter, Gauge

from scoreline.observability.metrics.partitions import AssignedLags, Lag
from scoreline.records import TopicPartition

WAYS_TO_END = ("succeeded", "failed", "cancelled")


class JobMetrics:
    """Counts rows of jobs, shows jobs by status and the lag of their lanes; every method may be called by any thread.

    Args:
        lags: of the lanes' partitions.
        lock: of these.
        count_predictions: by version.

    Attributes:
        lags: of the lanes' partitions; read with the lock held.
    """

    def __init__(
        self,
        jobs: Gauge,
        ended: Counter,
        rows: Counter,
        lags: AssignedLags,
        *,
        lock: threading.Lock,
        count_predictions: Callable[[int, int], None],
    ) -> None:
        self._jobs = jobs
        self._ended = {status: ended.labels(status) for status in WAYS_TO_END}
        self._predicted, self._failed = rows.labels("predicted"), rows.labels("failed")
        self._passed_over = rows.labels("passed_over")
        self.lags = lags
        self._lock = lock
        self._count_predictions = count_predictions

    def rows_scored(self, version: int, rows: int, failed: int) -> None:
        """Count the rows of a chunk, failed ones among them."""
        self._predicted.inc(rows - failed)
        self._failed.inc(failed)
        if rows > failed:
            self._count_predictions(version, rows - failed)

    def rows_passed_over(self, rows: int) -> None:
        """Count the rows of a chunk that another model's workers score."""
        self._passed_over.inc(rows)

    def job_ended(self, status: str) -> None:
        """Count a job that has ended while this process was looking."""
        self._ended[status].inc()

    def show(self, counts: Mapping[str, int]) -> None:
        """Show how many jobs there are in each status, and nothing of a status that is not named."""
        self._jobs.clear()
        for status, count in counts.items():
            self._jobs.labels(status).set(count)

    def read_lags(self) -> Mapping[TopicPartition, Lag]:
        """How far the partitions of the lanes are behind that the workers of this process have."""
        with self._lock:
            return self.lags.read()

    def set_lag(self, partition: TopicPartition, records: int, seconds: float | None) -> None:
        """Say how far an assigned partition is behind; of any other partition nothing is shown."""
        with self._lock:
            self.lags.show(partition, records, seconds)

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """More partitions are a worker's."""
        with self._lock:
            self.lags.add(partitions)

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions go to another member, and what only they have goes from the exposition."""
        with self._lock:
            self.lags.remove(partitions)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions have gone."""
        self.revoked(partitions)

    def stranded(self, partition: TopicPartition, detail: str) -> None:
        """Readiness tells."""
