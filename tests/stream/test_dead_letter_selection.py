"""Dead letters read back, and which are meant."""

import pytest

from scoreline.dead_letters import REASON_HEADER
from scoreline.records import Reason, TopicPartition
from scoreline.stream.dead_letter_selection import LetterSelection, read_letter
from scoreline.transport.record import StoredRecord
from tests.stream.letters import WRITTEN_AT_MS, make_letter


def test_what_the_service_wrote_is_read_back_whole():
    record = make_letter(3, partition=2, reason=Reason.UNKNOWN_VERSION, source_partition=9, attempts_before=1)
    letter = read_letter(record)

    assert letter.record is record
    assert (letter.reason, letter.detail, letter.version) == ("unknown_version", "wrong", None)
    assert (letter.source, letter.source_offset, letter.source_timestamp_ms) == (TopicPartition("features", 9), 73, 5)
    assert (letter.attempt, letter.failed_at_ms, letter.written_at_ms) == (2, WRITTEN_AT_MS - 3, WRITTEN_AT_MS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scoreline-error-reason", None),
        ("scoreline-error-reason", b""),
        ("scoreline-source-topic", None),
        ("scoreline-source-partition", b"-1"),
        ("scoreline-source-offset", "²".encode()),
        ("scoreline-source-offset", b"9" * 30),
        ("scoreline-attempt", b"once"),
        ("scoreline-attempt", b"\xff"),
    ],
)
def test_what_lacks_a_header_or_has_nonsense_in_it_is_no_letter(name, value):
    headers = [(n, value if n == name else v) for n, v in make_letter().headers()]

    assert read_letter(StoredRecord(headers_=headers)) is None
    assert read_letter(StoredRecord(headers_=None)) is None


def test_a_reason_of_another_version_is_kept():
    headers = [(n, b"new_reason" if n == REASON_HEADER else v) for n, v in make_letter().headers()]

    assert read_letter(StoredRecord(headers_=headers)).reason == "new_reason"


@pytest.mark.parametrize(
    ("selection", "meant"),
    [
        (LetterSelection(), True),
        (LetterSelection(reasons=frozenset({"invalid_value", "tombstone"})), True),
        (LetterSelection(reasons=frozenset({"tombstone"})), False),
        (LetterSelection(since_ms=WRITTEN_AT_MS), True),
        (LetterSelection(since_ms=WRITTEN_AT_MS + 1), False),
        (LetterSelection(until_ms=WRITTEN_AT_MS + 1), True),
        (LetterSelection(until_ms=WRITTEN_AT_MS), False),
        (LetterSelection(partitions=frozenset({4})), True),
        (LetterSelection(partitions=frozenset({5})), False),
    ],
)
def test_a_selection_excludes_by_reason_time_and_partition(selection, meant):
    assert selection.matches(read_letter(make_letter(partition=4))) is meant
