"""Dead letters as they are read back from their topic, and which of them someone means."""

from dataclasses import dataclass

from scoreline.dead_letters import (
    ATTEMPT_HEADER,
    DETAIL_HEADER,
    FAILED_AT_HEADER,
    REASON_HEADER,
    SOURCE_OFFSET_HEADER,
    SOURCE_PARTITION_HEADER,
    SOURCE_TIMESTAMP_HEADER,
    SOURCE_TOPIC_HEADER,
    VERSION_HEADER,
)
from scoreline.records import Record, TopicPartition


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as it lies on its topic.

    Attributes:
        record: of the dead-letter topic.
        reason: one of `Reason`, or one that another version of scoreline knows.
        version: the model version that it was to be scored with, None where none was chosen yet.
        source: partition of the record that could not be scored.
        source_offset: its position there.
        source_timestamp_ms: its Kafka timestamp, None where it had none.
        attempt: how often it was tried to score it, from 1.
        failed_at_ms: when that was, None where that is not told.
    """

    record: Record
    reason: str
    detail: str
    version: int | None
    source: TopicPartition
    source_offset: int
    source_timestamp_ms: int | None
    attempt: int
    failed_at_ms: int | None

    @property
    def written_at_ms(self) -> int:
        """When it was put onto its topic."""
        return self.record.timestamp()[1]


def read_letter(record: Record) -> Letter | None:
    """A record of the dead-letter topic as the letter that it is; None where scoreline did not write it."""
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers() or () if value is not None}
    topic = headers.get(SOURCE_TOPIC_HEADER)
    partition = _read_number(headers.get(SOURCE_PARTITION_HEADER))
    offset = _read_number(headers.get(SOURCE_OFFSET_HEADER))
    attempt = _read_number(headers.get(ATTEMPT_HEADER))
    reason = headers.get(REASON_HEADER)
    if not topic or not reason or partition is None or offset is None or attempt is None:
        return None
    return Letter(
        record=record,
        reason=reason,
        detail=headers.get(DETAIL_HEADER, ""),
        version=_read_number(headers.get(VERSION_HEADER)),
        source=TopicPartition(topic, partition),
        source_offset=offset,
        source_timestamp_ms=_read_number(headers.get(SOURCE_TIMESTAMP_HEADER)),
        attempt=attempt,
        failed_at_ms=_read_number(headers.get(FAILED_AT_HEADER)),
    )


@dataclass(frozen=True, slots=True)
class LetterSelection:
    """Which dead letters are meant; what is left empty excludes none.

    Attributes:
        since_ms: of when a letter was written, milliseconds since the epoch.
        until_ms: exclusive.
        partitions: of the dead-letter topic.
    """

    reasons: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None
    partitions: frozenset[int] = frozenset()

    def matches(self, letter: Letter) -> bool:
        """Whether a letter is meant."""
        written_at_ms = letter.written_at_ms
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (self.since_ms is None or written_at_ms >= self.since_ms)
            and (self.until_ms is None or written_at_ms < self.until_ms)
            and (not self.partitions or letter.record.partition() in self.partitions)
        )


def _read_number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else None
