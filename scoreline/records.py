"""The values that flow: records in, dead letters and outputs out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

Headers = Sequence[tuple[str, bytes | None]]

PIN_HEADER = "scoreline-pin-version"
RESERVED_PREFIX = "scoreline-"
UNREADABLE_HEADERS = "scoreline-unreadable-headers"
"""Stands in for all headers of a record where the name of one is no UTF-8."""


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


NextOffsets = Mapping[TopicPartition, int]
"""What is committed: per partition the offset of the record that is to be read next."""


class Record(Protocol):
    """What Kafka holds, as methods: that is the shape of the client's own message, so a polled batch is not copied."""

    def topic(self) -> str:
        """Topic that the record was read from."""
        ...

    def partition(self) -> int:
        """Partition that the record was read from."""
        ...

    def offset(self) -> int:
        """Position within the partition."""
        ...

    def key(self) -> bytes | None:
        """Key as it was produced."""
        ...

    def value(self) -> bytes | None:
        """Framed Avro; None is a tombstone."""
        ...

    def headers(self) -> Headers | None:
        """Headers in order, repeated names kept; None without any."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """(type, milliseconds since the epoch); type 0 means that there is none."""
        ...


class Reason(StrEnum):
    """Why a record cannot be scored."""

    TOMBSTONE = "tombstone"
    UNDECODABLE = "undecodable"
    UNKNOWN_SCHEMA = "unknown_schema"
    INCOMPATIBLE_SCHEMA = "incompatible_schema"
    MISSING_FEATURE = "missing_feature"
    INVALID_VALUE = "invalid_value"
    UNKNOWN_VERSION = "unknown_version"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that cannot be scored, whole, with the reason and what exactly is wrong with it.

    Attributes:
        version: the model version that it was to be scored with, None where none was chosen yet.
    """

    record: Record
    reason: Reason
    detail: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Outputs:
    """Encoded predictions in input order: `values[i]` answers `records[i]`, whose key, headers and partition it gets.

    Attributes:
        values: framed Avro; None forwards a tombstone.
        versions: the model version that made each one; an int where it is the same for all.
    """

    records: Sequence[Record]
    values: Sequence[bytes | None]
    model: str
    versions: int | Sequence[int]

    def __post_init__(self) -> None:
        if len(self.records) != len(self.values):
            raise ValueError(f"{len(self.records)} records, but {len(self.values)} values")
        if not isinstance(self.versions, int) and len(self.versions) != len(self.values):
            raise ValueError(f"{len(self.versions)} versions, but {len(self.values)} values")

    def __len__(self) -> int:
        return len(self.values)


def find_last_records(records: Sequence[Record]) -> dict[TopicPartition, Record]:
    """The last of `records` in each partition; they must be in offset order within each."""
    last = {(r.topic(), r.partition()): r for r in records}
    return {TopicPartition(*at): record for at, record in last.items()}


def find_next_offsets(last_records: Mapping[TopicPartition, Record]) -> dict[TopicPartition, int]:
    """What to commit once everything up to these is finished."""
    return {partition: record.offset() + 1 for partition, record in last_records.items()}


def caller_headers(record: Record) -> list[tuple[str, bytes | None]]:
    """The record's headers without those under the prefix `scoreline-`, which is reserved."""
    return [h for h in record.headers() or () if not h[0].startswith(RESERVED_PREFIX)]


def find_header(record: Record, name: str) -> bytes | None:
    """Value of the last header of that name, or None."""
    found = None
    for key, value in record.headers() or ():
        if key == name:
            found = value
    return found


Clock = Callable[[], float]
"""Seconds; monotonic for durations, since the epoch where a name says so."""
