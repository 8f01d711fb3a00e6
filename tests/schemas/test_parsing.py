import io
import json

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer

from scoreline.errors import SchemaError
from scoreline.schemas.framing import fingerprint_of
from scoreline.schemas.parsing import MAX_DEPTH, are_equal, mean_the_same, parse_schema_text, to_text


def record(fields, **attributes) -> str:
    return json.dumps({"type": "record", "name": "a.B", "fields": fields, **attributes})


def nested(levels: int) -> str:
    schema: object = "int"
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return json.dumps(schema)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        "3",
        "null",
        "true",
        "{}",
        '"nope"',
        '{"type": "record"}',
        '{"type": "record", "name": "a", "fields": 3}',
        '{"type": "enum", "name": "e", "symbols": ["a", "a"]}',
        '{"type": "array"}',
        '{"type": "fixed", "name": "f", "size": "8"}',
        '{"type": "fixed", "name": "f", "size": -1}',
        '{"type": "fixed", "name": "f", "size": 2147483648}',
        '{"type": "fixed", "name": "f", "size": 1' + 30 * "0" + "}",
        '{"type": {"type": {"type": "int"}}}',
        record([{"name": "x", "type": "int"}, {"name": "x", "type": "string"}]),
        record([{"name": "x", "type": "int", "default": "text"}]),
        record([{"name": "x", "type": "c.D"}]),
        nested(MAX_DEPTH + 1),
        "[" * 100_000,
        nested(150),
    ],
    ids=lambda text: text[:40],
)
def test_every_defect_is_a_schema_error(text):
    with pytest.raises(SchemaError, match="not a valid Avro schema"):
        parse_schema_text(text)


def test_the_largest_fixed_that_can_be_is_still_parsed():
    assert parse_schema_text('{"type": "fixed", "name": "f", "size": 2147483647}')["size"] == 2**31 - 1


def test_a_schema_that_nests_deeply_is_still_parsed():
    assert parse_schema_text(nested(MAX_DEPTH - 1))


def test_the_text_of_a_schema_parses_to_an_equal_one():
    text = record([{"name": "x", "type": ["null", "string"], "default": None, "doc": "ü"}], doc="said", aliases=["c.D"])
    schema = parse_schema_text(text)

    assert are_equal(parse_schema_text(to_text(schema)), schema)
    assert json.loads(to_text(schema)) == {**json.loads(text), "aliases": ["c.D"]}


def test_descriptions_and_defaults_do_not_change_the_meaning_but_logical_types_do():
    plain = parse_schema_text(record([{"name": "x", "type": {"type": "long"}}]))
    said = parse_schema_text(record([{"name": "x", "type": {"type": "long"}, "default": 3, "doc": "said"}]))
    logical = parse_schema_text(record([{"name": "x", "type": {"type": "long", "logicalType": "timestamp-millis"}}]))

    assert mean_the_same(plain, said)
    assert not are_equal(plain, said)
    assert not mean_the_same(plain, logical)
    assert fingerprint_of(plain) == fingerprint_of(logical)


def test_referenced_types_are_put_where_they_are_first_used():
    """What comes out needs nothing beside it: written with references, it reads and fingerprints as if spelled out."""
    point = {"type": "record", "name": "n.Point", "fields": [{"name": "x", "type": "int"}]}
    line = {
        "type": "record",
        "name": "n.Line",
        "fields": [{"name": "a", "type": "Point"}, {"name": "b", "type": "Point"}],
    }
    outer = {
        "type": "record",
        "name": "n.Outer",
        "fields": [
            {"name": "first", "type": "Point"},
            {"name": "lines", "type": {"type": "array", "items": "n.Line"}},
            {"name": "spare", "type": ["null", "Point"]},
            {"name": "more", "type": {"type": "map", "values": "Outer"}},
        ],
    }
    parsed_point = parse_schema_text(json.dumps(point))
    parsed_line = parse_schema_text(json.dumps(line), {"n.Point": parsed_point})

    schema = parse_schema_text(json.dumps(outer), {"n.Line": parsed_line, "n.Point": parsed_point})

    outer["fields"][0]["type"] = point
    outer["fields"][1]["type"]["items"] = line
    spelled_out = parse_schema(outer)
    assert fingerprint_of(schema) == fingerprint_of(spelled_out)
    datum = {
        "first": {"x": 0},
        "lines": [{"a": {"x": 1}, "b": {"x": 2}}],
        "spare": {"x": 3},
        "more": {"k": {"first": {"x": 4}, "lines": [], "spare": None, "more": {}}},
    }
    written = io.BytesIO()
    schemaless_writer(written, schema, datum)
    assert schemaless_reader(io.BytesIO(written.getvalue()), spelled_out) == datum


def test_a_reference_that_is_missing_is_a_schema_error():
    other = parse_schema_text(record([]))

    with pytest.raises(SchemaError, match=r"n\.Point"):
        parse_schema_text(record([{"name": "x", "type": "n.Point"}], name="n.C"), {"a.B": other})
