"""What the stream role says of itself: alive by its turns, ready by evidence."""

import logging
import threading
from collections.abc import Collection, Sequence

from scoreline.observability.events import BatchScored
from scoreline.observability.health import ComponentHealth
from scoreline.records import Clock, Record, TopicPartition
from scoreline.stream.heartbeat import Heartbeat
from scoreline.stream.membership import MembershipHealth

logger = logging.getLogger("scoreline.stream")


class StreamHealth:
    """Observer of loop and rebalances that answers whether the stream is alive and ready; safe between threads."""

    def __init__(self, clock: Clock) -> None:
        self._lock = threading.Lock()
        self._heartbeat = Heartbeat(clock, "the loop")
        self._membership = MembershipHealth(logger)
        self._state = "starting"
        self._trouble: str | None = None

    def turned(self) -> None:
        """The loop has begun another turn."""
        self._heartbeat.turned()

    def acknowledgement_awaited(self) -> None:
        """The loop is alive, and waits for the broker."""
        self._heartbeat.acknowledgement_awaited()

    def described(self, state: str) -> None:
        """Before the first assignment: what is being waited for."""
        with self._lock:
            self._state = state

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """A first assignment, even an empty one, is the evidence that the group was joined."""
        self._membership.assigned(partitions)

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions go to another member, and whatever trouble there was may have gone with them."""
        with self._lock:
            self._trouble = None
        self._membership.revoked(partitions)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions have gone; until the next assignment there is no evidence of membership."""
        with self._lock:
            self._trouble = None
            self._state = "the group membership was lost, joining again"
        self._membership.lost(partitions)

    def stranded(self, partition: TopicPartition, detail: str) -> None:
        """A partition stands until its offset is chosen; the others go on."""
        self._membership.stranded(partition, detail)

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
        trouble = self._find_trouble()
        detail = f"{len(self._membership.partitions)} partitions assigned" if trouble is None else trouble
        return ComponentHealth("stream", "stream", trouble is None, self._heartbeat.is_alive, detail)

    def _find_trouble(self) -> str | None:
        """Why it is not ready; None where it is."""
        silent = self._heartbeat.find_trouble()
        with self._lock:
            trouble, state = silent or self._trouble, self._state
        if trouble is not None:
            return trouble
        return "; ".join(self._membership.find_stranded()) or None if self._membership.joined else state
