"""Topics of records, the groups that read them and the transactions that write them, in memory."""

import threading
from collections.abc import Callable

from scoreline.records import Headers, TopicPartition
from scoreline.transport.memory.group import GroupProtocol, MemoryGroup
from scoreline.transport.memory.log import PartitionLog
from scoreline.transport.memory.transaction import Transaction, TransactionCoordinator
from scoreline.transport.record import StoredRecord


class MemoryBroker:
    """Holds everything that sources and publishers share; safe between threads.

    Args:
        protocol: how its groups rebalance.
        blocking: whether a poll without records and a flush without acknowledgements really wait, as in a service with
            threads. A simulation, which has one thread at a time, wants to be asked again instead.
        on_request: told of every request that a client is about to send, by its kind, without any lock held: the place
            where a simulation lets others go first.

    Attributes:
        transactions: their coordinator.
    """

    def __init__(
        self,
        *,
        protocol: GroupProtocol = GroupProtocol.COOPERATIVE,
        blocking: bool = False,
        on_request: Callable[[str], None] | None = None,
    ) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.transactions = TransactionCoordinator()
        self._protocol = protocol
        self._blocking = blocking
        self._on_request = on_request
        self._logs: dict[TopicPartition, PartitionLog] = {}
        self._groups: dict[str, MemoryGroup] = {}

    def create_topic(self, name: str, partitions: int = 1) -> str:
        """Create a topic, or add partitions to it; returns its name."""
        with self.changed:
            for number in range(partitions):
                partition = TopicPartition(name, number)
                self._logs.setdefault(partition, PartitionLog(partition))
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
        transaction: Transaction | None = None,
    ) -> int:
        """Put a record at the end of a partition; returns its offset."""
        with self.changed:
            log = self._logs[TopicPartition(topic, partition)]
            offset = log.append(key, value, headers, timestamp_ms, transaction)
            self.changed.notify_all()
            return offset

    def log(self, partition: TopicPartition) -> PartitionLog:
        """What a partition holds."""
        return self._logs[partition]

    def read(self, topic: str, *, committed_only: bool = True) -> list[StoredRecord]:
        """Everything that a topic holds, by partition and offset."""
        with self.changed:
            logs = [self._logs[p] for p in self.partitions_of(topic)]
            return [record for log in logs for record in log.read(committed_only=committed_only)]

    def group(self, group_id: str) -> MemoryGroup:
        """The group of that name, made when it is first asked for."""
        with self.changed:
            if group_id not in self._groups:
                self._groups[group_id] = MemoryGroup(self._protocol, self.partitions_of)
            return self._groups[group_id]

    def request(self, kind: str) -> None:
        """A client is about to ask for something; whoever calls holds no lock."""
        if self._on_request is not None:
            self._on_request(kind)

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for a change if this broker blocks at all; False when there was none in time."""
        if not self._blocking or timeout_seconds <= 0:
            return False
        with self.changed:
            return self.changed.wait(timeout_seconds)
