"""What the stream role says of itself: alive by its turns, ready by evidence."""

import logging
import threading
from collections.abc import Collection, Sequence

from scoreline.observability.events import BatchScored
from scoreline.observability.health import ComponentHealth
from scoreline.records import Clock, Record, TopicPartition

logger = logging.getLogger("scoreline.stream")

PATIENCE_SECONDS = 5.0
"""An acknowledgement takes milliseconds: after this long without one the producer is not healthy."""

STALE_SECONDS = 60.0
"""A loop that has not turned for this long is stuck: a batch takes milliseconds, a pause at most 30 s."""


class StreamHealth:
    """Observer of loop and rebalances that answers whether the stream is alive and ready; safe between threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._turned_at = clock()
        self._state = "starting"
        self._joined = False
        self._partitions: frozenset[TopicPartition] = frozenset()
        self._trouble: str | None = None
        self._stranded: dict[TopicPartition, str] = {}
        self._waiting_since: float | None = None

    def turned(self) -> None:
        """The loop has begun another turn."""
        self._turned_at = self._clock()
        self._waiting_since = None

    def acknowledgement_awaited(self) -> None:
        """The loop is alive, and waits for the broker."""
        self._turned_at = self._clock()
        if self._waiting_since is None:
            self._waiting_since = self._turned_at

    def described(self, state: str) -> None:
        """Before the first assignment: what is being waited for."""
        with self._lock:
            self._state = state

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """A first assignment, even an empty one, is the evidence that the group was joined."""
        with self._lock:
            self._joined = True
            self._partitions |= set(partitions)
        self._log("partitions_assigned", partitions)

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions go to another member, and whatever trouble there was may have gone with them."""
        with self._lock:
            self._forget(partitions)
            self._trouble = None
        self._log("partitions_revoked", partitions)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions have gone; until the next assignment there is no evidence of membership."""
        with self._lock:
            self._forget(partitions)
            self._trouble = None
            self._joined = False
            self._state = "the group membership was lost, joining again"
        self._log("partitions_lost", partitions)

    def stranded(self, partition: TopicPartition, detail: str) -> None:
        """A partition stands until its offset is chosen; the others go on."""
        with self._lock:
            self._stranded[partition] = detail
        logger.error(
            "a partition stands: %s", detail, extra={"event": "partition_stranded", "partition": str(partition)}
        )

    def batch_scored(self, event: BatchScored) -> None:
        """A finished batch ends any trouble."""
        if self._trouble is not None:
            logger.info("the stream goes on", extra={"event": "stream_resumed", "records": len(event.records)})
            with self._lock:
                self._trouble = None

    def batch_rolled_back(self, records: Sequence[Record], error: Exception, retry_seconds: float) -> None:
        """A batch that could not be finished makes the stream unready until one is."""
        trouble = f"{type(error).__name__}: {error}"
        if trouble != self._trouble:
            logger.warning(
                "a batch was rolled back and will be read again",
                extra={
                    "event": "batch_rolled_back",
                    "records": len(records),
                    "error": trouble,
                    "retry_seconds": round(retry_seconds, 3),
                },
            )
        with self._lock:
            self._trouble = trouble

    def check(self) -> ComponentHealth:
        """The component `stream` as it stands now."""
        with self._lock:
            now = self._clock()
            quiet_seconds = now - self._turned_at
            waiting_seconds = 0.0 if self._waiting_since is None else now - self._waiting_since
            alive = quiet_seconds < STALE_SECONDS
            acknowledged = waiting_seconds < PATIENCE_SECONDS
            ready = alive and acknowledged and self._joined and self._trouble is None and not self._stranded
            if not acknowledged:
                detail = f"nothing has been acknowledged for {waiting_seconds:.0f} s"
            elif not alive:
                detail = f"the loop has not turned for {quiet_seconds:.0f} s"
            elif self._trouble is not None:
                detail = self._trouble
            elif not self._joined:
                detail = self._state
            elif self._stranded:
                detail = "; ".join(text for _, text in sorted(self._stranded.items()))
            else:
                detail = f"{len(self._partitions)} partitions assigned"
            return ComponentHealth("stream", "stream", ready, alive, detail)

    def _forget(self, partitions: Collection[TopicPartition]) -> None:
        self._partitions -= set(partitions)
        for partition in partitions:
            self._stranded.pop(partition, None)

    @staticmethod
    def _log(event: str, partitions: Collection[TopicPartition]) -> None:
        names = sorted(str(p) for p in partitions)
        logger.info("%s: %d", event.replace("_", " "), len(names), extra={"event": event, "partitions": names})
