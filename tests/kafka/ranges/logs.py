"""A consumer that reads logs which are lists, as far as one is used that assigns its partitions itself."""

from collections import deque

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

TOPIC = "features"


class LogConsumer:
    """Reads what it is assigned in turn, and says where a partition ends.

    Args:
        logs: of each partition the offsets and timestamps of the records that a reader is given.
        ends: of each partition, where markers or compacted records follow the last record.
    """

    def __init__(self, logs, ends=None):
        self.logs = {number: dict(records) for number, records in logs.items()}
        self.ends = {n: max(records, default=-1) + 1 for n, records in self.logs.items()} | (ends or {})
        self.stored: dict[int, int] = {}
        self.notes: dict[int, str] = {}
        self.assignments: list[dict[int, int]] = []
        self.paused: set[int] = set()
        self.handed: list[tuple[int, int]] = []
        self.failures: deque[int] = deque()
        self.said: deque[Message] = deque()
        self.value = b"v"
        self.on_commit = lambda _error, _partitions: None
        self._unanswered = deque()
        self.closed = False
        self._positions: dict[int, int] = {}
        self._at_end: set[int] = set()

    def assign(self, partitions):
        self._positions = {p.partition: p.offset for p in partitions}
        self._at_end.clear()
        self.assignments.append(dict(self._positions))

    def unassign(self):
        self._positions = {}

    def pause(self, partitions):
        self.paused |= {p.partition for p in partitions}

    def resume(self, partitions):
        self.paused -= {p.partition for p in partitions}

    def consume(self, count, timeout):
        while self._unanswered:
            self.on_commit(None, self._unanswered.popleft())
        found = [self.said.popleft() for _ in range(min(count, len(self.said)))]
        for number in [n for n in self._positions if n in self.logs and n not in self.paused]:
            while len(found) < count and number not in self._at_end:
                found.append(self._read(number))
        return found

    def committed(self, partitions, timeout):
        if self.failures:
            raise KafkaException(KafkaError(self.failures.popleft()))
        return [ClientPartition(p.topic, p.partition, self.stored.get(p.partition, -1001)) for p in partitions]

    def commit(self, *, offsets, asynchronous):
        for p in offsets:
            self.stored[p.partition], self.notes[p.partition] = p.offset, p.metadata
        if asynchronous:
            self._unanswered.append(offsets)
            return None
        return offsets

    def consumer_group_metadata(self):
        return b"CGMDv2:\xff\xff\xff\xffgroup\x00\x00\x01"

    def close(self):
        self.closed = True

    def _read(self, number):
        left = [offset for offset in self.logs[number] if offset >= self._positions[number]]
        if not left:
            self._at_end.add(number)
            end = max(self.ends[number], self._positions[number])
            return Message(topic=TOPIC, partition=number, offset=end, error=KafkaError(KafkaError._PARTITION_EOF))
        offset = min(left)
        self._positions[number] = offset + 1
        self.handed.append((number, offset))
        timestamp = (1, self.logs[number][offset])
        return Message(topic=TOPIC, partition=number, offset=offset, value=self.value, timestamp=timestamp)
