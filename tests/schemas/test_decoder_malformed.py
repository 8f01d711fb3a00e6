"""What becomes of payloads that are no good: a verdict each, with words for it, and no trace on their neighbours."""

import pytest
from fastavro import parse_schema

from scoreline.records import Reason
from scoreline.schemas.decoded import Rejected
from scoreline.schemas.faults import MAX_DEPTH, MAX_EMPTY_ITEMS, MAX_EXPLAINED_VALUES
from tests.schemas.payloads import (
    HEAD,
    One,
    decode_both_ways,
    encode,
    levelled,
    make_decoder,
    numeric,
    read_with_fastavro,
    record_of,
)

GOOD = {"f0": 1.5}
TOO_LONG = b"\xff" * 10 + b"\x01"
MANY = 70


def decode_raw(schema, datum: bytes, features=None, **options):
    """One payload made of raw bytes, decoded both ways; the verdict is checked against fastavro's."""
    payload = HEAD + datum
    (found,) = decode_both_ways(schema, [payload], features or numeric("x"), **options)
    assert isinstance(found, One) == (read_with_fastavro(parse_schema(schema), payload) is not None)
    return found


def with_number(avro_type):
    """A record of some value and a boolean `x` behind it, whose byte is 0."""
    return record_of(f0=avro_type, x="boolean")


@pytest.mark.parametrize(
    ("avro_type", "datum", "detail"),
    [
        ("boolean", b"", "field 'f0' at byte 5: a boolean needs 1 byte, but has 0 bytes"),
        ("int", b"\x80", "field 'f0' at byte 6: an int needs 1 byte, but has 0 bytes"),
        ("long", b"\xff" * 9, "a long needs 1 byte"),
        ("float", b"\x00\x00\x00", "a float needs 4 bytes, but has 3 bytes"),
        ("double", b"\x00" * 7, "a double needs 8 bytes, but has 7 bytes"),
        ("string", b"\x06ab", "a string needs 3 bytes, but has 2 bytes"),
        ("string", b"\x01", "a string of negative length -1"),
        ("string", b"\xff" * 9 + b"\x01", "a string of negative length -9223372036854775808"),
        ("string", b"\xfe" * 9 + b"\x01", "a string needs 9187059548520701887 bytes"),
        ("string", b"\x80\x80\x80\x80\x80\x20ab", "a string needs 549755813888 bytes, but has 2 bytes"),
        ("string", b"\x04\xff\xfe\x00", "a string that is not UTF-8 (invalid start byte)"),
        ("string", b"\x06\xed\xa0\x80\x00", "a string that is not UTF-8"),
        ("string", b"\x02\xc3\x00", "a string that is not UTF-8 (unexpected end of data)"),
        ("bytes", b"\x06ab", "bytes needs 3 bytes, but has 2 bytes"),
        ("bytes", b"\x03", "bytes of negative length -2"),
        ({"type": "fixed", "name": "F", "size": 4}, b"abc", "a fixed needs 4 bytes, but has 3 bytes"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, b"\x04\x00", "an enum of 2 has no symbol 2"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, b"\x05\x00", "an enum of 2 has no symbol -3"),
        (["null", "int"], b"\x04\x02\x00", "a union of 2 has no branch 2"),
        (["null", "int"], b"\x05\x02\x00", "a union of 2 has no branch -3"),
        (["null", "double"], b"\x04" + bytes(9), "a union of 2 has no branch 2"),
        (["null", "double"], b"\x02" + bytes(7), "a double needs 8 bytes, but has 7 bytes"),
        (["null", "double"], b"\x80\x80\x80\x02" + bytes(9), "a union of 2 has no branch 2097152"),
        (["null", "double"], b"", "an index needs 1 byte, but has 0 bytes"),
        ({"type": "int", "logicalType": "date"}, b"\xfe\xff\xff\xff\x0f\x00", "2147483647 is no date"),
        ({"type": "int", "logicalType": "time-millis"}, b"\xfe\xff\xff\xff\x0f\x00", "is no time-millis"),
        (
            {"type": "long", "logicalType": "timestamp-millis"},
            b"\xfe" + b"\xff" * 8 + b"\x01\x00",
            "no timestamp-millis",
        ),
        ({"type": "string", "logicalType": "uuid"}, b"\x04ab\x00", "'ab' is no UUID"),
        ({"type": "array", "items": "int"}, b"\x04\x02", "an int needs 1 byte, but has 0 bytes"),
        ({"type": "array", "items": "int"}, b"\xfe\xff\xff\xff\xff\xff\xff\x7f\x02", "field 'f0[]' at byte 14"),
        ({"type": "map", "values": "int"}, b"\x02\x04\xff\xff\x02\x00\x00", "a key that is not UTF-8"),
        (
            {"type": "array", "items": {"type": "long", "logicalType": "timestamp-millis"}},
            b"\x02\xfe" + b"\xff" * 8 + b"\x01\x00\x00",
            "is no timestamp-millis",
        ),
        ("null", b"", "field 'x' at byte 5: a boolean needs 1 byte, but has 0 bytes"),
        ("null", b"\x00\x00", "1 byte left over behind the last field"),
        ("int", b"\x02\x00" + b"extra", "5 bytes left over behind the last field"),
    ],
)
def test_a_malformed_datum_is_undecodable_and_says_why(avro_type, datum, detail):
    found = decode_raw(with_number(avro_type), datum)
    assert isinstance(found, Rejected)
    assert found.reason is Reason.UNDECODABLE
    assert detail in found.detail


