"""Topics of records and the groups that read them, in memory."""

import threading
from collections.abc import Sequence

from scoreline.records import Headers, TopicPartition
from scoreline.transport.memory.group import GroupProtocol, MemoryGroup
from scoreline.transport.record import StoredRecord


class MemoryBroker:
    """Holds everything that sources and publishers share; safe between threads.

    Args:
        protocol: how its groups rebalance.
        blocking: whether a poll without records and a flush without acknowledgements really wait, as in a service with
            threads. A simulation, which has one thread, wants to be asked again instead.
    """

    def __init__(self, *, protocol: GroupProtocol = GroupProtocol.COOPERATIVE, blocking: bool = False) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._protocol = protocol
        self._blocking = blocking
        self._logs: dict[TopicPartition, list[StoredRecord]] = {}
        self._groups: dict[str, MemoryGroup] = {}

    def create_topic(self, name: str, partitions: int = 1) -> str:
        """Create a topic, or add partitions to it; returns its name."""
        with self.changed:
            for partition in range(partitions):
                self._logs.setdefault(TopicPartition(name, partition), [])
        return name

    def partitions_of(self, topic: str) -> list[TopicPartition]:
        """All partitions of a topic; empty where there is no such topic."""
        return sorted(p for p in self._logs if p.topic == topic)

    def append(
        self,
        topic: str,
        value: bytes | None,
        *,
        partition: int = 0,
        key: bytes | None = None,
        headers: Headers | None = None,
        timestamp_ms: int = 0,
    ) -> int:
        """Put a record at the end of a partition; returns its offset."""
        with self.changed:
            log = self._logs[TopicPartition(topic, partition)]
            log.append(StoredRecord(topic, partition, len(log), key, value, headers or None, timestamp_ms))
            self.changed.notify_all()
            return len(log) - 1

    def fetch(self, partition: TopicPartition, offset: int, limit: int) -> Sequence[StoredRecord]:
        """Records from an offset on."""
        return self._logs[partition][offset : offset + limit]

    def end_of(self, partition: TopicPartition) -> int:
        """Offset of the next record of a partition."""
        return len(self._logs[partition])

    def read(self, topic: str) -> list[StoredRecord]:
        """Everything that a topic holds, by partition and offset."""
        with self.changed:
            return [record for partition in self.partitions_of(topic) for record in self._logs[partition]]

    def group(self, group_id: str) -> MemoryGroup:
        """The group of that name, made when it is first asked for."""
        with self.changed:
            if group_id not in self._groups:
                self._groups[group_id] = MemoryGroup(self._protocol, self.partitions_of)
            return self._groups[group_id]

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for a change if this broker blocks at all; False when there was none in time."""
        if not self._blocking or timeout_seconds <= 0:
            return False
        with self.changed:
            return self.changed.wait(timeout_seconds)
