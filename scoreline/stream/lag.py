"""How far each partition is behind, in records and in seconds, told once a second."""

from collections.abc import Callable, Collection, Sequence

from scoreline.observability.events import BatchScored
from scoreline.records import Clock, Record, TopicPartition
from scoreline.transport.ports import Source

INTERVAL_SECONDS = 1.0

Report = Callable[[TopicPartition, int, float | None], None]


class LagObserver:
    """Observer of the loop's turns, and listener of rebalances, that asks its source; only the loop's thread may do so.

    The lag in seconds is the age of the oldest record that is not finished, by its Kafka timestamp. Of a batch that was
    rolled back that record is known. Otherwise it is the one after the last that was finished: at least as young as
    that one, and not there yet when the partition was last seen without a lag; the later of the two moments is taken,
    which is exact to a second. Nothing is said in seconds of a partition of which nothing was seen yet.

    Args:
        report: told partition, offsets behind, and seconds or None.
        clock: monotonic seconds.
        wall_clock: seconds since the epoch.
    """

    def __init__(self, source: Source, report: Report, clock: Clock, wall_clock: Clock) -> None:
        self._source = source
        self._report = report
        self._clock = clock
        self._wall_clock = wall_clock
        self._due_at = clock()
        self._oldest_ms: dict[TopicPartition, int] = {}
        self._younger_than_ms: dict[TopicPartition, int] = {}
        source.add_listener(self)

    def turned(self) -> None:
        """Report, if it is time."""
        now = self._clock()
        if now < self._due_at:
            return
        self._due_at = now + INTERVAL_SECONDS
        now_ms = int(self._wall_clock() * 1000)
        for partition, records in self._source.lags().items():
            if not records:
                self._oldest_ms.pop(partition, None)
                self._younger_than_ms[partition] = now_ms
                self._report(partition, 0, 0.0)
                continue
            since_ms = self._oldest_ms.get(partition, self._younger_than_ms.get(partition))
            seconds = None if since_ms is None else max(0, now_ms - since_ms) / 1000
            self._report(partition, records, seconds)

    def batch_scored(self, event: BatchScored) -> None:
        """What comes after these is at least as young."""
        for partition, record in event.last_records.items():
            self._oldest_ms.pop(partition, None)
            kind, timestamp_ms = record.timestamp()
            if kind:
                earlier_ms = self._younger_than_ms.get(partition, timestamp_ms)
                self._younger_than_ms[partition] = max(earlier_ms, timestamp_ms)

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Nothing is known of them yet."""
        self._forget(partitions)

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Another member goes on with them."""
        self._forget(partitions)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """As revoked."""
        self._forget(partitions)

    def stranded(self, partition: TopicPartition, detail: str) -> None:
        """Of what lies before it nothing is known."""

    def batch_rolled_back(self, records: Sequence[Record], error: Exception, retry_seconds: float) -> None:  # noqa: ARG002 - the port's names
        """The first of each partition is the oldest that is not finished."""
        for record in reversed(records):
            kind, timestamp_ms = record.timestamp()
            if kind:
                self._oldest_ms[TopicPartition(record.topic(), record.partition())] = timestamp_ms

    def _forget(self, partitions: Collection[TopicPartition]) -> None:
        for partition in partitions:
            self._oldest_ms.pop(partition, None)
            self._younger_than_ms.pop(partition, None)