@pytest.mark.parametrize(
    ("avro_type", "datum", "value"),
    [
        ("boolean", b"\x07\x00", 1.0),
        ("int", b"\xff\xff\xff\xff\x7f\x00", -17179869184.0),
        ("int", b"\xff" * 9 + b"\x01\x00", -9223372036854775808.0),
        ("long", b"\x80\x00\x00", 0.0),
        ("long", b"\xff" * 9 + b"\x7f\x00", -9223372036854775808.0),
        ("long", TOO_LONG + b"\x00", -9223372036854775808.0),
        ("long", b"\x80" * 12 + b"\x01\x00", 524288.0),
        (["null", "int"], b"\x01\x06\x00", 3.0),
        (["null", "int"], b"\x82\x00\x06\x00", 3.0),
        (["int", "null"], b"\x03\x06\x00", 3.0),
        (["null", "double"], b"\x01" + bytes(9), 0.0),
    ],
)
def test_what_fastavro_lets_pass_passes_with_the_value_that_it_reads(avro_type, datum, value):
    found = decode_raw(with_number(avro_type), datum, numeric("f0"))
    assert found == One([value], None, None)


def test_a_negative_symbol_is_counted_from_the_end_as_fastavro_does():
    schema = with_number({"type": "enum", "name": "E", "symbols": ["A", "B"]})
    assert decode_raw(schema, b"\x01\x00", levelled("f0", "A", "B")) == One([1.0], None, None)


def test_a_payload_that_ends_anywhere_too_early_is_undecodable():
    fields = {
        "type": "record",
        "name": "In",
        "fields": [{"name": "a", "type": "string"}, {"name": "b", "type": "long"}],
    }
    schema = record_of(
        "boolean", "int", "long", "float", "double", "string", "bytes", ["null", "double"], ["string", "null"], fields
    )
    values = [True, 300, 2**40, 1.5, 2.5, "héllo", b"xyz", 3.5, "nullable", {"a": "", "b": -1}]
    whole = encode(schema, {f"f{i}": value for i, value in enumerate(values)})
    cut = [whole[:end] for end in range(len(HEAD), len(whole))]

    found = decode_both_ways(schema, [*cut, whole], numeric("f1", "f4"))

    assert all(isinstance(one, Rejected) and one.reason is Reason.UNDECODABLE for one in found[:-1])
    assert found[-1] == One([300.0, 2.5], None, None)


def test_every_single_byte_behind_the_datum_is_one_too_many():
    schema = record_of("double")
    good = encode(schema, GOOD)
    found = decode_both_ways(schema, [good + bytes([extra]) for extra in range(256)], numeric("f0"))
    assert {one.detail for one in found} == {"1 byte left over behind the last field"}


@pytest.mark.parametrize(
    "bad", [b"\x80" * 30, b"\xff" * 3, b"\x02", b"", TOO_LONG * 4, b"\xfe" * 9 + b"\x01" + b"z" * 99]
)
def test_a_bad_payload_changes_no_other_row(bad):
    """Good rows on both sides of bad ones keep their values, ids and times."""
    schema = record_of(key="string", x=["null", "double"], n="int", at="long", c=["null", "string"])
    rows = [
        {"key": f"k{i}", "x": None if i % 3 else i / 7, "n": i * 500, "at": i * 10**9, "c": "abc" if i % 2 else None}
        for i in range(MANY)
    ]
    good = [encode(schema, row) for row in rows]
    mixed = [payload for pair in zip(good, [HEAD + bad] * MANY, strict=True) for payload in pair]
    decoder = make_decoder(schema, id_field="key", event_time_field="at")
    features = numeric("x", "n")

    expected, found = decoder.decode(good, features), decoder.decode(mixed, features)

    assert found.rows.tolist() == list(range(0, 2 * MANY, 2))
    assert found.features.tobytes() == expected.features.tobytes()
    assert found.ids == expected.ids == [row["key"].encode() for row in rows]
    assert found.event_times_ms == [row["at"] for row in rows]
    assert [one.row for one in found.rejected] == list(range(1, 2 * MANY, 2))


