"""What of the metrics is about batch jobs."""

import threading
from collections.abc import Callable, Collection, Mapping

from prometheus_client import Counter, Gauge

from scoreline.observability.metrics.partitions import PartitionGauge
from scoreline.records import TopicPartition


class JobMetrics:
    """Counts rows of jobs, shows jobs by status and the lag of their lanes; every method may be called by any thread.

    Args:
        lag_records, lag_seconds: shared with whoever else has partitions.
        lock: of these two.
        count_predictions: by version.
    """

    def __init__(
        self,
        jobs: Gauge,
        rows: Counter,
        lag_records: PartitionGauge,
        lag_seconds: PartitionGauge,
        *,
        lock: threading.Lock,
        count_predictions: Callable[[int, int], None],
    ) -> None:
        self._jobs = jobs
        self._predicted, self._failed = rows.labels("predicted"), rows.labels("failed")
        self._passed_over = rows.labels("passed_over")
        self._lag_records = lag_records
        self._lag_seconds = lag_seconds
        self._lock = lock
        self._count_predictions = count_predictions
        self._assigned: set[TopicPartition] = set()

    def rows_scored(self, version: int, rows: int, failed: int) -> None:
        """Count the rows of a chunk, failed ones among them."""
        self._predicted.inc(rows - failed)
        self._failed.inc(failed)
        if rows > failed:
            self._count_predictions(version, rows - failed)

    def rows_passed_over(self, rows: int) -> None:
        """Count the rows of a chunk that another model's workers score."""
        self._passed_over.inc(rows)

    def show(self, counts: Mapping[str, int]) -> None:
        """Show how many jobs there are in each status."""
        for status, count in counts.items():
            self._jobs.labels(status).set(count)

    def set_lag(self, partition: TopicPartition, records: int, seconds: float | None) -> None:
        """Say how far an assigned partition is behind; of any other partition nothing is shown."""
        with self._lock:
            if partition in self._assigned:
                self._lag_records.set(partition, records)
                if seconds is None:
                    self._lag_seconds.forget(partition)
                else:
                    self._lag_seconds.set(partition, seconds)

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """More partitions are a worker's."""
        with self._lock:
            self._assigned.update(partitions)

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions go to another member, and what only they have goes from the exposition."""
        with self._lock:
            for partition in partitions:
                self._lag_records.forget(partition)
                self._lag_seconds.forget(partition)
            self._assigned.difference_update(partitions)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions have gone."""
        self.revoked(partitions)

    def stranded(self, partition: TopicPartition, detail: str) -> None:
        """Readiness tells."""
