"""The two lanes that chunks come on: a small job never waits behind a huge one for longer than a chunk takes."""

from collections.abc import Mapping

from scoreline.records import Clock, Record, TopicPartition
from scoreline.transport.ports import Source

KEEP_ALIVE_SECONDS = 5.0
"""A lane that was not polled for so long is kept alive: far below `max.poll.interval.ms`, and rarely, because it pauses
fetching."""

MOST_BYTES_POLLED = 2 * 1024 * 1024


class Lanes:
    """Members of one group, one a lane, of which at most one has a chunk in hand. For one thread.

    Args:
        jobs: the first chunks of every job.
        bulk: the other chunks of long ones.
        clock: monotonic seconds.
    """

    def __init__(self, jobs: Source, bulk: Source, *, clock: Clock) -> None:
        self._jobs = jobs
        self._bulk = bulk
        self._clock = clock
        self._touched = dict.fromkeys((jobs, bulk), clock())
        self._is_bulk_busy = False

    def poll(self, idle_seconds: float) -> tuple[Source, Record] | None:
        """The next chunk to work on, and the lane that it came on: a bulk one only where there is no other.

        Args:
            idle_seconds: how long to wait where nothing is there.

        Raises:
            Refused: only at the start: a permission is missing.
            FatalClientError: a client cannot go on.
        """
        record = self._poll(self._jobs, 0.0 if self._is_bulk_busy else idle_seconds)
        if record is not None:
            self.keep_alive(but=self._jobs)
            return self._jobs, record
        record = self._poll(self._bulk, 0.0)
        self._is_bulk_busy = record is not None
        return None if record is None else (self._bulk, record)

    def keep_alive(self, *, but: Source | None = None) -> None:
        """Stay a member on every lane that was not polled lately; nothing may be in hand but of the lane left out.

        Raises:
            Refused, FatalClientError: as `poll`.
        """
        for lane, touched in self._touched.items():
            if lane is not but and self._clock() - touched >= KEEP_ALIVE_SECONDS:
                lane.keep_alive()
                self._touched[lane] = self._clock()

    def lags(self) -> Mapping[TopicPartition, int]:
        """Offsets between the position and the end of each partition of either lane, as far as they are known."""
        return {**self._jobs.lags(), **self._bulk.lags()}

    def _poll(self, lane: Source, timeout_seconds: float) -> Record | None:
        records = lane.poll(1, MOST_BYTES_POLLED, timeout_seconds)
        self._touched[lane] = self._clock()
        return records[0] if records else None