def test_a_strings_bytes_never_come_from_the_next_row():
    """A length that reaches into the next payload is refused even where those bytes would make a level."""
    schema = record_of("string")
    short, rest = HEAD + b"\x0cabc", b"def"
    decoder = make_decoder(schema)
    payloads = [short, rest] * MANY
    found = decoder.decode([short + rest, *payloads], levelled("f0", "abcdef"))
    assert found.rows.tolist() == [0]
    assert found.features.tolist() == [[0.0]]


def test_an_id_of_bytes_has_to_be_utf8():
    schema = record_of("double", key="bytes")
    payloads = [encode(schema, {"f0": 1.0, "key": key}) for key in (b"\xff", b"ok")]
    bad, good = decode_both_ways(schema, payloads, numeric("f0"), id_field="key")
    assert bad == Rejected(0, Reason.INVALID_VALUE, "the id is not UTF-8")
    assert good == One([1.0], b"ok", None)


LIST = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}


def test_a_record_within_itself_is_read_to_a_bounded_depth():
    """Fastavro overflows the C stack, and the process ends, at some thousand levels."""
    schema = record_of(f0=LIST, x="boolean")

    def nested(depth: int) -> bytes:
        return HEAD + b"\x02" * depth + b"\x00\x00"

    few, many, endless = decode_both_ways(schema, [nested(100), nested(MAX_DEPTH), nested(1_000_000)], numeric("x"))

    assert few == One([0.0], None, None)
    assert f"nested more than {MAX_DEPTH} times" in many.detail
    assert f"nested more than {MAX_DEPTH} times" in endless.detail


@pytest.mark.parametrize(
    "item", ["null", {"type": "record", "name": "Empty", "fields": []}, {"type": "fixed", "name": "None", "size": 0}]
)
def test_an_array_of_nothing_cannot_fill_the_memory(item):
    schema = record_of(f0={"type": "array", "items": item}, x="boolean")
    bomb = HEAD + b"\xfe" + b"\xff" * 7 + b"\x7f" + b"\x00\x00"
    honest = encode(
        schema, {"f0": [None if item == "null" else {} if item["type"] == "record" else b""] * 9, "x": True}
    )

    found, fine = decode_both_ways(schema, [bomb, honest], numeric("x"))

    assert f"more than {MAX_EMPTY_ITEMS} items without content" in found.detail
    assert fine == One([1.0], None, None)


def test_a_block_count_without_items_is_undecodable_at_once():
    schema = record_of(f0={"type": "array", "items": "long"}, x="boolean")
    found = decode_raw(schema, b"\xfe" + b"\xff" * 8 + b"\x01" + b"\x02")
    assert isinstance(found, Rejected)


def test_what_only_fastavro_reads_keeps_its_id_and_time_too():
    """The branch -1 throws the columns off for the rest of its row; the row is then read alone, all of it."""
    schema = record_of(f0=["null", "int"], key="string", at="long")
    payloads = [HEAD + tag + b"\x06" + b"\x04k1" + b"\x0a" for tag in (b"\x01", b"\x02", b"\x82\x00")]
    found = decode_both_ways(schema, payloads, numeric("f0"), id_field="key", event_time_field="at")
    assert found == [One([3.0], b"k1", 5)] * 3


def test_a_long_datum_is_not_searched_to_its_end_for_words():
    """A megabyte that is wrong in its last byte is refused in the time that fastavro takes."""
    schema = record_of(f0={"type": "array", "items": "boolean"}, x="boolean")
    count = 2 * MAX_EXPLAINED_VALUES
    payload = encode(schema, {"f0": [True] * count, "x": True})
    short, long_, good = decode_both_ways(schema, [HEAD + b"\x02\x01\x00", payload[:-1], payload], numeric("x"))
    assert short.detail == "field 'x' at byte 8: a boolean needs 1 byte, but has 0 bytes"
    assert long_.detail == "it cannot be read (EOFError)"
    assert good == One([1.0], None, None)
