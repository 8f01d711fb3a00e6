"""Event times that no consumer could read back: a verdict on the record that has one, and no prediction."""

import pytest

from scoreline.records import Reason
from scoreline.schemas.decoded import Rejected
from scoreline.schemas.event_times import FIRST_MS, LAST_MS
from tests.schemas.payloads import One, decode_both_ways, encode, numeric, record_of

MICROSECONDS = 1_732_406_400_000_000


def decode_times(avro_type, times, **options):
    schema = record_of("double", at=avro_type, key="bytes")
    payloads = [encode(schema, {"f0": 1.0, "at": at, "key": b"k"}) for at in times]
    return decode_both_ways(schema, payloads, numeric("f0"), event_time_field="at", **options)


@pytest.mark.parametrize(
    ("time_ms", "detail"),
    [
        (MICROSECONDS, "event time 1732406400000000 ms is beyond the year 9999; is it in microseconds?"),
        (-MICROSECONDS, "event time -1732406400000000 ms is before the year 1; is it in microseconds?"),
        (1000 * MICROSECONDS, "event time 1732406400000000000 ms is beyond the year 9999; is it in nanoseconds?"),
        (2**63 - 1, "event time 9223372036854775807 ms is beyond the year 9999; is it in nanoseconds?"),
        (-(2**63), "event time -9223372036854775808 ms is before the year 1; is it in nanoseconds?"),
        (LAST_MS + 1, "event time 253402300800000 ms is beyond the year 9999; is it in microseconds?"),
        (FIRST_MS - 1, "event time -62135596800001 ms is before the year 1; is it in microseconds?"),
    ],
)
@pytest.mark.parametrize("avro_type", ["long", ["null", "long"]])
def test_an_event_time_that_no_consumer_could_read_is_an_invalid_value(avro_type, time_ms, detail):
    """Among others that are fine, which keep their own."""
    before, found, after = decode_times(avro_type, [FIRST_MS, time_ms, LAST_MS])
    assert found == Rejected(0, Reason.INVALID_VALUE, detail)
    assert (before, after) == (One([1.0], None, FIRST_MS), One([1.0], None, LAST_MS))


def test_a_record_without_a_readable_time_leaves_no_id_behind():
    found = decode_times("long", [MICROSECONDS, 5, MICROSECONDS], id_field="key")
    assert [isinstance(one, Rejected) for one in found] == [True, False, True]
    assert found[1] == One([1.0], b"k", 5)


@pytest.mark.parametrize(
    ("avro_type", "logical", "stored", "time_ms"),
    [
        ("long", "timestamp-micros", 1000 * LAST_MS + 999, LAST_MS),
        ("long", "timestamp-micros", 1000 * FIRST_MS, FIRST_MS),
        ("long", "timestamp-nanos", 2**63 - 1, 9_223_372_036_854),
        ("long", "timestamp-nanos", -(2**63), -9_223_372_036_855),
        ("int", "date", 2_932_896, 253_402_214_400_000),
    ],
)
def test_a_time_is_bounded_in_milliseconds_whatever_its_unit(avro_type, logical, stored, time_ms):
    (found,) = decode_times({"type": avro_type, "logicalType": logical}, [stored])
    assert found == One([1.0], None, time_ms)


def test_a_long_that_is_no_event_time_may_be_anything():
    schema = record_of("double", at="long", other="long")
    payload = encode(schema, {"f0": 1.0, "at": 5, "other": MICROSECONDS})
    (found,) = decode_both_ways(schema, [payload], numeric("other"), event_time_field="at", id_field="other")
    assert found == One([float(MICROSECONDS)], str(MICROSECONDS).encode(), 5)
