"""Schemas that are valid, but by which a few bytes could stop the service: each gets a verdict instead."""

import json

import pytest

from scoreline.records import Reason
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.extents import MAX_UNFOLDED_DEPTH, MAX_UNPAID_VALUES
from scoreline.schemas.framing import Framing
from scoreline.schemas.parsing import parse_schema_text
from tests.schemas.payloads import (
    ENOUGH_FOR_COLUMNS,
    HEAD,
    OneShelf,
    encode,
    levelled,
    make_decoder,
    numeric,
    record_of,
)


@pytest.mark.parametrize("size", [1, ENOUGH_FOR_COLUMNS])
def test_a_schema_beyond_what_numpy_counts_is_incompatible_and_stays_so(size):
    """No parser of ours lets such a size pass; a catalog that did must not end the process."""
    shelf = OneShelf({1: record_of({"type": "fixed", "name": "F", "size": 10**30}, x="double")})
    decoder = PayloadDecoder(shelf, framing=Framing.CONFLUENT)
    features = numeric("x")
    for _ in range(2):
        rejected = decoder.decode([HEAD + bytes(8)] * size, features).rejected
        assert [one.reason for one in rejected] == [Reason.INCOMPATIBLE_SCHEMA] * size
        assert rejected[0].detail.startswith("the writer's schema is beyond what can be read (OverflowError: ")
    assert shelf.asked == 1


@pytest.mark.parametrize("leaf", ["int", {"type": "long", "logicalType": "timestamp-millis"}])
def test_a_schema_that_unfolds_to_a_billion_fields_is_planned_at_once(leaf):
    """Thirty records, each with the one before twice; a null keeps the datum short."""
    inner = {"type": "record", "name": "R0", "fields": [{"name": "v", "type": leaf}]}
    for n in range(1, 30):
        fields = [{"name": "a", "type": inner}, {"name": "b", "type": f"R{n - 1}"}]
        inner = {"type": "record", "name": f"R{n}", "fields": fields}
    schema = record_of(["null", inner, {"type": "array", "items": "R29"}], x="int")
    payloads = [encode(schema, {"f0": value, "x": 3}) for value in (None, [])] * ENOUGH_FOR_COLUMNS
    assert make_decoder(schema).decode(payloads, numeric("x")).features.tolist() == [[3.0]] * len(payloads)


def record(name, *types):
    return {"type": "record", "name": name, "fields": [{"name": f"n{i}", "type": t} for i, t in enumerate(types)]}


def array_of(items):
    return {"type": "array", "items": items}


def map_of(values):
    return {"type": "map", "values": values}


def chain(length: int, wrap=lambda name: name):
    """Records next to each other in the document, each but the first holding the one before."""
    links = [record("C0", "int"), *(record(f"C{n}", wrap(f"C{n - 1}")) for n in range(1, length))]
    return record_of(*links, x="boolean")


def verdict(schema, datum=b"\x00" * 8):
    """Reason and detail of a payload's rejection alone and among many; None where it is read."""
    parsed = parse_schema_text(json.dumps(schema))
    decoder = PayloadDecoder(OneShelf({1: parsed}), framing=Framing.CONFLUENT)
    features = numeric("x")
    found = [decoder.decode([HEAD + datum] * size, features).rejected for size in (1, ENOUGH_FOR_COLUMNS)]
    assert len({one[1:] for rejected in found for one in rejected}) < 2
    return (found[0][0].reason, found[0][0].detail) if found[0] else None


@pytest.mark.parametrize("schema", [chain(600, array_of), chain(400), chain(66)], ids=["arrays", "direct", "barely"])
def test_records_that_hold_each_other_more_deeply_than_python_recurses_are_incompatible(schema):
    """The document itself is flat."""
    reason, detail = verdict(schema)
    assert reason is Reason.INCOMPATIBLE_SCHEMA
    assert detail == f"the writer's schema, its named types unfolded, is nested deeper than {MAX_UNFOLDED_DEPTH} levels"


