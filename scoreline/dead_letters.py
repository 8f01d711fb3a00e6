"""What a dead letter looks like on its topic: the record's own bytes, and headers that say what was wrong."""

from scoreline.records import UNREADABLE_HEADERS, DeadLetter, Record, find_header

REASON_HEADER = "scoreline-error-reason"
DETAIL_HEADER = "scoreline-error-detail"
VERSION_HEADER = "scoreline-error-version"
SOURCE_TOPIC_HEADER = "scoreline-source-topic"
SOURCE_PARTITION_HEADER = "scoreline-source-partition"
SOURCE_OFFSET_HEADER = "scoreline-source-offset"
SOURCE_TIMESTAMP_HEADER = "scoreline-source-timestamp"
ATTEMPT_HEADER = "scoreline-attempt"
FAILED_AT_HEADER = "scoreline-failed-at"

LETTER_HEADERS = frozenset(
    {
        REASON_HEADER,
        DETAIL_HEADER,
        VERSION_HEADER,
        SOURCE_TOPIC_HEADER,
        SOURCE_PARTITION_HEADER,
        SOURCE_OFFSET_HEADER,
        SOURCE_TIMESTAMP_HEADER,
        ATTEMPT_HEADER,
        FAILED_AT_HEADER,
    }
)
"""Names that a dead letter adds to the caller's headers."""

MAX_HEADER_BYTES = 1024


def dead_letter_headers(dead_letter: DeadLetter, *, failed_at_ms: int) -> list[tuple[str, bytes | None]]:
    """The caller's headers untouched, then ours; older ones of ours are replaced and the attempt is counted up.

    What the caller wrote under the reserved prefix stays, too: a pin that was lost here would have the record scored
    by another version after a redrive. Only what stands in for headers that could not be read goes: with it, a redrive
    would have the record refused again.

    Args:
        dead_letter: what could not be scored.
        failed_at_ms: milliseconds since the epoch.
    """
    record = dead_letter.record
    kind, timestamp_ms = record.timestamp()
    ours = {
        REASON_HEADER: dead_letter.reason.value,
        DETAIL_HEADER: dead_letter.detail,
        VERSION_HEADER: "" if dead_letter.version is None else str(dead_letter.version),
        SOURCE_TOPIC_HEADER: record.topic(),
        SOURCE_PARTITION_HEADER: str(record.partition()),
        SOURCE_OFFSET_HEADER: str(record.offset()),
        SOURCE_TIMESTAMP_HEADER: str(timestamp_ms) if kind else "",
        ATTEMPT_HEADER: str(_count_attempts(dead_letter) + 1),
        FAILED_AT_HEADER: str(failed_at_ms),
    }
    left_out = {UNREADABLE_HEADERS, *ours}
    theirs = [header for header in record.headers() or () if header[0] not in left_out]
    return [*theirs, *((name, _cut(text)) for name, text in ours.items())]


def redrive_headers(letter: Record) -> list[tuple[str, bytes | None]]:
    """What a record has when it is scored again: the caller's headers, a pin among them, and the attempts so far.

    Args:
        letter: a record of the dead-letter topic.
    """
    theirs = [header for header in letter.headers() or () if header[0] not in LETTER_HEADERS]
    return [*theirs, (ATTEMPT_HEADER, find_header(letter, ATTEMPT_HEADER))]


def _count_attempts(dead_letter: DeadLetter) -> int:
    earlier = find_header(dead_letter.record, ATTEMPT_HEADER) or b""
    return int(earlier) if earlier.isdigit() and len(earlier) < 10 else 0


def _cut(text: str) -> bytes:
    """UTF-8 of at most 1 KiB, never ending within a character."""
    encoded = text.encode("utf-8", "replace")
    return (
        encoded if len(encoded) <= MAX_HEADER_BYTES else encoded[:MAX_HEADER_BYTES].decode("utf-8", "ignore").encode()
    )
