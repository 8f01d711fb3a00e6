"""Dead letters as the service writes them."""

from scoreline.dead_letters import dead_letter_headers
from scoreline.records import DeadLetter, Reason
from scoreline.transport.record import StoredRecord

WRITTEN_AT_MS = 1_700_000_000_000


def make_letter(
    offset=0,
    *,
    partition=0,
    reason=Reason.INVALID_VALUE,
    source="features",
    source_partition=0,
    attempts_before=0,
    written_at_ms=WRITTEN_AT_MS,
    headers=(),
    value=b"v",
):
    """A record of the dead-letter topic."""
    earlier = [("scoreline-attempt", b"%d" % attempts_before)] if attempts_before else []
    failed = StoredRecord(source, source_partition, 70 + offset, b"key", value, [*headers, *earlier], 5)
    written = dead_letter_headers(DeadLetter(failed, reason, "wrong"), failed_at_ms=written_at_ms - 3)
    return StoredRecord(
        "features.dead-letters", partition, offset, failed.key(), failed.value(), written, written_at_ms
    )