@pytest.mark.parametrize(
    ("wrap", "length"),
    [
        (array_of, MAX_UNFOLDED_DEPTH // 2),
        (map_of, MAX_UNFOLDED_DEPTH // 2),
        (lambda name: ["null", name], MAX_UNFOLDED_DEPTH // 2),
        (lambda name: name, MAX_UNFOLDED_DEPTH - 1),
    ],
)
def test_records_that_hold_each_other_as_deeply_as_may_be_are_read(wrap, length):
    assert verdict(chain(length, wrap), bytes(length) + b"\x01") is None
    reason, _ = verdict(chain(length + 1, wrap))
    assert reason is Reason.INCOMPATIBLE_SCHEMA


def nest(levels: int, width: int):
    """Nulls within records within records, `width` each time."""
    inner = "null"
    for level in range(levels):
        inner = record(f"L{level}", inner, *[inner if level == 0 else f"L{level - 1}"] * (width - 1))
    return inner


@pytest.mark.parametrize(
    ("avro_type", "detail"),
    [
        (nest(7, 10), "a datum of the writer's schema may hold 11111097 values beyond those that its bytes"),
        (record("Wide", *["null"] * (MAX_UNPAID_VALUES + 15)), f"more than {MAX_UNPAID_VALUES}: a few bytes would"),
        (["null", nest(7, 10)], "a datum of the writer's schema may hold"),
        (array_of(record("I", "boolean", *["null"] * 1000)), "an array in the writer's schema may hold more than 16"),
        (array_of(record("I", "boolean", *["null"] * 15)), "an array in the writer's schema may hold more than 16"),
        (array_of(record("I", *["null"] * 16)), "an array in the writer's schema may hold more than 16"),
        (array_of(["null", record("I", *["null"] * 32)]), "an array in the writer's schema may hold more than 16"),
        (map_of(record("I", *["null"] * 16)), "a map in the writer's schema may hold more than 16 values a byte"),
        (
            record("T", ["null", "T"], ["null", "T"], *["null"] * 1000),
            "record 'T', which stands within itself, may hold",
        ),
        (record("T", array_of("T"), *["null"] * 7), "record 'T', which stands within itself, may hold"),
    ],
)
def test_values_without_bytes_are_bounded(avro_type, detail):
    reason, found = verdict(record_of(avro_type, x="boolean"))
    assert reason is Reason.INCOMPATIBLE_SCHEMA
    assert detail in found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("avro_type", "value"),
    [
        (record("Wide", *["null"] * (MAX_UNPAID_VALUES + 13)), b""),
        (array_of(record("I", "boolean", *["null"] * 14)), b"\x06\x00\x01\x00\x00"),
        (array_of(record("I", *["null"] * 15)), b"\x06\x00"),
        (map_of(record("I", *["null"] * 15)), b"\x02\x02a\x00"),
        (array_of(["null", record("I", *["double"] * 300)]), b"\x06\x00\x00\x00\x00"),
        (record("T", "double", array_of(record("E", "T"))), bytes(9)),
        (record("T", ["null", "T"], ["null", "T"], ["null", record("Big", *["double"] * 300)]), bytes(3)),
        (record("T", array_of("T"), *["null"] * 6), b"\x02\x00\x00"),
    ],
)
def test_what_its_bytes_pay_for_is_read(avro_type, value):
    assert verdict(record_of(avro_type, x="boolean"), value + b"\x01") is None


@pytest.mark.parametrize(
    ("avro_type", "features", "detail"),
    [
        ([], numeric("x"), "a union of no types, which no value fits"),
        ({"type": "enum", "name": "E", "symbols": []}, levelled("f0", "a"), "enum 'E' of the writer's schema has no"),
    ],
)
def test_a_type_of_no_values_is_incompatible(avro_type, features, detail):
    decoder = make_decoder(record_of(avro_type, x="boolean"))
    for size in (1, ENOUGH_FOR_COLUMNS):
        rejected = decoder.decode([HEAD + b"\x00\x00"] * size, features).rejected
        assert [one.reason for one in rejected] == [Reason.INCOMPATIBLE_SCHEMA] * size
        assert detail in rejected[0].detail
