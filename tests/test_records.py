"""The values that flow."""

import pytest

from scoreline.records import (
    PIN_HEADER,
    Outputs,
    TopicPartition,
    caller_headers,
    find_header,
    find_last_records,
    find_next_offsets,
)
from scoreline.transport.record import StoredRecord


def test_what_is_committed_is_one_after_the_last_record_of_each_partition():
    records = [
        StoredRecord("features", 0, 7),
        StoredRecord("features", 1, 2),
        StoredRecord("features", 0, 9),
        StoredRecord("redrive", 0, 0),
    ]
    assert find_next_offsets(find_last_records(records)) == {
        TopicPartition("features", 0): 10,
        TopicPartition("features", 1): 3,
        TopicPartition("redrive", 0): 1,
    }


def test_headers_under_the_reserved_prefix_are_not_the_callers():
    headers = [("trace", b"1"), ("scoreline-attempt", b"2"), ("trace", None), (PIN_HEADER, b"3"), ("scoreline", b"4")]
    record = StoredRecord(headers_=headers)
    assert caller_headers(record) == [("trace", b"1"), ("trace", None), ("scoreline", b"4")]


def test_a_record_without_headers_has_no_caller_headers():
    assert caller_headers(StoredRecord(headers_=None)) == []


def test_of_repeated_headers_the_last_one_counts():
    record = StoredRecord(headers_=[("a", b"1"), ("b", b"2"), ("a", b"3")])
    assert find_header(record, "a") == b"3"
    assert find_header(record, "c") is None
    assert find_header(StoredRecord(), "a") is None


def test_outputs_have_one_value_and_one_version_for_each_record():
    records = [StoredRecord(), StoredRecord()]
    assert len(Outputs(records, [b"", None], "flights", [3, 4])) == 2
    assert len(Outputs(records, [b"", b""], "flights", 3)) == 2
    with pytest.raises(ValueError, match="2 records, but 1 values"):
        Outputs(records, [b""], "flights", 3)
    with pytest.raises(ValueError, match="1 versions, but 2 values"):
        Outputs(records, [b"", b""], "flights", [3])


def test_a_partition_is_written_as_topic_and_number():
    assert str(TopicPartition("features", 3)) == "features[3]"
