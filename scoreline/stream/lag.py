"""How far each partition is behind, told once a second."""

from collections.abc import Callable

from scoreline.observability.events import BatchScored
from scoreline.records import Clock
from scoreline.transport.ports import Source

INTERVAL_SECONDS = 1.0


class LagObserver:
    """Observer of the loop's turns that asks its source, which only the loop's thread may do.

    Args:
        report: told topic, partition and how many offsets it is behind.
        clock: monotonic seconds.
    """

    def __init__(self, source: Source, report: Callable[[str, int, int], None], clock: Clock) -> None:
        self._source = source
        self._report = report
        self._clock = clock
        self._due_at = clock()

    def turned(self) -> None:
        """Report, if it is time."""
        now = self._clock()
        if now < self._due_at:
            return
        self._due_at = now + INTERVAL_SECONDS
        for partition, records in self._source.lags().items():
            self._report(partition.topic, partition.partition, records)

    def batch_scored(self, event: BatchScored) -> None:
        """The next turn tells."""

    def batch_rolled_back(self, records: int, error: Exception, retry_seconds: float) -> None:
        """The next turn tells."""
