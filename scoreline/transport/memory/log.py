"""One partition in memory: records, transaction markers, and how far readers of committed records may go."""

from collections.abc import Sequence
from typing import NamedTuple

from scoreline.records import Headers, TopicPartition
from scoreline.transport.memory.transaction import Outcome, Transaction
from scoreline.transport.record import StoredRecord


class Fetched(NamedTuple):
    """What a fetch brought, and where the next one goes on: past markers and aborted records too."""

    records: Sequence[StoredRecord]
    next_offset: int


class Entry(NamedTuple):
    """One offset: a record, or the marker that ends a transaction here."""

    record: StoredRecord | None
    transaction: Transaction | None


class PartitionLog:
    """Entries by offset; the last stable offset is that of the first record of a transaction that is still open."""

    def __init__(self, partition: TopicPartition) -> None:
        self.low = 0
        self._partition = partition
        self._entries: list[Entry] = []
        self._open: dict[Transaction, int] = {}

    @property
    def end(self) -> int:
        """Offset of the next entry."""
        return self.low + len(self._entries)

    @property
    def last_stable(self) -> int:
        """Nobody who reads committed records gets beyond this offset."""
        return min(self._open.values()) if self._open else self.end

    def append(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None,
        timestamp_ms: int,
        transaction: Transaction | None = None,
    ) -> int:
        """Put a record at the end; returns its offset."""
        offset = self.end
        record = StoredRecord(*self._partition, offset, key, value, headers or None, timestamp_ms)
        self._entries.append(Entry(record, transaction))
        if transaction is not None and transaction not in self._open:
            self._open[transaction] = offset
            transaction.on_end(self._mark)
        return offset

    def fetch(self, offset: int, limit: int) -> Fetched:
        """Committed records from an offset on, at most `limit`, at least 1."""
        records: list[StoredRecord] = []
        until = self.last_stable
        while offset < until:
            record, transaction = self._entries[offset - self.low]
            if record is not None and (transaction is None or transaction.outcome is Outcome.COMMITTED):
                if len(records) == limit:
                    break
                records.append(record)
            offset += 1
        return Fetched(records, offset)

    def read(self, *, committed_only: bool) -> list[StoredRecord]:
        """Every record that is there."""
        if committed_only:
            return list(self.fetch(self.low, len(self._entries)).records)
        return [entry.record for entry in self._entries if entry.record is not None]

    def delete_before(self, offset: int) -> None:
        """Retention: what lies before an offset is gone."""
        del self._entries[: max(0, offset - self.low)]
        self.low = max(self.low, offset)

    def _mark(self, transaction: Transaction) -> None:
        del self._open[transaction]
        self._entries.append(Entry(None, transaction))
