"""A record that was not read by the Kafka client: in memory, in tests, and wherever one is made by hand."""

from dataclasses import dataclass

from scoreline.records import Headers

CREATE_TIME = 1


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """Implements `scoreline.records.Record`; the trailing underscores keep the client's method names free."""

    topic_: str = "features"
    partition_: int = 0
    offset_: int = 0
    key_: bytes | None = None
    value_: bytes | None = b""
    headers_: Headers | None = None
    timestamp_ms: int = 0

    def topic(self) -> str:
        """Topic that the record lies in."""
        return self.topic_

    def partition(self) -> int:
        """Partition that the record lies in."""
        return self.partition_

    def offset(self) -> int:
        """Position within the partition."""
        return self.offset_

    def key(self) -> bytes | None:
        """Key as it was produced."""
        return self.key_

    def value(self) -> bytes | None:
        """Payload; None is a tombstone."""
        return self.value_

    def headers(self) -> Headers | None:
        """Headers in order, or None without any."""
        return self.headers_

    def timestamp(self) -> tuple[int, int]:
        """(CREATE_TIME, milliseconds since the epoch)."""
        return CREATE_TIME, self.timestamp_ms
