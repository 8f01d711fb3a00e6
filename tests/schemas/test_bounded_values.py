"""Dates and times that no calendar has: found wherever they stand, by the type that they were written with."""

import pytest
from fastavro import parse_schema

from tests.schemas.payloads import HEAD, One, decode_both_ways, encode, numeric, read_with_fastavro, record_of


def test_a_union_of_times_is_judged_by_the_branch_that_was_written():
    """The stored 2,932,897 is no date, but a timestamp; the value alone does not tell."""
    date, timestamp = {"type": "int", "logicalType": "date"}, {"type": "long", "logicalType": "timestamp-millis"}
    schema = record_of([date, timestamp])
    too_late = encode("long", 2_932_897, b"")
    payloads = [HEAD + b"\x00" + too_late, HEAD + b"\x02" + too_late]
    bad, good = decode_both_ways(schema, payloads, numeric("f0"))
    assert "2932897 is no date" in bad.detail
    assert good.values == [2932897.0]


def test_a_bounded_value_is_checked_within_records_too():
    inner = {
        "type": "record",
        "name": "In",
        "fields": [{"name": "day", "type": {"type": "int", "logicalType": "date"}}],
    }
    schema = record_of(["null", inner], x="int")
    payloads = [HEAD + b"\x02" + encode("long", day, b"") + b"\x06" for day in (2_932_896, 2_932_897)]
    good, bad = decode_both_ways(schema, [*payloads], numeric("x"))
    assert good.values == [3.0]
    assert "2932897 is no date" in bad.detail


@pytest.mark.parametrize(
    "wrap", [lambda item: {"type": "array", "items": item}, lambda item: {"type": "map", "values": item}]
)
@pytest.mark.parametrize("is_item_first", [False, True])
def test_a_bounded_value_is_checked_in_a_record_that_is_an_item_too(wrap, is_item_first):
    """The record has one definition; without its logical types, fastavro would not look at the items' dates."""
    day = {"type": "int", "logicalType": "date"}
    inner = {"type": "record", "name": "In", "fields": [{"name": "day", "type": day}]}
    outer = {"type": "record", "name": "Out", "fields": [{"name": "in", "type": ["null", inner]}]}
    kinds = {"items": wrap(outer), "at": "Out"} if is_item_first else {"at": outer, "items": wrap("Out")}
    schema = record_of(x="int", **kinds)
    ends = [encode("long", day, b"") for day in (2_932_896, 2_932_897)]

    def payload(of_item: bytes, at_path: bytes) -> bytes:
        key = b"\x02k" if "values" in wrap("Out") else b""
        items, field = b"\x02" + key + b"\x02" + of_item + b"\x00", b"\x02" + at_path
        return HEAD + b"\x06" + (items + field if is_item_first else field + items)

    payloads = [payload(of_item, at_path) for of_item in ends for at_path in ends]
    found = decode_both_ways(schema, payloads, numeric("x"))

    assert [read_with_fastavro(parse_schema(schema), payload) is not None for payload in payloads] == [
        True,
        *[False] * 3,
    ]
    assert isinstance(found[0], One)
    assert ["2932897 is no date" in one.detail for one in found[1:]] == [True] * 3
